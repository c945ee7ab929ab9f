// SPDX-License-Identifier: GPL-2.0-or-later
/* What a guest's kernel asks for itself: memory for DMA, MADs, counters. */
#include <errno.h>

#include "two_gsis.h"

/* Pages of the other guest that stay mapped. */
#define CONNECTION 3

/* ---- memory ------------------------------------------------------------ */

static struct vib_control_request dereg_dma(uint32_t number)
{
	return (struct vib_control_request){ .operation = VIB_CMD_DEREG_DMA,
					     .u.object = { .number = number } };
}

static void memory_is_mapped_as_long_as_it_is_lent(void **state)
{
	struct world *w = *state;
	struct peer *p = &w->a;
	uint32_t number = number_of(execute(p, reg_dma(p, PAGES)));

	assert_int_equal(mapped(w), PAGES);
	assert_int_equal(vhca_of(p)->pages, PAGES);
	memset(memory_of(p, DATA + 1), 0x77, VIB_PAGE_SIZE);
	assert_int_equal(*dma_reach(vhca_of(p), &(struct mr_hint){ 0 },
				    DMA_ADDR + VIB_PAGE_SIZE, 1),
			 0x77);
	assert_int_equal(execute(p, reg_dma(p, 1)).status, -EEXIST);
	assert_int_equal(execute(p, dereg_dma(number + 1)).status, -EINVAL);
	assert_int_equal(execute(p, dereg_dma(number)).status, 0);
	assert_int_equal(mapped(w), 0);
	assert_int_equal(execute(p, dereg_dma(number)).status, -EINVAL);
}

static void memory_that_cannot_be_mapped_is_refused(void **state)
{
	struct world *w = *state;
	struct peer *p = &w->a;
	struct vib_control_request req = reg_dma(p, PAGES);

	fake_bad_page(w->xen, page_of(p, DATA + 5));
	assert_int_equal(execute(p, req).status, -ENOSPC);
	assert_int_equal(mapped(w), 0);
	req = reg_dma(p, 0);
	assert_int_equal(execute(p, req).status, -EINVAL);
	req = reg_dma(p, 1);
	req.u.reg_dma.addr++;
	assert_int_equal(execute(p, req).status, -EINVAL);
	assert_null(dma_reach(vhca_of(p), &(struct mr_hint){ 0 }, DMA_ADDR, 1));
}

static void quota_is_that_of_all_memory(void **state)
{
	struct world *w = *state;
	struct peer *p = &w->a;

	vhca_of(p)->limits.max_pages = PAGES;
	number_of(execute(p, reg_dma(p, PAGES - 1)));
	assert_int_equal(execute(p, reg_mr(p, pd_of(p), 2)).status, -ENOMEM);
	assert_int_equal(execute(p, reg_mr(p, pd_of(p), 1)).status, 0);
}

/* The device is attached with @prereg. */
static void attach_with(struct peer *p, const char *prereg)
{
	frontend_state(p, "6");
	fake_settle(p->w->xen);
	put(p, p->be, VIB_BE_ONLINE, "0");
	fake_settle(p->w->xen);
	assert_state(p, "6");
	put(p, p->be, VIB_BE_PREREG, prereg);
	plug(p, p->domid);
	join(p);
}

static void prereg_bounds_what_is_lent(void **state)
{
	struct world *w = *state;
	struct peer *p = &w->a;
	uint32_t number;

	assert_int_equal(vhca_of(p)->limits.max_dma_pages, UINT32_MAX);
	attach_with(p, "8M");
	assert_int_equal(vhca_of(p)->limits.max_dma_pages, 2048);
	vhca_of(p)->limits.max_dma_pages = 3;
	number = number_of(execute(p, reg_dma(p, 2)));
	/* Memory regions are not what it is about. */
	assert_int_equal(execute(p, reg_mr(p, pd_of(p), 2)).status, 0);
	for (uint32_t pages = 2; pages >= 1; pages--) {
		struct vib_control_request more = reg_dma(p, pages);

		more.u.reg_dma.addr += PAGES * VIB_PAGE_SIZE;
		assert_int_equal(execute(p, more).status, pages > 1 ? -ENOMEM : 0);
	}
	assert_int_equal(execute(p, dereg_dma(number)).status, 0);
	assert_int_equal(execute(p, reg_dma(p, 2)).status, 0);
}

static void prereg_of_0_lends_nothing_and_all_anything(void **state)
{
	struct world *w = *state;

	attach_with(&w->a, "0");
	assert_int_equal(execute(&w->a, reg_dma(&w->a, 1)).status, -ENOMEM);
	attach_with(&w->b, "all");
	assert_int_equal(execute(&w->b, reg_dma(&w->b, PAGES)).status, 0);
}

static void garbage_in_prereg_refuses_the_device(void **state)
{
	struct world *w = *state;
	struct peer *p = &w->a;

	frontend_state(p, "6");
	put(p, p->be, VIB_BE_ONLINE, "0");
	fake_settle(w->xen);
	put(p, p->be, VIB_BE_PREREG, "lots");
	plug(p, p->domid);
	assert_non_null(
		strstr(get(p, VIB_BE_ERROR), "prereg=\"lots\": it is not a number"));
	/* tear_down() wants a device. */
	put(p, p->be, VIB_BE_ONLINE, "0");
	fake_settle(w->xen);
	put(p, p->be, VIB_BE_PREREG, "all");
	plug(p, p->domid);
	join(p);
}

/* tear_down() finds that nothing is mapped. */
static void memory_ends_with_its_guest(void **state)
{
	struct world *w = *state;

	number_of(execute(&w->a, reg_dma(&w->a, PAGES)));
	number_of(execute(&w->b, reg_dma(&w->b, 1)));
	frontend_state(&w->a, "6");
	fake_settle(w->xen);
	assert_int_equal(fake_mappings(w->xen), CONNECTION + 1);
}

/* ---- MADs that the port answers ---------------------------------------- */

static struct vib_control_request process(struct peer *p, uint32_t page)
{
	return (struct vib_control_request){
		.operation = VIB_CMD_PROCESS_MAD,
		.port = VIB_PORT,
		.u.process_mad = { .ref = page_of(p, page) },
	};
}

static void reply_stands_behind_the_mad(void **state)
{
	struct world *w = *state;
	struct peer *p = &w->a;
	uint8_t *page = memory_of(p, PAGE_MAD);
	struct vib_control_response rsp;

	for (unsigned int i = 0; i < VIB_MAD_BYTES; i++)
		page[i] = (uint8_t)(i + 1);
	page[2 * VIB_MAD_BYTES] = 0x55;
	rsp = execute(p, process(p, PAGE_MAD));
	assert_int_equal(rsp.status, 0);
	assert_int_equal(rsp.u.process_mad.replied, 1);
	for (unsigned int i = 0; i < VIB_MAD_BYTES; i++) {
		assert_int_equal(page[i], (uint8_t)(i + 1));
		assert_int_equal(page[VIB_MAD_BYTES + i], (uint8_t) ~(i + 1));
	}
	assert_int_equal(page[2 * VIB_MAD_BYTES], 0x55);
	assert_int_equal(mapped(w), 0);
}

static void page_is_let_go_of_before_the_answer(void **state)
{
	struct world *w = *state;
	struct peer *p = &w->a;

	ask(p, process(p, PAGE_MAD));
	assert_false(is_answered(p));
	step(w); /* is mapped, and done */
	assert_int_equal(mapped(w), 1);
	assert_false(is_answered(p));
	step(w);
	assert_int_equal(mapped(w), 0);
	assert_int_equal(take(p).status, 0);
}

static void mad_without_a_reply_leaves_the_page_as_it_is(void **state)
{
	struct world *w = *state;
	struct peer *p = &w->a;
	uint8_t *page = memory_of(p, PAGE_MAD);
	struct vib_control_response rsp;

	memset(page, 0x33, VIB_PAGE_SIZE);
	page[0] = 0;
	rsp = execute(p, process(p, PAGE_MAD));
	assert_int_equal(rsp.status, 0);
	assert_int_equal(rsp.u.process_mad.replied, 0);
	for (unsigned int i = 1; i < VIB_PAGE_SIZE; i++)
		assert_int_equal(page[i], 0x33);
}

static void what_is_no_mad_of_the_port_is_refused(void **state)
{
	struct world *w = *state;
	struct peer *p = &w->a;
	struct vib_control_request req = process(p, PAGE_MAD);

	req.port = 0;
	assert_int_equal(execute(p, req).status, -EINVAL);
	req = process(p, PAGE_MAD);
	req.u.process_mad.ref = FAKE_PAGES + 1;
	assert_int_equal(execute(p, req).status, -ENOSPC);
	assert_int_equal(mapped(w), 0);
}

static void guest_may_go_while_its_mad_is_mapped(void **state)
{
	struct world *w = *state;

	ask(&w->a, process(&w->a, PAGE_MAD));
	frontend_state(&w->a, "6");
	fake_settle(w->xen);
	assert_int_equal(fake_mappings(w->xen), CONNECTION);
}

/* ---- MADs that the guest sends ----------------------------------------- */

/* A MAD whose first byte is @first, to LID 9. */
static void mad_to_nobody(struct its_gsi *g, uint8_t first)
{
	const uint8_t mad[VIB_MAD_BYTES] = { first };

	its_gsi_send(g, mad, 9);
}

static void mads_come_to_the_gsi(void **state)
{
	struct world *w = *state;
	struct its_gsi a = its_gsi(&w->a), b = its_gsi(&w->b);

	mad_to_nobody(&a, 1);
	mad_to_nobody(&b, 2);
	fake_loop(w->xen);
	assert_int_equal(w->num_taken, 2);
	for (int i = 0; i < 2; i++) {
		const struct peer *p = w->taken[i].packet.mad[0] == 1 ? &w->a : &w->b;

		assert_ptr_equal(w->taken[i].vib, vib_of(p));
		assert_int_equal(w->taken[i].packet.slid, vib_of(p)->vport.lid);
		assert_int_equal(w->taken[i].packet.dlid, 9);
		assert_int_equal(w->taken[i].packet.pkey, 0xffff);
	}
	assert_int_not_equal(w->taken[0].packet.mad[0], w->taken[1].packet.mad[0]);
}

/* Whoever sends a few is served among those of one who sends many. */
static void assert_shared(struct world *w, struct its_gsi *many, struct its_gsi *few)
{
	unsigned int place = 0;

	w->num_taken = 0;
	for (int i = 0; i < 5 * MADS_A_TURN; i++)
		mad_to_nobody(many, 1);
	mad_to_nobody(few, 2);
	fake_loop(w->xen);
	assert_int_equal(w->num_taken, 5 * MADS_A_TURN + 1);
	while (w->taken[place].packet.mad[0] != 2)
		place++;
	assert_in_range(place, 0, MADS_A_TURN);
}

static void each_has_a_share_of_a_turn(void **state)
{
	struct world *w = *state;
	struct its_gsi a = its_gsi(&w->a), b = its_gsi(&w->b);

	assert_shared(w, &a, &b);
	assert_shared(w, &b, &a);
}

static void mad_that_is_delivered_is_received(void **state)
{
	struct world *w = *state;
	struct its_gsi b = its_gsi(&w->b);
	struct mad_packet packet = { .qpn = 1, .pkey = 0xffff, .length = VIB_MAD_BYTES };
	uint8_t mad[VIB_MAD_BYTES];

	its_gsi_post(&b);
	memset(packet.mad, 0x66, sizeof(packet.mad));
	mad_deliver(vhca_of(&w->b), &packet);
	passes(w);
	assert_true(its_gsi_take(&b, mad));
	assert_memory_equal(mad, packet.mad, VIB_MAD_BYTES);
	assert_false(its_gsi_take(&b, mad));
}

static void guest_that_went_has_no_mads_taken(void **state)
{
	struct world *w = *state;
	struct its_gsi a = its_gsi(&w->a);

	mad_to_nobody(&a, 1);
	put(&w->a, w->a.fe, "state", "6");
	fake_loop(w->xen);
	assert_in_range(w->num_taken, 0, 1); /* whichever of both is seen first */
	assert_int_equal(w->num_gone, 1);
	fake_settle(w->xen);
	assert_state(&w->a, "2");
}

/* Who is told of a guest that went need not be, when all are about to. */
static void guest_does_not_go_when_ibback_does(void **state)
{
	struct world *w = *state;
	struct its_gsi a = its_gsi(&w->a);

	mad_to_nobody(&a, 1);
	backend_stop(&w->backend);
	w->stopped = true;
	fake_settle(w->xen);
	assert_int_equal(w->num_gone, 0);
}

/* ---- counters ---------------------------------------------------------- */

static void counters_are_asked_while_a_command_goes_on(void **state)
{
	const struct vib_control_request ask_counters = { .operation =
								  VIB_CMD_QUERY_COUNTERS,
							  .port = VIB_PORT };
	struct world *w = *state;
	struct its_gsi a = its_gsi(&w->a);
	struct vib_control_response rsp;

	mad_to_nobody(&a, 1);
	ask(&w->a, process(&w->a, PAGE_MAD));
	ask(&w->a, ask_counters);
	rsp = take(&w->a);
	assert_int_equal(rsp.operation, VIB_CMD_QUERY_COUNTERS);
	assert_int_equal(rsp.status, 0);
	assert_int_equal(rsp.u.counters.xmit_packets, 1);
	assert_int_equal(rsp.u.counters.xmit_bytes, VIB_MAD_BYTES);
	fake_settle(w->xen);
	assert_int_equal(take(&w->a).status, 0);
	assert_int_equal(execute(&w->b, ask_counters).u.counters.xmit_packets, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		test(memory_is_mapped_as_long_as_it_is_lent),
		test(memory_that_cannot_be_mapped_is_refused),
		test(quota_is_that_of_all_memory),
		test(prereg_bounds_what_is_lent),
		test(prereg_of_0_lends_nothing_and_all_anything),
		test(garbage_in_prereg_refuses_the_device),
		test(memory_ends_with_its_guest),
		test(reply_stands_behind_the_mad),
		test(page_is_let_go_of_before_the_answer),
		test(mad_without_a_reply_leaves_the_page_as_it_is),
		test(what_is_no_mad_of_the_port_is_refused),
		test(guest_may_go_while_its_mad_is_mapped),
		test(mads_come_to_the_gsi),
		test(each_has_a_share_of_a_turn),
		test(mad_that_is_delivered_is_received),
		test(guest_that_went_has_no_mads_taken),
		test(guest_does_not_go_when_ibback_does),
		test(counters_are_asked_while_a_command_goes_on),
	};

	alarm(120);
	return cmocka_run_group_tests_name("commands of the kernel", tests, NULL, NULL);
}
