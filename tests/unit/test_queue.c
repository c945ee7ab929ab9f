// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Work and completion queues: where the data of a request are, when a completion
 * event is due, and that a poller overlooks no work.
 */
#include "cm.h"

#include <pthread.h>
#include <stdlib.h>

#include <xen-ib/doorbell.h>
#include <xen-ib/queue.h>

#include "wakeup.h"

/* ---- where data are ---------------------------------------------------- */

static void data_begin_right_behind_the_operands(void **state)
{
	static const struct {
		uint8_t opcode;
		uint32_t offset, offset_ud, offset_xrc;
	} table[] = {
		{ VIB_OP_SEND, 24, 64, 40 },           { VIB_OP_SEND_IMM, 24, 64, 40 },
		{ VIB_OP_SEND_INV, 24, 64, 40 },       { VIB_OP_RDMA_WRITE, 40, 40, 40 },
		{ VIB_OP_RDMA_WRITE_IMM, 40, 40, 40 }, { VIB_OP_RDMA_READ, 40, 40, 40 },
		{ VIB_OP_ATOMIC_WRITE, 40, 40, 40 },   { VIB_OP_CMP_SWAP, 56, 56, 56 },
		{ VIB_OP_FETCH_ADD, 56, 56, 56 },
	};
	struct vib_send_wqe w;

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++) {
		assert_int_equal(vib_send_data_offset(table[i].opcode, VIB_QPT_RC),
				 table[i].offset);
		assert_int_equal(vib_send_data_offset(table[i].opcode, VIB_QPT_UD),
				 table[i].offset_ud);
		assert_int_equal(vib_send_data_offset(table[i].opcode, VIB_QPT_XRC_INI),
				 table[i].offset_xrc);
	}
	assert_ptr_equal((uint8_t *)&w + VIB_DATA_SEND, &w.u);
	assert_ptr_equal((uint8_t *)&w + VIB_DATA_RDMA, &w.u.rdma + 1);
	assert_ptr_equal((uint8_t *)&w + VIB_DATA_XRC, &w.u.xrc + 1);
	assert_ptr_equal((uint8_t *)&w + VIB_DATA_ATOMIC, &w.u.atomic + 1);
	assert_ptr_equal((uint8_t *)&w + VIB_DATA_UD, &w.u.ud + 1);
}

static const uint8_t types[] = { VIB_QPT_RC, VIB_QPT_UC, VIB_QPT_UD, VIB_QPT_XRC_INI };

static void no_opcode_puts_data_beyond_the_slot(void **state)
{
	(void)state;
	for (int opcode = 0; opcode < 256; opcode++)
		for (size_t i = 0; i < sizeof(types); i++) {
			uint32_t offset = vib_send_data_offset((uint8_t)opcode, types[i]);

			assert_true(offset >= VIB_DATA_SEND && offset <= VIB_DATA_UD);
			assert_int_equal(offset % sizeof(uint64_t), 0);
		}
}

/* The bytes of the largest request of a queue. */
static uint32_t largest_request(uint32_t sges, uint32_t inline_len, uint8_t type)
{
	static const uint8_t all[] = { VIB_OP_SEND, VIB_OP_RDMA_WRITE, VIB_OP_CMP_SWAP };
	uint32_t largest = sizeof(struct vib_send_wqe);

	for (size_t i = 0; i < (type == VIB_QPT_UD ? 1 : sizeof(all)); i++) {
		uint32_t end = vib_send_data_offset(all[i], type);
		uint32_t data = sges * 16 > inline_len ? sges * 16 : inline_len;

		if (all[i] == VIB_OP_CMP_SWAP) /* one SGE, never inline */
			data = sges ? 16 : 0;
		if (end + data > largest)
			largest = end + data;
	}
	return largest;
}

static void send_stride_is_the_smallest_that_holds_every_request(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(types); i++)
		for (uint32_t sges = 0; sges <= 61; sges++)
			for (uint32_t len = 0; len <= 984; len++) {
				uint32_t stride = vib_send_stride(sges, len, types[i]);
				uint32_t bytes = largest_request(sges, len, types[i]);

				assert_int_equal(stride % VIB_LINE, 0);
				assert_in_range(stride, bytes, bytes + VIB_LINE - 1);
			}
}

static void strides_of_the_largest_requests_are_the_largest(void **state)
{
	(void)state;
	assert_int_equal(vib_send_stride(1, 24, VIB_QPT_RC),
			 128); /* because of atomics */
	assert_int_equal(vib_send_stride(0, 24, VIB_QPT_RC), 64);
	assert_int_equal(vib_send_stride(61, 984, VIB_QPT_RC), VIB_WQE_MAX_STRIDE);
	assert_int_equal(vib_send_stride(60, 960, VIB_QPT_UD), VIB_WQE_MAX_STRIDE);
	assert_true(vib_send_stride(62, 0, VIB_QPT_RC) > VIB_WQE_MAX_STRIDE);
	assert_true(vib_send_stride(0, 961, VIB_QPT_UD) > VIB_WQE_MAX_STRIDE);
	assert_int_equal(vib_recv_stride(0), 64);
	assert_int_equal(vib_recv_stride(3), 64);
	assert_int_equal(vib_recv_stride(4), 128);
	assert_int_equal(vib_recv_stride(63), VIB_WQE_MAX_STRIDE);
	assert_true(vib_recv_stride(64) > VIB_WQE_MAX_STRIDE);
}

/* ---- completion events ------------------------------------------------- */

/* Both ends of one queue of completions. */
struct pair {
	void *memory;
	struct vib_queue prod, cons;
};

static struct pair pair_new(uint32_t order)
{
	struct pair p = { 0 };
	size_t bytes = vib_queue_bytes(order, sizeof(struct vib_cqe));

	p.memory = aligned_alloc(64, bytes);
	assert_non_null(p.memory);
	memset(p.memory, 0, bytes);
	vib_queue_init(&p.prod, p.memory, order, sizeof(struct vib_cqe));
	vib_queue_init(&p.cons, p.memory, order, sizeof(struct vib_cqe));
	return p;
}

static void put(struct vib_queue *q, uint64_t wr_id)
{
	((struct vib_cqe *)vib_queue_next_slot(q))->wr_id = wr_id;
	vib_queue_produce(q);
}

static uint64_t take(struct vib_queue *q)
{
	const struct vib_cqe *e = vib_queue_peek(q);
	uint64_t wr_id;

	assert_non_null(e);
	wr_id = e->wr_id;
	vib_queue_consume(q);
	return wr_id;
}

/* An entry as the backend makes one: is an event due for it? */
static int complete(struct pair *p, int solicited)
{
	put(&p->prod, 0);
	vib_full_barrier();
	return vib_cq_take_arm(&p->prod, solicited);
}

static void fresh_completion_queue_wants_no_event(void **state)
{
	struct pair p = pair_new(2);

	(void)state;
	assert_false(complete(&p, 0));
	assert_false(complete(&p, 1));
	free(p.memory);
}

static void wish_brings_one_event_for_the_next_entry(void **state)
{
	struct pair p = pair_new(2);

	(void)state;
	for (int solicited = 0; solicited < 2; solicited++) {
		assert_false(vib_cq_arm(&p.cons, VIB_ARM_ANY));
		assert_true(complete(&p, solicited));
		assert_false(complete(&p, solicited));
		take(&p.cons);
		take(&p.cons);
	}
	free(p.memory);
}

static void solicited_wish_waits_for_a_solicited_entry(void **state)
{
	struct pair p = pair_new(2);

	(void)state;
	assert_false(vib_cq_arm(&p.cons, VIB_ARM_SOLICITED));
	assert_false(complete(&p, 0));
	assert_true(complete(&p, 1));
	assert_false(complete(&p, 1));
	free(p.memory);
}

static void solicited_wish_is_raised_to_any(void **state)
{
	struct pair p = pair_new(2);

	(void)state;
	assert_false(vib_cq_arm(&p.cons, VIB_ARM_SOLICITED));
	assert_false(vib_cq_arm(&p.cons, VIB_ARM_ANY));
	assert_true(complete(&p, 0));
	free(p.memory);
}

static void wish_for_any_is_not_lowered(void **state)
{
	struct pair p = pair_new(2);

	(void)state;
	assert_false(vib_cq_arm(&p.cons, VIB_ARM_ANY));
	assert_false(vib_cq_arm(&p.cons, VIB_ARM_SOLICITED));
	assert_true(complete(&p, 0));
	assert_false(complete(&p, 1)); /* it was one wish */
	free(p.memory);
}

static void wish_can_be_withdrawn(void **state)
{
	struct pair p = pair_new(2);

	(void)state;
	vib_cq_arm(&p.cons, VIB_ARM_ANY);
	vib_cq_arm(&p.cons, VIB_ARM_NONE);
	assert_false(complete(&p, 1));
	free(p.memory);
}

static void arming_a_queue_that_holds_an_entry_says_so(void **state)
{
	struct pair p = pair_new(2);

	(void)state;
	complete(&p, 0);
	assert_true(vib_cq_arm(&p.cons, VIB_ARM_ANY));
	take(&p.cons);
	assert_false(vib_cq_arm(&p.cons, VIB_ARM_SOLICITED));
	free(p.memory);
}

static void any_other_wish_counts_as_one_for_any_entry(void **state)
{
	struct pair p = pair_new(2);

	(void)state;
	p.prod.hdr->arm = 0xffffffff;
	assert_true(complete(&p, 0));
	assert_int_equal(p.prod.hdr->arm, VIB_ARM_NONE);
	free(p.memory);
}

/* ---- two threads ------------------------------------------------------- */

#define LAST UINT64_MAX

struct race {
	struct pair p;
	struct vib_doorbell_page page; /* of a work queue */
	int fd;
	enum vib_cq_arm first, then; /* the wishes the consumer makes */
	uint32_t consumed;
	uint32_t sleeps;
	const char *failure;
};

/* The first entries, and an end not before all has had its chance. */
static bool is_last(uint64_t value, double end)
{
	return value >= 1000 && value % 64 == 0 && seconds_now() > end;
}

/*
 * Up to three entries at a time, the last of them solicited if that is what the
 * consumer waits for; and the next when it has them.
 */
static void *complete_in_bursts(void *arg)
{
	struct race *r = arg;
	bool solicited = r->first == VIB_ARM_SOLICITED && r->then == VIB_ARM_SOLICITED;
	double end = seconds_now() + RACE_SECONDS;
	uint32_t seed = 1;
	uint64_t value = 0;
	bool last = false;

	while (!last) {
		uint32_t more = solicited ? value % 3 : 0;

		jitter(&seed);
		for (; more > 0; more--) {
			put(&r->p.prod, value++);
			vib_full_barrier();
			if (vib_cq_take_arm(&r->p.prod, 0))
				wakeup_send(r->fd);
		}
		last = is_last(value, end);
		put(&r->p.prod, last ? LAST : value++);
		vib_full_barrier();
		if (vib_cq_take_arm(&r->p.prod, solicited))
			wakeup_send(r->fd);
		if (!last && !spin_until(&r->consumed, (uint32_t)value))
			return NULL; /* the consumer has failed */
	}
	return NULL;
}

/* Take what is there; false: no more is to come. */
static bool take_all(struct race *r, bool *took)
{
	*took = false;
	while (vib_queue_peek(&r->p.cons)) {
		uint64_t value = take(&r->p.cons);

		*took = true;
		if (value == LAST)
			return false;
		if (value != r->consumed) {
			r->failure = "an entry was lost or came twice";
			return false;
		}
		__atomic_store_n(&r->consumed, (uint32_t)value + 1, __ATOMIC_RELEASE);
	}
	return true;
}

static bool sleep_until_event(struct race *r)
{
	r->sleeps++;
	if (wakeup_wait(r->fd))
		return true;
	r->failure = vib_queue_peek(&r->p.cons) ? "an entry came without an event"
						: "nothing came";
	return false;
}

static void consume(struct race *r)
{
	uint32_t seed = 2;
	bool took;

	while (take_all(r, &took)) {
		jitter(&seed);
		if (vib_cq_arm(&r->p.cons, r->first))
			continue;
		if (r->then != r->first) {
			jitter(&seed);
			if (vib_cq_arm(&r->p.cons, r->then))
				continue;
		}
		if (!sleep_until_event(r))
			return;
	}
}

static struct race *race_new(void)
{
	struct race *r = aligned_alloc(VIB_LINE,
				       (sizeof(*r) + VIB_LINE - 1) / VIB_LINE * VIB_LINE);

	assert_non_null(r);
	memset(r, 0, sizeof(*r));
	r->p = pair_new(2);
	r->fd = wakeup_open();
	return r;
}

static void race(struct race *r, void *(*produce)(void *),
		 void (*consumer)(struct race *))
{
	pthread_t producer;

	assert_int_equal(pthread_create(&producer, NULL, produce, r), 0);
	run_on(pthread_self(), 0);
	run_on(producer, 1);
	consumer(r);
	if (r->failure) /* the producer may never end: leave all it uses */
		fail_msg("after %u entries and %u sleeps: %s", r->consumed, r->sleeps,
			 r->failure);
	pthread_join(producer, NULL);
	print_message("# %u entries, %u sleeps\n", r->consumed, r->sleeps);
	assert_true(r->consumed >= 1000);
	assert_true(r->sleeps >= 10);
	close(r->fd);
	free(r->p.memory);
	free(r);
}

static void race_for_events(enum vib_cq_arm first, enum vib_cq_arm then)
{
	struct race *r = race_new();

	r->first = first;
	r->then = then;
	race(r, complete_in_bursts, consume);
}

static void no_completion_event_is_lost_between_arming_and_sleeping(void **state)
{
	(void)state;
	race_for_events(VIB_ARM_ANY, VIB_ARM_ANY);
}

static void no_solicited_event_is_lost(void **state)
{
	(void)state;
	race_for_events(VIB_ARM_SOLICITED, VIB_ARM_SOLICITED);
}

static void no_event_is_lost_while_a_wish_is_raised(void **state)
{
	(void)state;
	race_for_events(VIB_ARM_SOLICITED, VIB_ARM_ANY);
}

static void no_event_is_lost_where_a_wish_would_be_lowered(void **state)
{
	(void)state;
	race_for_events(VIB_ARM_ANY, VIB_ARM_SOLICITED);
}

/* ---- work, its bell and a poller --------------------------------------- */

#define BELL 4097

static void *post_one_by_one(void *arg)
{
	struct race *r = arg;
	double end = seconds_now() + RACE_SECONDS;
	uint32_t seed = 1;
	uint64_t value = 0;
	bool last = false;

	while (!last) {
		uint32_t from = r->p.prod.index;

		jitter(&seed);
		last = is_last(value, end);
		put(&r->p.prod, last ? LAST : value++);
		if (vib_queue_must_notify(&r->p.prod, from) &&
		    vib_doorbell_ring(&r->page, BELL))
			wakeup_send(r->fd);
		if (!last && !spin_until(&r->consumed, (uint32_t)value))
			return NULL; /* the consumer has failed */
	}
	return NULL;
}

static bool bell_rang(struct race *r)
{
	bool rang = false;

	if (vib_doorbell_take_summary(&r->page, BELL / 4096))
		rang = vib_doorbell_take_leaf(&r->page, BELL / 64) != 0;
	return rang;
}

/* Looks at the queue while it has work, then at the bell alone, then sleeps. */
static void poll_work(struct race *r)
{
	bool took, hot = false, more = true;
	uint32_t seed = 2, idle = 0;

	while (more) {
		if (hot) {
			more = take_all(r, &took);
			idle = took ? 0 : idle + 1;
			if (more && idle > 2 + seed % 8) {
				jitter(&seed);
				hot = vib_queue_arm(&r->p.cons);
				idle = 0;
			}
			continue;
		}
		if (bell_rang(r)) {
			hot = true;
			continue;
		}
		jitter(&seed);
		if (!vib_doorbell_sleep(&r->page))
			more = sleep_until_event(r);
		vib_doorbell_wake(&r->page);
	}
}

static void poller_that_asks_for_bells_overlooks_no_work(void **state)
{
	(void)state;
	race(race_new(), post_one_by_one, poll_work);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(data_begin_right_behind_the_operands),
		cmocka_unit_test(no_opcode_puts_data_beyond_the_slot),
		cmocka_unit_test(send_stride_is_the_smallest_that_holds_every_request),
		cmocka_unit_test(strides_of_the_largest_requests_are_the_largest),
		cmocka_unit_test(fresh_completion_queue_wants_no_event),
		cmocka_unit_test(wish_brings_one_event_for_the_next_entry),
		cmocka_unit_test(solicited_wish_waits_for_a_solicited_entry),
		cmocka_unit_test(solicited_wish_is_raised_to_any),
		cmocka_unit_test(wish_for_any_is_not_lowered),
		cmocka_unit_test(wish_can_be_withdrawn),
		cmocka_unit_test(arming_a_queue_that_holds_an_entry_says_so),
		cmocka_unit_test(any_other_wish_counts_as_one_for_any_entry),
		cmocka_unit_test(no_completion_event_is_lost_between_arming_and_sleeping),
		cmocka_unit_test(no_solicited_event_is_lost),
		cmocka_unit_test(no_event_is_lost_while_a_wish_is_raised),
		cmocka_unit_test(no_event_is_lost_where_a_wish_would_be_lowered),
		cmocka_unit_test(poller_that_asks_for_bells_overlooks_no_work),
	};

	alarm(120); /* whatever hangs ends as a failure */
	return cmocka_run_group_tests_name("work and completion queues", tests, NULL,
					   NULL);
}
