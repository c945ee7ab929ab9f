// SPDX-License-Identifier: GPL-2.0-or-later
/* Guests that go with much memory mapped, or being mapped: all is unmapped, in slices. */
#include <stdio.h>
#include <unistd.h>

#include "two_guests.h"

/* Its job is in the middle of much memory, and as much is mapped already. */
static void begin_much(struct peer *p)
{
	uint32_t pd = pd_of(p);

	assert_int_equal(execute(p, reg_mr(p, pd, PAGES)).status, 0);
	ask(p, reg_mr(p, pd, PAGES));
	step(p->w);
	assert_int_equal(mapped_so_far(p), FAKE_SLICE);
}

/* It is unmapped slice by slice, @p's control page at the end; others are served. */
static void assert_is_unmapped(struct peer *p, struct peer *other)
{
	struct world *w = p->w;
	unsigned int before = fake_mappings(w->xen), count = 0;

	while (fake_mappings(w->xen) > 3) {
		assert_true(is_alive(p));
		ask(other, query);
		assert_int_equal(take(other).status, 0);
		step(w);
		assert_in_range(before - fake_mappings(w->xen), 0, FAKE_SLICE + 3);
		before = fake_mappings(w->xen);
		count++;
	}
	assert_true(count >= 2);
	assert_false(is_alive(p));
	assert_true(is_idle(w));
	assert_int_equal(w->engine->mappings, 0);
}

static void frontend_that_leaves_in_mid_job_is_offered_when_all_is_unmapped(void **state)
{
	struct world *w = *state;
	char session[32];

	begin_much(&w->a);
	snprintf(session, sizeof(session), "%s", get(&w->a, VIB_BE_SESSION));
	frontend_state(&w->a, "6");
	assert_true(LIST_EMPTY(&vhca_of(&w->a)->qps) && vhca_of(&w->a)->mrs.count == 0);
	assert_state(&w->a, "4");
	frontend_state(&w->a, "1"); /* the module is back already */
	frontend_state(&w->a, "3");
	assert_string_equal(get(&w->a, VIB_BE_SESSION), session);
	assert_is_unmapped(&w->a, &w->b);
	assert_string_not_equal(get(&w->a, VIB_BE_SESSION), session);
	join(&w->a);
	register_mr(&w->a, PAGES);
}

static void frontend_that_leaves_while_it_is_unmapped(void **state)
{
	struct world *w = *state;
	uint32_t key;

	register_mr(&w->a, PAGES);
	key = register_mr(&w->a, PAGES);
	ask(&w->a, dereg_mr(key));
	step(w);
	frontend_state(&w->a, "6");
	assert_is_unmapped(&w->a, &w->b);
	assert_state(&w->a, "2");
}

static void device_that_is_refused_in_mid_job(void **state)
{
	struct world *w = *state;

	begin_much(&w->a);
	vhca_break(vhca_of(&w->a), "for a test");
	fake_loop(w->xen);
	assert_state(&w->a, "5");
	assert_string_equal(get(&w->a, VIB_BE_ERROR), "for a test");
	frontend_state(&w->a, "6");
	assert_state(&w->a, "5");
	assert_is_unmapped(&w->a, &w->b);
	assert_state(&w->a, "6");
}

static void device_that_is_detached_in_mid_job(void **state)
{
	struct world *w = *state;

	begin_much(&w->a);
	put(&w->a, w->a.be, VIB_BE_ONLINE, "0");
	put(&w->a, w->a.be, VIB_BE_STATE, "5");
	fake_loop(w->xen);
	frontend_state(&w->a, "5");
	frontend_state(&w->a, "6");
	assert_state(&w->a, "5");
	assert_is_unmapped(&w->a, &w->b);
	assert_state(&w->a, "6");
}

static void removed_device_is_freed_when_all_is_unmapped(void **state)
{
	struct world *w = *state;

	begin_much(&w->a);
	xenport_rm(fake_xen_port(w->xen), 0, w->a.be);
	fake_loop(w->xen);
	assert_non_null(vib_of(&w->a));
	assert_is_unmapped(&w->a, &w->b);
	assert_null(vib_of(&w->a));
	assert_null(get(&w->a, "state"));
}

static void device_made_anew_waits_until_the_old_is_unmapped(void **state)
{
	struct world *w = *state;

	begin_much(&w->a);
	xenport_rm(fake_xen_port(w->xen), 0, w->a.be);
	fake_loop(w->xen);
	step(w);
	plug(&w->a, 0x77);
	assert_state(&w->a, "1");
	assert_is_unmapped(&w->a, &w->b);
	assert_state(&w->a, "2");
	join(&w->a);
	assert_int_equal(vib_of(&w->a)->vport.attr.port_guid, 0x02163e0000000077);
}

/* A guest that reboots is another domain with the same GUID, before the first is gone. */
static void successor_of_a_dead_domain_does_not_wait(void **state)
{
	struct world *w = *state;
	struct peer successor = { 0 };

	begin_much(&w->a);
	fake_release(fake_xen_store(w->xen), 1);
	fake_loop(w->xen);
	assert_state(&w->a, "4");
	make_peer(w, &successor, 3);
	put(&successor, successor.be, VIB_BE_STATE, "6"); /* that was of another GUID */
	xenport_rm(fake_xen_port(w->xen), 0, successor.be);
	fake_loop(w->xen);
	plug(&successor, 1);
	assert_state(&successor, "2");
	assert_is_unmapped(&w->a, &w->b);
	assert_state(&w->a, "6");
}

static void daemon_that_ends_unmaps_all_guests_at_the_same_time(void **state)
{
	struct world *w = *state;
	struct peer third = { 0 };

	uint32_t pd;

	make_peer(w, &third, 3);
	join(&third);
	register_mr(&w->b, PAGES);
	pd = pd_of(&w->b);
	begin_much(&w->a);
	ask(&w->b, reg_mr(&w->b, pd, PAGES));
	steps(w, 2);
	assert_int_equal(mapped_so_far(&w->a), 2 * FAKE_SLICE);
	assert_int_equal(mapped_so_far(&w->b), FAKE_SLICE);
	w->stopped = true;
	backend_stop(&w->backend);
	/* Who has nothing waits for nobody. */
	assert_state(&third, "1");
	assert_false(is_alive(&third));
	assert_true(is_alive(&w->a) && is_alive(&w->b));
	assert_state(&w->a, "4");
	while (is_alive(&w->b))
		assert_true(by_step(fake_jobs(w->xen)));
	assert_state(&w->b, "1");
	/* The other, who has a slice more, had its turns too. */
	assert_in_range(fake_mappings(w->xen), 3, 3 + FAKE_SLICE);
	assert_true(is_alive(&w->a));
	by_steps(fake_jobs(w->xen));
	assert_state(&w->a, "1");
	assert_false(is_alive(&w->a));
	assert_true(LIST_EMPTY(&w->backend.vibs));
	/* And nothing keeps the loop. */
	assert_int_equal(uv_run(&w->loop, UV_RUN_DEFAULT), 0);
}

/* The work queues of a QP are two ranges; it ends between them, and within each. */
static void queue_pair_that_is_never_made_leaves_nothing(void **state)
{
	struct world *w = *state;
	uint32_t *list = memory_of(&w->a, LIST);
	struct vib_control_request req = { .operation = VIB_CMD_CREATE_QP };
	struct vib_cmd_create_qp *qp = &req.u.create_qp;

	for (unsigned int ends_at = 0; ends_at < 5; ends_at++) {
		qp->pd = pd_of(&w->a);
		qp->doorbell = number_of(execute(
			&w->a,
			(struct vib_control_request){
				.operation = VIB_CMD_MAP_DOORBELL,
				.u.map_doorbell = { .ref = page_of(&w->a, DOORBELL),
						    .event_channel = 40 } }));
		(void)reg_mr(&w->a, 0, 1); /* for its list */
		assert_int_equal(list[0], page_of(&w->a, DATA));
		qp->send_cq = qp->recv_cq = number_of(execute(
			&w->a,
			(struct vib_control_request){
				.operation = VIB_CMD_CREATE_CQ,
				.u.create_cq = {
					.eq = VIB_NO_OBJECT,
					.order = 4,
					.pages = { queue_pages(4, sizeof(struct vib_cqe)),
						   page_of(&w->a, DOORBELL + 1) } } }));
		qp->srq = VIB_NO_OBJECT;
		qp->type = VIB_QPT_RC;
		qp->sq = (struct vib_work_queue){
			.order = 8,
			.stride = vib_send_stride(1, 0, VIB_QPT_RC),
			.max_sge = 1,
			.pages = { 0, page_of(&w->a, LIST) },
		};
		qp->sq.pages.count = queue_pages(8, qp->sq.stride);
		qp->rq = qp->sq;
		qp->rq.stride = vib_recv_stride(1);
		qp->rq.pages.count = queue_pages(8, qp->rq.stride);
		assert_true(qp->sq.pages.count > FAKE_SLICE &&
			    qp->rq.pages.count > FAKE_SLICE);
		ask(&w->a, req);
		steps(w, ends_at);
		assert_false(is_answered(&w->a));
		frontend_state(&w->a, "6");
		fake_settle(w->xen);
		assert_int_equal(fake_mappings(w->xen), 3);
		assert_int_equal(w->engine->mappings, 0);
		join(&w->a);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		test(frontend_that_leaves_in_mid_job_is_offered_when_all_is_unmapped),
		test(frontend_that_leaves_while_it_is_unmapped),
		test(device_that_is_refused_in_mid_job),
		test(device_that_is_detached_in_mid_job),
		test(removed_device_is_freed_when_all_is_unmapped),
		test(device_made_anew_waits_until_the_old_is_unmapped),
		test(successor_of_a_dead_domain_does_not_wait),
		test(daemon_that_ends_unmaps_all_guests_at_the_same_time),
		test(queue_pair_that_is_never_made_leaves_nothing),
	};

	alarm(120);
	return cmocka_run_group_tests_name("departures", tests, NULL, NULL);
}
