// SPDX-License-Identifier: GPL-2.0-or-later
/* libvib and a backend that is wrong: it is left, with the reason, and no harm. */
#include "cm.h"

#include <endian.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <xen-ib/xenstore.h>

#include "libvib/datapath.h"
#include "libvib/vib.h"
#include "tempdir.h"
#include "xenport/xenport.h"

/* What the backend does that it must not, or what it does with a command. */
enum mischief {
	NONE,
	/* in the handshake */
	NO_SESSION,
	OTHER_VERSION,
	REFUSES,
	OFFERS_ANEW,
	/* with a command */
	WRONG_ID,
	WRONG_OPERATION,
	POSITIVE_STATUS,
	STATUS_NO_ERRNO,
	TWO_RESPONSES,
	INDEX_FAR,
	INDEX_BEHIND,
	TABLES_TOO_LARGE,
	CQ_ENDS_BEYOND,  /* the queue that was resized had so many never */
	CQ_ENDS_IN_VOID, /* before entries that are not there */
	LEAVES,
	CLOSES,
	SPEAKS_FIRST, /* with an async event behind the answer */
};

static struct {
	struct xenport *xp;
	pthread_t thread;
	int stop_fd;
	enum mischief mischief;
	bool offered_anew;
	/* of the one guest */
	char be[64], fe[64];
	uint16_t domid;
	uint32_t port;
	struct vib_control_page *page;
	struct vib_control_sring *sring;
	struct vib_control_back_ring ring;
	struct vib_queue async;
} wrong;

static char why[LIBVIB_WHY_SIZE];

/* ---- the backend, in a thread of its own ------------------------------- */

static void put(const char *dir, const char *key, const char *value)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/%s", dir, key);
	if (xenport_write(wrong.xp, XENPORT_NO_TRANSACTION, path, value) < 0)
		abort();
}

/* A node as a number; -1 if there is none. */
static long get(const char *dir, const char *key)
{
	char path[128], value[64];

	snprintf(path, sizeof(path), "%s/%s", dir, key);
	if (xenport_read(wrong.xp, XENPORT_NO_TRANSACTION, path, value, sizeof(value)) <
	    0)
		return -1;
	return atol(value);
}

static void offer(void)
{
	put(wrong.be, VIB_BE_VERSIONS, wrong.mischief == OTHER_VERSION ? "2,17" : "3,1");
	put(wrong.be, VIB_BE_SESSION,
	    wrong.mischief == NO_SESSION ? "none" : "0123456789abcdef");
	if (wrong.mischief == REFUSES) {
		put(wrong.be, VIB_BE_ERROR, "not on a Sunday");
		put(wrong.be, VIB_BE_STATE, "6");
		return;
	}
	put(wrong.be, VIB_BE_STATE, "2");
}

static void *map(const char *key)
{
	uint32_t ref = (uint32_t)get(wrong.fe, key);
	void *page = xenport_map(wrong.xp, wrong.domid, &ref, 1, true);

	if (!page)
		abort();
	return page;
}

static void connect_guest(void)
{
	if (wrong.mischief == OFFERS_ANEW) {
		if (!wrong.offered_anew)
			put(wrong.be, VIB_BE_SESSION, "fedcba9876543210");
		wrong.offered_anew = true;
		return;
	}
	wrong.page = map(VIB_FE_CONTROL_REF);
	wrong.sring = map(VIB_FE_RING_REF);
	BACK_RING_INIT(&wrong.ring, wrong.sring, VIB_PAGE_SIZE);
	vib_queue_init(&wrong.async, map(VIB_FE_ASYNC_REF), VIB_ASYNC_ORDER,
		       sizeof(struct vib_async_event));
	if (xenport_bind(wrong.xp, wrong.domid,
			 (uint32_t)get(wrong.fe, VIB_FE_EVENT_CHANNEL), &wrong.port) < 0)
		abort();
	wrong.page->backend_alive = 1;
	put(wrong.be, VIB_BE_STATE, "4");
}

static void look_at_store(void)
{
	long state;
	char **names;
	int n;

	if (!wrong.domid) {
		n = xenport_list(wrong.xp, XENPORT_NO_TRANSACTION,
				 "/local/domain/0/backend/vib", &names);
		if (n < 0)
			return;
		wrong.domid = n ? (uint16_t)atoi(names[0]) : 0;
		free(names);
		snprintf(wrong.be, sizeof(wrong.be), "/local/domain/0/backend/vib/%u/0",
			 wrong.domid);
		snprintf(wrong.fe, sizeof(wrong.fe), "/local/domain/%u/device/vib/0",
			 wrong.domid);
	}
	state = get(wrong.be, VIB_BE_STATE);
	if (state == 1)
		offer();
	else if (state == 2 && get(wrong.fe, VIB_FE_STATE) == 3)
		connect_guest();
	else if (state == 5 && get(wrong.fe, VIB_FE_STATE) == 6)
		put(wrong.be, VIB_BE_STATE, "6");
}

static void answer(void)
{
	struct vib_control_request req;
	struct vib_control_response *rsp;
	RING_IDX more = 0;

	RING_COPY_REQUEST(&wrong.ring, wrong.ring.req_cons, &req);
	wrong.ring.req_cons++;
	wrong.sring->req_event = wrong.ring.req_cons + 1; /* the next one is announced */
	rsp = RING_GET_RESPONSE(&wrong.ring, wrong.ring.rsp_prod_pvt);
	memset(rsp, 0, sizeof(*rsp));
	rsp->id = (uint16_t)(req.id + (wrong.mischief == WRONG_ID));
	rsp->operation = (uint16_t)(req.operation + (wrong.mischief == WRONG_OPERATION));
	rsp->u.port.active_mtu = 5;
	if (wrong.mischief == POSITIVE_STATUS)
		rsp->status = 1;
	else if (wrong.mischief == STATUS_NO_ERRNO)
		rsp->status = INT32_MIN;
	else if (wrong.mischief == TABLES_TOO_LARGE)
		rsp->u.port.gid_tbl_len = 60000;
	else if (wrong.mischief == CQ_ENDS_BEYOND && req.operation == VIB_CMD_RESIZE_CQ)
		rsp->u.resize_cq.index = 5;
	else if (wrong.mischief == CQ_ENDS_IN_VOID && req.operation == VIB_CMD_RESIZE_CQ)
		rsp->u.resize_cq.index = 4;
	else if (wrong.mischief == TWO_RESPONSES)
		more = 1;
	else if (wrong.mischief == INDEX_FAR)
		more = 100000;
	else if (wrong.mischief == INDEX_BEHIND)
		more = 0u - 2;
	wrong.ring.rsp_prod_pvt += 1 + more;
	xen_wmb();
	wrong.sring->rsp_prod = wrong.ring.rsp_prod_pvt;
}

static void speak(void)
{
	struct vib_async_event *slot = vib_queue_next_slot(&wrong.async);

	slot->type = 0xffff; /* unknown, which is the caller's to ignore */
	slot->object = 99;
	vib_queue_produce(&wrong.async);
}

static void serve_command(void)
{
	if (wrong.ring.req_cons == vib_observe32(&wrong.sring->req_prod))
		return;
	if (wrong.mischief == LEAVES)
		wrong.page->backend_alive = 0;
	else if (wrong.mischief == CLOSES)
		put(wrong.be, VIB_BE_STATE, "5");
	else
		answer();
	if (wrong.mischief == SPEAKS_FIRST)
		speak();
	xenport_notify(wrong.xp, wrong.port);
}

static void *run_backend(void *arg)
{
	struct pollfd pfds[] = {
		{ .fd = xenport_store_fd(wrong.xp), .events = POLLIN },
		{ .fd = xenport_event_fd(wrong.xp), .events = POLLIN },
		{ .fd = wrong.stop_fd, .events = POLLIN },
	};
	char path[XENPORT_PATH_MAX], token[8];
	uint32_t port;

	while (!(pfds[2].revents & POLLIN)) {
		poll(pfds, 3, -1);
		while (xenport_next_watch(wrong.xp, path, sizeof(path), token,
					  sizeof(token)) > 0)
			look_at_store();
		while (xenport_next_event(wrong.xp, &port) > 0) {
			serve_command();
			xenport_unmask(wrong.xp, port);
		}
	}
	return arg;
}

static int set_up(void **state)
{
	(void)state;
	memset(&wrong, 0, sizeof(wrong));
	tempdir_make();
	wrong.xp = xenport_open_local(tempdir_path("socket"));
	assert_non_null(wrong.xp);
	assert_int_equal(xenport_watch(wrong.xp, "/local/domain", "all"), 0);
	wrong.stop_fd = eventfd(0, 0);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	eventfd_write(wrong.stop_fd, 1);
	pthread_join(wrong.thread, NULL);
	close(wrong.stop_fd);
	xenport_close(wrong.xp);
	tempdir_remove();
	return 0;
}

static struct libvib *open_vib(enum mischief mischief)
{
	wrong.mischief = mischief;
	assert_int_equal(pthread_create(&wrong.thread, NULL, run_backend, NULL), 0);
	return libvib_open(tempdir_path("socket"), "", why, sizeof(why));
}

/* ---- tests ------------------------------------------------------------- */

static void refused(enum mischief mischief, const char *reason)
{
	assert_null(open_vib(mischief));
	if (!strstr(why, reason))
		fail_msg("'%s' says nothing of '%s'", why, reason);
}

static void offer_without_a_session_is_not_answered(void **state)
{
	(void)state;
	refused(NO_SESSION, "session");
}

static void other_version_is_not_answered(void **state)
{
	(void)state;
	refused(OTHER_VERSION, "version");
}

static void refusal_has_the_backends_words(void **state)
{
	(void)state;
	refused(REFUSES, "not on a Sunday");
}

static void offer_made_anew_is_the_end(void **state)
{
	(void)state;
	refused(OFFERS_ANEW, "could not use");
}

static void breaks(enum mischief mischief, int error, const char *failure)
{
	struct libvib *lv = open_vib(mischief);
	struct vib_port_attr port;

	assert_non_null(lv);
	assert_int_equal(libvib_query_port(lv, &port), error);
	assert_non_null(libvib_failure(lv));
	if (!strstr(libvib_failure(lv), failure))
		fail_msg("'%s' says nothing of '%s'", libvib_failure(lv), failure);
	assert_false(libvib_alive(lv));
	assert_int_equal(libvib_query_port(lv, &port), -ENODEV);
	libvib_close(lv);
}

#define BREAKS(name, mischief, error, failure)    \
	static void name(void **state)            \
	{                                         \
		(void)state;                      \
		breaks(mischief, error, failure); \
	}

BREAKS(id_of_no_request, WRONG_ID, -EPROTO, "response to nothing")
BREAKS(another_operation, WRONG_OPERATION, -EPROTO, "another operation")
BREAKS(positive_status, POSITIVE_STATUS, -EPROTO, "status")
BREAKS(status_that_is_no_errno, STATUS_NO_ERRNO, -EPROTO, "status")
BREAKS(more_responses_than_requests, TWO_RESPONSES, -EPROTO, "index")
BREAKS(response_index_far_ahead, INDEX_FAR, -EPROTO, "index")
BREAKS(response_index_behind, INDEX_BEHIND, -EPROTO, "index")
BREAKS(tables_beyond_the_abi, TABLES_TOO_LARGE, -EPROTO, "port attributes")
BREAKS(byte_is_cleared_without_an_answer, LEAVES, -ENODEV, "left the device")
BREAKS(device_is_closed_without_an_answer, CLOSES, -ENODEV, "closed the device")

static void resized_queue_ends_where_it_cannot(void **state)
{
	(void)state;
	for (enum mischief m = CQ_ENDS_BEYOND; m <= CQ_ENDS_IN_VOID; m++) {
		struct libvib *lv = open_vib(m);
		struct libvib_cq *cq;
		struct vib_cqe cqe;

		assert_non_null(lv);
		assert_int_equal(libvib_create_cq(lv, 4, NULL, &cq), 0);
		assert_int_equal(libvib_resize_cq(cq, 8), -EPROTO);
		assert_non_null(strstr(libvib_failure(lv), "entries"));
		assert_int_equal(libvib_poll_cq(cq, &cqe, 1), 0);
		assert_int_equal(libvib_destroy_cq(cq), 0);
		libvib_close(lv);
		if (m == CQ_ENDS_BEYOND) {
			tear_down(NULL);
			set_up(NULL);
		}
	}
}

static void unknown_event_is_handed_on(void **state)
{
	struct libvib *lv = open_vib(SPEAKS_FIRST);
	struct pollfd pfd = { .events = POLLIN };
	struct vib_async_event event;
	struct vib_port_attr port;

	(void)state;
	assert_non_null(lv);
	assert_int_equal(libvib_query_port(lv, &port), 0);
	pfd.fd = libvib_fd(lv);
	assert_int_equal(poll(&pfd, 1, 20000), 1);
	assert_int_equal(libvib_next_async(lv, &event), 1);
	assert_int_equal(event.type, 0xffff);
	assert_int_equal(event.object, 99);
	assert_int_equal(libvib_next_async(lv, &event), 0);
	libvib_close(lv);
}

#define test(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		test(offer_without_a_session_is_not_answered),
		test(other_version_is_not_answered),
		test(refusal_has_the_backends_words),
		test(offer_made_anew_is_the_end),
		test(id_of_no_request),
		test(another_operation),
		test(positive_status),
		test(status_that_is_no_errno),
		test(more_responses_than_requests),
		test(response_index_far_ahead),
		test(response_index_behind),
		test(tables_beyond_the_abi),
		test(byte_is_cleared_without_an_answer),
		test(device_is_closed_without_an_answer),
		test(resized_queue_ends_where_it_cannot),
		test(unknown_event_is_handed_on),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
