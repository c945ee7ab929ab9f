// SPDX-License-Identifier: GPL-2.0-or-later
#include "control/hca.h"

#include <errno.h>

#include <urcu/compiler.h>

#include "control/pages.h"
#include "engine/vhca.h"
#include "log.h"
#include "wire/guest.h"

int hca_open(struct guest *guest, struct wire_port *port, struct jobs *jobs)
{
	struct hca *hca = &guest->hca;

	hca->wire = wire_guest_new(port, guest->vhca->poller);
	if (!hca->wire)
		return -1;
	hca->port = port;
	lane_init(&hca->lane, jobs);
	vhca_set_wire(guest->vhca, wire_guest_wire(hca->wire));
	return 0;
}

void hca_close(struct guest *guest)
{
	if (guest->hca.wire)
		wire_guest_free(guest->hca.wire);
	guest->hca = (struct hca){ 0 };
}

/* ---- QPs that have failed ---------------------------------------------- */

static void fail(struct job *job)
{
	struct hca *hca = caa_container_of(job, struct hca, fault);
	const struct vib_qp_attr attr = { .state = VIB_QPS_ERR };

	/* One that is in RESET cannot; it has nothing to flush. */
	(void)wire_qp_modify(hca->failed, VIB_QP_STATE, &attr, NULL);
}

static void fault_is_told(struct job *job)
{
	struct hca *hca = caa_container_of(job, struct hca, fault);

	hca->fault_runs = false;
	if (!hca->clearing)
		hca_serve_faults(caa_container_of(hca, struct guest, hca));
}

void hca_serve_faults(struct guest *guest)
{
	struct hca *hca = &guest->hca;

	if (!hca->wire || hca->fault_runs || hca->clearing)
		return;
	hca->failed = wire_take_failed(wire_guest_wire(hca->wire));
	if (!hca->failed)
		return;
	hca->fault_runs = true;
	hca->fault = (struct job){ .slice = fail, .after = fault_is_told };
	jobs_submit(&hca->lane.jobs, &hca->fault);
}

/* ---- the end ----------------------------------------------------------- */

static void clear(struct job *job)
{
	struct hca *hca = caa_container_of(job, struct hca, clear);

	wire_guest_clear(hca->wire);
}

static void is_clear(struct job *job)
{
	struct hca *hca = caa_container_of(job, struct hca, clear);

	hca->cleared(caa_container_of(hca, struct guest, hca));
}

bool hca_clear(struct guest *guest, void (*cleared)(struct guest *guest))
{
	struct hca *hca = &guest->hca;

	if (!hca->wire)
		return false;
	hca->clearing = true;
	hca->cleared = cleared;
	hca->clear = (struct job){ .slice = clear, .after = is_clear };
	jobs_submit(&hca->lane.jobs, &hca->clear);
	return true;
}
