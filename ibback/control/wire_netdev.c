// SPDX-License-Identifier: GPL-2.0-or-later
#include "control/wire_netdev.h"

#include <errno.h>
#include <string.h>

#include "control/subnets.h"
#include "control/wire.h"
#include "log.h"
#include "wire/groups6.h"
#include "wire/leftovers.h"
#include "wire/netdev.h"

static void on_room(void *arg)
{
	const struct wire *w = arg;

	subnet_wire_room(subnets_wire(w->fabric));
}

/* -1 and errno. */
static int use_device(struct wire *w, const char *name)
{
	struct fabric *f = w->fabric;

	if (leftovers_note(w->wires->leftovers, name) < 0)
		log_warn("netdev %s: its addresses will stay if ibback does not come "
			 "back to it: %s",
			 name, strerror(errno));
	w->netdev = netdev_start(w->wires->loop, w->wires->jobs, name);
	if (!w->netdev)
		return -1;
	f->groups = groups6_new(w->netdev, on_room, w);
	if (!f->groups || wire_vports_start(&w->vports, w->netdev, f) < 0) {
		netdev_stop(w->netdev);
		w->netdev = NULL;
		groups6_free(f->groups);
		f->groups = NULL;
		errno = ENOMEM;
		return -1;
	}
	netdev_touch(w->netdev); /* leftovers go, whoever comes */
	return 0;
}

/* Said once of each name that the HCA has for it. */
static void say_netdev(struct wire *w, const char *used)
{
	const struct fabric *f = w->fabric;
	const char *hcas = w->state.netdev;

	if (w->netdev_said && strcmp(w->said_netdev, hcas) == 0)
		return;
	w->netdev_said = true;
	strcpy(w->said_netdev, hcas);
	if (!used[0])
		log_err("fabric %s: %s names no network device, so it stays down; want "
			"netdev = NAME in ibback.conf",
			f->name, f->device);
	else if (hcas[0] && strcmp(used, hcas) != 0)
		log_warn("fabric %s: addresses are put on %s, but %s is on %s; want "
			 "netdev = %s in ibback.conf, and ibback restarted",
			 f->name, used, f->device, hcas, hcas);
}

void wire_netdev_use(struct wire *w)
{
	const struct fabric *f = w->fabric;
	const char *name = w->netdev      ? netdev_name(w->netdev)
			   : f->netdev[0] ? f->netdev
					  : w->state.netdev;

	say_netdev(w, name);
	if (!w->netdev && name[0] && use_device(w, name) < 0)
		log_err("fabric %s: cannot put addresses on %s: %s", f->name, name,
			strerror(errno));
}

const char *wire_netdev_name(const struct wire *w)
{
	return w->netdev ? netdev_name(w->netdev) : w->fabric->netdev;
}

void wire_netdev_stop(struct wire *w)
{
	netdev_stop(w->netdev);
	wire_vports_stop(&w->vports);
	groups6_free(w->fabric->groups);
	w->fabric->groups = NULL;
}
