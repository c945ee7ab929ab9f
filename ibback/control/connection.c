// SPDX-License-Identifier: GPL-2.0-or-later
#include "control/connection.h"

#include <errno.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <urcu/compiler.h>

#include <xen-ib/barrier.h>
#include <xen-ib/xenstore.h>

#include "control/command.h"
#include "engine/clock.h"
#include "engine/vhca.h"

static void on_ended(struct guest *guest)
{
	struct connection *c = caa_container_of(guest, struct connection, guest);

	c->cleared(c);
}

bool connection_clear(struct connection *c, void (*cleared)(struct connection *c))
{
	c->cleared = cleared;
	return object_clear(&c->guest, on_ended);
}

void connection_close(struct connection *c)
{
	struct xenport *xp = c->guest.xp;

	pages_fini(&c->guest);

	/* The control page last but for its event channel: its unmapping tells
	 * the frontend that the other pages are no longer ours.
	 */
	if (c->async_page)
		xenport_unmap(xp, c->async_page, 1);
	if (c->sring)
		xenport_unmap(xp, c->sring, 1);
	if (c->page)
		xenport_unmap(xp, c->page, 1);
	if (c->port)
		xenport_unbind(xp, c->port);
	memset(c, 0, sizeof(*c));
}

/* -1: why @value of the frontend's node @key did not do, by errno; nothing is left. */
static int unusable(struct connection *c, const char *key, uint32_t value,
		    const char *want, char *why, size_t size)
{
	snprintf(why, size, "%s=\"%" PRIu32 "\": %s; want %s for the backend's domain",
		 key, value, strerror(errno), want);
	connection_close(c);
	return -1;
}

int connection_open(struct connection *c, struct xenport *xp, uint16_t domid,
		    const struct connection_refs *refs, char *why, size_t size)
{
	memset(c, 0, sizeof(*c));
	c->guest.xp = xp;
	c->guest.domid = domid;

	if (xenport_bind(xp, domid, refs->event_channel, &c->port) < 0)
		return unusable(c, VIB_FE_EVENT_CHANNEL, refs->event_channel,
				"an unbound event channel", why, size);
	c->page = xenport_map_notify(xp, domid, refs->control,
				     offsetof(struct vib_control_page, backend_alive),
				     c->port);
	if (!c->page)
		return unusable(c, VIB_FE_CONTROL_REF, refs->control, "a grant", why,
				size);
	c->sring = xenport_map(xp, domid, &refs->ring, 1, true);
	if (!c->sring)
		return unusable(c, VIB_FE_RING_REF, refs->ring, "a grant", why, size);
	c->async_page = xenport_map(xp, domid, &refs->async, 1, true);
	if (!c->async_page)
		return unusable(c, VIB_FE_ASYNC_REF, refs->async, "a grant", why, size);

	BACK_RING_INIT(&c->ring, c->sring, VIB_PAGE_SIZE);
	vib_queue_init(&c->async, c->async_page, VIB_ASYNC_ORDER,
		       sizeof(struct vib_async_event));
	*(volatile __u8 *)&c->page->backend_alive = 1;
	return 0;
}

/* How often one call goes back to a ring that fills up while it is emptied, and how
 * long it goes on: large memory takes its time to map.
 */
#define SERVICE_ROUNDS 4
#define SERVICE_NS     2000000

static void put_response(struct connection *c, const struct vib_control_response *rsp)
{
	*RING_GET_RESPONSE(&c->ring, c->ring.rsp_prod_pvt) = *rsp;
	c->ring.rsp_prod_pvt++;
}

/* It is told to the frontend by the service that follows. */
static void on_answered(struct command *command)
{
	struct connection *c = caa_container_of(command, struct connection, command);

	put_response(c, &command->rsp);
	c->parked = false;
	c->resumed(c);
}

static void execute(struct connection *c, struct vport *vport,
		    const struct vib_control_request *req)
{
	c->command.req = *req;
	c->command.guest = &c->guest;
	c->command.answered = on_answered;
	if (command_execute(&c->command, vport))
		put_response(c, &c->command.rsp);
	else
		c->parked = true;
}

static struct vib_control_request *waiting(struct connection *c, uint32_t index)
{
	return &c->waiting[(c->first_waiting + index) % VIB_CONTROL_RING_SIZE];
}

/* While a command goes on, which may be long: a port's changes are asked for now. */
static void answer_or_wait(struct connection *c, const struct vport *vport,
			   const struct vib_control_request *req)
{
	struct vib_control_response rsp;

	if (command_query(req, &c->guest, vport, &rsp))
		put_response(c, &rsp);
	else
		*waiting(c, c->num_waiting++) = *req;
}

/* Execute those that had to wait. */
static void catch_up(struct connection *c, struct vport *vport, uint64_t until)
{
	while (c->num_waiting && !c->parked && clock_ns() < until) {
		const struct vib_control_request *req = waiting(c, 0);

		c->first_waiting++;
		c->num_waiting--;
		execute(c, vport, req);
	}
}

/* Take one request out of the ring. */
static void serve_next(struct connection *c, struct vport *vport)
{
	struct vib_control_request req;

	RING_COPY_REQUEST(&c->ring, c->ring.req_cons, &req);
	vib_copy_barrier();
	c->ring.req_cons++;
	if (c->parked)
		answer_or_wait(c, vport, &req);
	else
		execute(c, vport, &req);
}

/* Returns 1 if requests are left that nothing else will remind of. */
static int answer_requests(struct connection *c, struct vport *vport, bool *notify)
{
	uint64_t until = clock_ns() + SERVICE_NS;
	RING_IDX prod;
	int more = 1, must_notify;

	catch_up(c, vport, until);
	for (int round = 0; more && round < SERVICE_ROUNDS && clock_ns() < until;
	     round++) {
		prod = vib_observe32(&c->ring.sring->req_prod);
		if (RING_REQUEST_PROD_OVERFLOW(&c->ring, prod))
			return -1;
		while (c->ring.req_cons != prod && clock_ns() < until)
			serve_next(c, vport);
		RING_PUSH_RESPONSES_AND_CHECK_NOTIFY(&c->ring, must_notify);
		*notify |= must_notify;
		RING_FINAL_CHECK_FOR_REQUESTS(&c->ring, more);
	}
	return more || (c->num_waiting && !c->parked);
}

/* The next event that is due. false if there is none. */
static bool take_event(struct connection *c, uint16_t *type, uint32_t *object)
{
	if (!c->async_pending)
		return async_take(&c->guest.vhca->async, type, object);
	*type = (uint16_t)__builtin_ctz(c->async_pending);
	*object = VIB_PORT;
	c->async_pending &= c->async_pending - 1;
	return true;
}

/* Returns 1 if there may be events that found no room. */
static int deliver_events(struct connection *c, bool *notify)
{
	uint32_t from = c->async.index, object;
	int room = vib_queue_room(&c->async);
	uint16_t type;

	if (room < 0)
		return -1;
	for (; room > 0 && take_event(c, &type, &object); room--) {
		struct vib_async_event *slot = vib_queue_next_slot(&c->async);

		slot->type = type;
		slot->reserved = 0;
		slot->object = object;
		memset(slot->reserved2, 0, sizeof(slot->reserved2));
		vib_queue_produce(&c->async);
	}
	if (c->async.index != from)
		*notify |= vib_queue_must_notify(&c->async, from);
	return room == 0;
}

int connection_service(struct connection *c, struct vport *vport, const char **cause)
{
	bool notify = false;
	int more = answer_requests(c, vport, &notify), events;

	if (more < 0) {
		*cause = "req_prod is beyond the control ring";
		return -1;
	}
	events = deliver_events(c, &notify);
	if (events < 0) {
		*cause = "cons is beyond the async event queue";
		return -1;
	}
	/* Fails only when the frontend has closed its end, which xenbus will tell. */
	if (notify)
		(void)xenport_notify(c->guest.xp, c->port);
	*cause = vhca_broken(c->guest.vhca);
	if (*cause)
		return -1;
	return more || events;
}

void connection_raise(struct connection *c, enum vib_async_type type)
{
	c->async_pending |= 1u << type;
}
