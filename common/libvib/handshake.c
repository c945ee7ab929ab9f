// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The frontend's part of PROTOCOL.md, section 3: one offer is answered, once.
 * A process has nobody to keep its device for, so a backend that offers anew
 * finds no answer: the connection is lost, and another libvib is made.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include <xen/io/xenbus.h>

#include "libvib/internal.h"

/* Beyond what a backend takes that has its hands full. */
#define HANDSHAKE_MS 10000
#define FAREWELL_MS  2000

static const char silent[] = "ibback does not answer";
static const char gone[] = "ibback has gone away";

static int refuse(char *why, size_t size, const char *text)
{
	snprintf(why, size, "%s", text);
	return -1;
}

/* Wait until something of the backend's has changed. NULL, or why not. */
static const char *await_change(struct libvib *lv, int64_t deadline)
{
	struct pollfd pfd = { .fd = localguest_fd(lv->guest), .events = POLLIN };
	int64_t left;
	int n;

	for (;;) {
		n = lv_take_changes(lv);
		if (n)
			return n < 0 ? gone : NULL;
		left = deadline - lv_now_ms();
		if (left <= 0)
			return silent;
		poll(&pfd, 1, (int)left);
	}
}

/* The backend has closed the device: what it says of that. */
static int closed(struct libvib *lv, char *why, size_t size)
{
	lv_read(lv, lv->backend, VIB_BE_ERROR, why, size);
	if (!why[0])
		refuse(why, size, "ibback has closed the device");
	return -1;
}

static bool speaks_our_version(struct libvib *lv)
{
	char list[128], *rest = list, *word;
	uint64_t version;

	lv_read(lv, lv->backend, VIB_BE_VERSIONS, list, sizeof(list));
	while ((word = strsep(&rest, ",")))
		if (!schema_parse_uint(word, 0, UINT16_MAX, &version, NULL) &&
		    version == VIB_PROTOCOL_VERSION)
			return true;
	return false;
}

static int await_offer(struct libvib *lv, int64_t deadline, char *why, size_t size)
{
	const char *trouble;
	unsigned int state;

	for (;;) {
		state = lv_read_state(lv, lv->backend);
		if (state == XenbusStateClosing || state == XenbusStateClosed)
			return closed(lv, why, size);
		if (state == XenbusStateInitWait)
			break;
		trouble = await_change(lv, deadline);
		if (trouble)
			return refuse(why, size, trouble);
	}
	lv_read(lv, lv->backend, VIB_BE_SESSION, lv->session, sizeof(lv->session));
	if (schema_parse_session(lv->session, &(uint64_t){ 0 }, NULL) < 0)
		return refuse(why, size, "ibback offers no session");
	if (!speaks_our_version(lv))
		return refuse(why, size, "ibback speaks another version of the protocol");
	return 0;
}

/* Share the pages and the channel, and say so. */
static int answer(struct libvib *lv, char *why, size_t size)
{
	struct lv_nodes nodes = { .count = 0 };
	struct vib_control_sring *sring;
	const char *dir = lv->frontend;

	lv->shared = localguest_alloc(lv->guest, SHARED_PAGES, &lv->first_ref);
	if (!lv->shared || localguest_channel_open(lv->guest, &lv->channel) < 0) {
		snprintf(why, size, "sharing pages: %s", strerror(errno));
		return -1;
	}
	sring = (struct vib_control_sring *)(lv->shared + RING_PAGE * VIB_PAGE_SIZE);
	XEN_FRONT_RING_INIT(&lv->ring, sring, VIB_PAGE_SIZE);
	vib_queue_init(&lv->async, lv->shared + ASYNC_PAGE * VIB_PAGE_SIZE,
		       VIB_ASYNC_ORDER, sizeof(struct vib_async_event));

	lv_put_uint(&nodes, dir, VIB_FE_VERSION, VIB_PROTOCOL_VERSION);
	lv_put(&nodes, dir, VIB_FE_SESSION, lv->session);
	lv_put_uint(&nodes, dir, VIB_FE_CONTROL_REF, lv->first_ref + CONTROL_PAGE);
	lv_put_uint(&nodes, dir, VIB_FE_RING_REF, lv->first_ref + RING_PAGE);
	lv_put_uint(&nodes, dir, VIB_FE_ASYNC_REF, lv->first_ref + ASYNC_PAGE);
	lv_put_uint(&nodes, dir, VIB_FE_EVENT_CHANNEL, lv->channel.port);
	lv_put_uint(&nodes, dir, VIB_FE_STATE, XenbusStateInitialised);
	if (lv_write(lv, &nodes) < 0) {
		snprintf(why, size, "writing the frontend's nodes: %s", strerror(errno));
		return -1;
	}
	return 0;
}

static int await_connection(struct libvib *lv, int64_t deadline, char *why, size_t size)
{
	char session[sizeof(lv->session)];
	const char *trouble;
	unsigned int state;

	for (;;) {
		state = lv_read_state(lv, lv->backend);
		if (state == XenbusStateClosing || state == XenbusStateClosed)
			return closed(lv, why, size);
		lv_read(lv, lv->backend, VIB_BE_SESSION, session, sizeof(session));
		if (strcmp(session, lv->session) != 0)
			return refuse(why, size, "ibback could not use what was shared");
		if (state == XenbusStateConnected)
			return 0;
		trouble = await_change(lv, deadline);
		if (trouble)
			return refuse(why, size, trouble);
	}
}

int lv_handshake(struct libvib *lv, char *why, size_t size)
{
	int64_t deadline = lv_now_ms() + HANDSHAKE_MS;
	struct lv_nodes nodes = { .count = 0 };

	if (localguest_watch(lv->guest, lv->backend) < 0)
		return refuse(why, size, gone);
	if (await_offer(lv, deadline, why, size) < 0 || answer(lv, why, size) < 0 ||
	    await_connection(lv, deadline, why, size) < 0)
		return -1;
	lv_put_uint(&nodes, lv->frontend, VIB_FE_STATE, XenbusStateConnected);
	if (lv_write(lv, &nodes) < 0)
		return refuse(why, size, gone);
	return 0;
}

/* Without it the GUID would still be taken for a moment after libvib_close(). */
void lv_farewell(struct libvib *lv)
{
	int64_t deadline = lv_now_ms() + FAREWELL_MS;
	struct lv_nodes unplug = { .count = 0 }, removal = { .count = 0 };

	lv_put_uint(&unplug, lv->backend, VIB_BE_ONLINE, 0);
	lv_put_uint(&unplug, lv->backend, VIB_BE_STATE, XenbusStateClosing);
	lv_put_uint(&unplug, lv->frontend, VIB_FE_STATE, XenbusStateClosed);
	if (lv_write(lv, &unplug) < 0)
		return;
	while (lv_read_state(lv, lv->backend) != XenbusStateClosed)
		if (await_change(lv, deadline))
			return;
	lv_put(&removal, lv->backend, "", NULL);
	lv_put(&removal, lv->frontend, "", NULL);
	(void)lv_write(lv, &removal); /* what is left goes with the domain */
}
