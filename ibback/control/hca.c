// SPDX-License-Identifier: GPL-2.0-or-later
#include "control/hca.h"

#include <errno.h>

#include <urcu/compiler.h>

#include "control/complaints.h"
#include "control/pages.h"
#include "engine/clock.h"
#include "engine/objects.h"
#include "engine/poller.h"
#include "engine/qp.h"
#include "engine/vhca.h"
#include "wire/guest.h"

int hca_open(struct guest *guest, struct wire_port *port, uint64_t max_bytes,
	     struct jobs *jobs)
{
	struct hca *hca = &guest->hca;

	hca->wire = wire_guest_new(port, guest->vhca->poller);
	if (!hca->wire)
		return -1;
	hca->port = port;
	hca->max_bytes = max_bytes;
	hca->ethernet = wire_guest_wire(hca->wire)->ethernet;
	hca->runner = jobs;
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

	hca->fault_status = wire_qp_modify(hca->failed, VIB_QP_STATE, &attr, NULL);
}

/* What that QP has posted is not flushed. */
static void say_stuck(const struct guest *guest, int status)
{
	struct shortage s = { .kind = SHORT_OF_FLUSHES,
			      .error = -status,
			      .device = wire_port_device(guest->hca.port) };

	if (complaints_due(guest->complaints))
		complain(guest, &s);
}

static void serve_faults(struct guest *guest);

static void fault_is_told(struct job *job)
{
	struct hca *hca = caa_container_of(job, struct hca, fault);
	struct guest *guest = caa_container_of(hca, struct guest, hca);

	hca->fault_runs = false;
	if (hca->clearing)
		return;
	qp_error_is_told(guest->vhca, hca->failed_number);
	if (hca->fault_status < 0)
		say_stuck(guest, hca->fault_status);
	serve_faults(guest);
}

static void serve_faults(struct guest *guest)
{
	struct hca *hca = &guest->hca;

	if (hca->fault_runs)
		return;
	hca->failed = wire_take_failed(wire_guest_wire(hca->wire));
	if (!hca->failed)
		return;
	hca->failed_number = hca->failed->number;
	hca->fault_runs = true;
	hca->fault = (struct job){ .slice = fail, .after = fault_is_told };
	jobs_submit(&hca->lane.jobs, &hca->fault);
}

/* ---- address handles --------------------------------------------------- */

bool hca_complete_av(const struct guest *guest, struct vib_av *av)
{
	const struct hca *hca = &guest->hca;

	if (av->flags & VIB_AV_GRH || !guest->hca.ethernet)
		return true;
	if (!hca->gid_of_lid || !hca->gid_of_lid(hca->arg, av->dlid, &av->dgid))
		return false;
	av->flags |= VIB_AV_GRH;
	return true;
}

static void make_ah(struct job *job)
{
	struct hca *hca = caa_container_of(job, struct hca, ah);

	wire_ah_end_unused(hca->wire);
	hca->ah_made = wire_ah_new(hca->wire, &hca->ah_key);
}

/* It is @ah, or dead: who waits for it goes on. */
static void resolve(struct guest *guest, struct wire_ah *entry, void *ah)
{
	uint32_t qpn = wire_ah_resolve(guest->vhca->wire, entry, ah, clock_ns());
	struct qp *qp = qpn ? vhca_find_qp(guest->vhca, qpn) : NULL;

	if (qp)
		poller_kick(guest->vhca->poller, &qp->kick);
}

static void submit_clear(struct hca *hca);
static void serve_ahs(struct guest *guest);

static void ah_is_made(struct job *job)
{
	struct hca *hca = caa_container_of(job, struct hca, ah);
	struct guest *guest = caa_container_of(hca, struct guest, hca);

	hca->ah_runs = false;
	if (hca->clearing) {
		/* It is in the table, so that it ends with the others. */
		(void)wire_ah_resolve(wire_guest_wire(hca->wire), hca->entry,
				      hca->ah_made, 0);
		submit_clear(hca);
		return;
	}
	resolve(guest, hca->entry, hca->ah_made);
	serve_ahs(guest);
}

/* One after the other: a guest that names many that are dead waits for each. */
static void serve_ahs(struct guest *guest)
{
	struct hca *hca = &guest->hca;

	while (!hca->ah_runs && (hca->entry = wire_ah_next(guest->vhca->wire))) {
		hca->ah_key = hca->entry->key;
		/* On InfiniBand others of this host have the address, too. */
		if ((hca->ethernet && hca->is_local(hca->arg, &hca->ah_key.av)) ||
		    !hca_complete_av(guest, &hca->ah_key.av)) {
			resolve(guest, hca->entry, NULL);
			continue;
		}
		hca->ah_runs = true;
		hca->ah = (struct job){ .slice = make_ah, .after = ah_is_made };
		jobs_submit(hca->runner, &hca->ah);
	}
}

void hca_serve(struct guest *guest)
{
	if (!guest->hca.wire || guest->hca.clearing)
		return;
	serve_faults(guest);
	serve_ahs(guest);
	hca_serve_fasts(guest);
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

static void submit_clear(struct hca *hca)
{
	hca->clear = (struct job){ .slice = clear, .after = is_clear };
	jobs_submit(&hca->lane.jobs, &hca->clear);
}

bool hca_clear(struct guest *guest, void (*cleared)(struct guest *guest))
{
	struct hca *hca = &guest->hca;

	if (!hca->wire)
		return false;
	__atomic_store_n(&hca->clearing, true, __ATOMIC_RELAXED); /* see hca_fast.c */
	hca->cleared = cleared;
	if (!hca->ah_runs) /* else after that */
		submit_clear(hca);
	return true;
}
