// SPDX-License-Identifier: GPL-2.0-or-later
/* The slot queue: what is valid, how much room there is, when an event is due. */
#include "cm.h"

#include <pthread.h>
#include <stdlib.h>

#include <xen-ib/slot.h>

#include "wakeup.h"

#define STRIDE 64

struct entry {
	uint32_t gen;
	uint32_t value;
	uint32_t copy[14];
};

/* Both ends of one queue. */
struct pair {
	void *memory;
	struct vib_queue prod, cons;
};

/* @start: the index both ends are at, as if so many entries had gone through. */
static struct pair pair_new(uint32_t order, uint32_t start)
{
	struct pair p = { 0 };
	size_t bytes = vib_queue_bytes(order, STRIDE);

	p.memory = aligned_alloc(64, bytes);
	assert_non_null(p.memory);
	memset(p.memory, 0, bytes);
	vib_queue_init(&p.prod, p.memory, order, STRIDE);
	vib_queue_init(&p.cons, p.memory, order, STRIDE);
	p.prod.index = p.cons.index = start;
	p.prod.seen_cons = p.prod.hdr->cons = start;
	return p;
}

static void put(struct vib_queue *q, uint32_t value)
{
	struct entry *e = vib_queue_next_slot(q);

	e->value = value;
	for (size_t i = 0; i < 14; i++)
		e->copy[i] = value;
	vib_queue_produce(q);
}

static uint32_t take(struct vib_queue *q)
{
	const struct entry *e = vib_queue_peek(q);
	uint32_t value;

	assert_non_null(e);
	value = e->value;
	vib_queue_consume(q);
	return value;
}

static void fresh_queue_is_empty_and_has_all_its_room(void **state)
{
	(void)state;
	for (uint32_t order = VIB_QUEUE_MIN_ORDER; order <= VIB_QUEUE_MAX_ORDER;
	     order++) {
		struct pair p = pair_new(order, 0);

		assert_null(vib_queue_peek(&p.cons));
		assert_int_equal(vib_queue_room(&p.prod), 1 << order);
		free(p.memory);
	}
}

static void entry_is_seen_once_it_is_produced_and_gone_once_consumed(void **state)
{
	struct pair p = pair_new(2, 0);

	(void)state;
	((struct entry *)vib_queue_next_slot(&p.prod))->value = 7;
	assert_null(vib_queue_peek(&p.cons));
	vib_queue_produce(&p.prod);
	assert_int_equal(vib_queue_room(&p.prod), 3);
	assert_int_equal(take(&p.cons), 7);
	assert_null(vib_queue_peek(&p.cons));
	assert_int_equal(vib_queue_room(&p.prod), 4);
	free(p.memory);
}

static void slots_are_in_order_at_their_stride(void **state)
{
	struct pair p = pair_new(2, 0);
	uint8_t *slots = (uint8_t *)p.memory + VIB_QUEUE_SLOTS_OFFSET;

	(void)state;
	for (uint32_t i = 0; i < 9; i++) {
		assert_ptr_equal(vib_queue_next_slot(&p.prod), slots + i % 4 * STRIDE);
		put(&p.prod, i);
		assert_int_equal(take(&p.cons), i);
	}
	free(p.memory);
}

static void full_queue_has_no_room_until_one_is_consumed(void **state)
{
	struct pair p = pair_new(3, 0);

	(void)state;
	for (int left = 8; left > 0; left--) {
		assert_int_equal(vib_queue_room(&p.prod), left);
		put(&p.prod, 0);
	}
	assert_int_equal(vib_queue_room(&p.prod), 0);
	take(&p.cons);
	assert_int_equal(vib_queue_room(&p.prod), 1);
	free(p.memory);
}

static void entry_of_an_earlier_lap_is_not_taken(void **state)
{
	struct pair p = pair_new(1, 0);

	(void)state;
	for (uint32_t i = 0; i < 64; i++) {
		assert_null(vib_queue_peek(&p.cons));
		put(&p.prod, i);
		if (i % 3) { /* now and then the queue is full */
			put(&p.prod, ~i);
			assert_int_equal(vib_queue_room(&p.prod), 0);
			assert_int_equal(take(&p.cons), i);
			assert_int_equal(take(&p.cons), ~i);
		} else {
			assert_int_equal(take(&p.cons), i);
		}
	}
	free(p.memory);
}

static void queue_works_on_where_the_index_wraps(void **state)
{
	(void)state;
	for (uint32_t order = 1; order <= 4; order++) {
		uint32_t depth = 1u << order;
		struct pair p = pair_new(order, 0u - 3 * depth);
		uint32_t next_in = 0, next_out = 0;

		for (uint32_t round = 0; round < 6 * depth; round++) {
			while (vib_queue_room(&p.prod) > 0)
				put(&p.prod, next_in++);
			for (uint32_t i = 0; i <= round % depth; i++)
				assert_int_equal(take(&p.cons), next_out++);
		}
		while (next_out != next_in)
			assert_int_equal(take(&p.cons), next_out++);
		assert_null(vib_queue_peek(&p.cons));
		assert_true(p.cons.index < 1u << 31); /* it did wrap */
		free(p.memory);
	}
}

static void generation_is_never_zero_nor_that_of_the_lap_before(void **state)
{
	static const uint32_t indices[] = { 0,          1,          0x7fffffff,
					    0x80000000, 0xfffffffe, 0xffffffff };

	(void)state;
	for (uint32_t order = VIB_QUEUE_MIN_ORDER; order <= VIB_QUEUE_MAX_ORDER; order++)
		for (size_t i = 0; i < sizeof(indices) / sizeof(*indices); i++) {
			uint32_t gen = vib_slot_gen(indices[i], order);

			assert_int_not_equal(gen, 0);
			assert_int_not_equal(
				gen, vib_slot_gen(indices[i] - (1u << order), order));
		}
}

static void consumer_index_beyond_the_queue_is_a_broken_protocol(void **state)
{
	struct pair p = pair_new(3, 0xfffffffe);

	(void)state;
	for (int i = 0; i < 5; i++)
		put(&p.prod, 0);
	/* 8 slots, produced up to 3: honest is 0xfffffffb to 3. */
	for (uint32_t cons = 0xfffffff0; cons != 16; cons++) {
		uint32_t used = 3 - cons;

		p.prod.hdr->cons = cons;
		assert_int_equal(vib_queue_room(&p.prod),
				 used <= 8 ? (int)(8 - used) : -1);
	}
	p.prod.hdr->cons = 0x80000003;
	assert_int_equal(vib_queue_room(&p.prod), -1);
	p.prod.hdr->cons = 0x7fffffff;
	assert_int_equal(vib_queue_room(&p.prod), -1);
	free(p.memory);
}

static void producer_looks_at_the_consumer_only_when_it_knows_of_no_room(void **state)
{
	struct pair p = pair_new(2, 0xfffffffd);

	(void)state;
	for (int i = 0; i < 4; i++) {
		p.prod.hdr->cons = 0x70000000; /* a lie nobody hears */
		assert_int_equal(vib_queue_may_produce(&p.prod), 1);
		put(&p.prod, 0);
	}
	p.prod.hdr->cons = 0xffffffff; /* two are taken */
	assert_int_equal(vib_queue_may_produce(&p.prod), 1);
	p.prod.hdr->cons = 0x70000000;
	for (int i = 0; i < 2; i++) {
		assert_int_equal(vib_queue_may_produce(&p.prod), 1);
		put(&p.prod, 0);
	}
	assert_int_equal(vib_queue_may_produce(&p.prod), -1);
	free(p.memory);
}

static void producer_of_a_full_queue_may_not_until_one_is_consumed(void **state)
{
	struct pair p = pair_new(2, 0xfffffffe);

	(void)state;
	for (int i = 0; i < 4; i++)
		put(&p.prod, 0);
	for (int i = 0; i < 9; i++) {
		assert_int_equal(vib_queue_may_produce(&p.prod), 0);
		take(&p.cons);
		assert_int_equal(vib_queue_may_produce(&p.prod), 1);
		put(&p.prod, 0);
	}
	free(p.memory);
}

static void producer_out_of_known_room_finds_what_there_is(void **state)
{
	(void)state;
	/* 8 slots, produced up to 3, as in consumer_index_beyond_the_queue_… */
	for (uint32_t cons = 0xfffffff0; cons != 16; cons++) {
		struct pair p = pair_new(3, 0xfffffffb);
		uint32_t used = 3 - cons, may = 0;

		for (int i = 0; i < 8; i++)
			put(&p.prod, 0);
		p.prod.hdr->cons = cons;
		for (; vib_queue_may_produce(&p.prod) == 1; may++)
			put(&p.prod, 0);
		assert_int_equal(may, used <= 8 ? 8 - used : 0);
		assert_int_equal(vib_queue_may_produce(&p.prod), used <= 8 ? 0 : -1);
		free(p.memory);
	}
}

static void slots_gone_past_are_given_back_together(void **state)
{
	struct pair p = pair_new(2, 0xfffffffe);

	(void)state;
	for (uint32_t i = 0; i < 4; i++)
		put(&p.prod, i);
	for (uint32_t i = 0; i < 3; i++) {
		const struct entry *e = vib_queue_peek(&p.cons);

		assert_non_null(e);
		assert_int_equal(e->value, i);
		vib_queue_advance(&p.cons);
		assert_int_equal(vib_queue_may_produce(&p.prod), 0);
	}
	vib_queue_release(&p.cons);
	assert_int_equal(p.prod.hdr->cons, 1);
	assert_int_equal(vib_queue_room(&p.prod), 3);
	assert_int_equal(take(&p.cons), 3);
	free(p.memory);
}

static void queue_holds_as_many_as_were_produced(void **state)
{
	(void)state;
	for (uint32_t start = 0xfffffff0; start != 16; start++) {
		struct pair p = pair_new(3, start - 8);

		for (uint32_t i = 0; i < 8; i++) { /* leave a lap behind */
			put(&p.prod, i);
			take(&p.cons);
		}
		for (uint32_t filled = 0; filled <= 8; filled++) {
			for (uint32_t n = 0; n < 40; n++)
				assert_int_equal(vib_queue_holds(&p.cons, n),
						 n <= filled);
			assert_false(vib_queue_holds(&p.cons, 0x80000000));
			assert_false(vib_queue_holds(&p.cons, 0xffffffff));
			if (filled < 8)
				put(&p.prod, filled);
		}
		for (uint32_t left = 8; left-- > 0;) {
			take(&p.cons);
			for (uint32_t n = 0; n < 40; n++)
				assert_int_equal(vib_queue_holds(&p.cons, n), n <= left);
		}
		free(p.memory);
	}
}

static void no_lie_makes_a_queue_hold_more_than_its_slots(void **state)
{
	struct pair p = pair_new(3, 0);

	(void)state;
	*vib_slot_at(&p.cons, 8) = vib_slot_gen(8, 3);
	assert_false(vib_queue_holds(&p.cons, 9));
	assert_false(vib_queue_holds(&p.cons, 1));
	free(p.memory);
}

static void consumer_tells_the_producer_how_far_it_is(void **state)
{
	struct pair p = pair_new(2, 0xffffffff);

	(void)state;
	put(&p.prod, 1);
	take(&p.cons);
	assert_int_equal(p.prod.hdr->cons, 0);
	free(p.memory);
}

static void event_is_due_exactly_if_the_wanted_entry_is_among_the_new(void **state)
{
	struct pair p = pair_new(4, 0);

	(void)state;
	for (uint32_t from = 0xfffffff8; from != 8; from++)
		for (uint32_t n = 0; n <= 16; n++)
			for (uint32_t notify = from - 20; notify != from + 40; notify++) {
				bool due = false;

				for (uint32_t i = 0; i < n; i++)
					due |= from + i == notify;
				p.prod.index = from + n;
				p.prod.hdr->notify = notify;
				assert_int_equal(vib_queue_must_notify(&p.prod, from),
						 due);
			}
	free(p.memory);
}

static void fresh_queue_wants_an_event_at_its_first_entry_only(void **state)
{
	struct pair p = pair_new(2, 0);

	(void)state;
	put(&p.prod, 0);
	assert_true(vib_queue_must_notify(&p.prod, 0));
	put(&p.prod, 1);
	assert_false(vib_queue_must_notify(&p.prod, 1));
	free(p.memory);
}

static void armed_queue_brings_one_event_for_the_next_entry(void **state)
{
	struct pair p = pair_new(3, 0xfffffffd);

	(void)state;
	put(&p.prod, 0);
	take(&p.cons);
	assert_false(vib_queue_arm(&p.cons));
	put(&p.prod, 1);
	assert_true(vib_queue_must_notify(&p.prod, p.prod.index - 1));
	put(&p.prod, 2);
	assert_false(vib_queue_must_notify(&p.prod, p.prod.index - 1));
	free(p.memory);
}

static void arming_a_queue_that_holds_an_entry_says_so(void **state)
{
	struct pair p = pair_new(3, 5);

	(void)state;
	put(&p.prod, 0);
	assert_true(vib_queue_arm(&p.cons));
	take(&p.cons);
	assert_false(vib_queue_arm(&p.cons));
	free(p.memory);
}

static void size_of_the_largest_queue_does_not_overflow(void **state)
{
	(void)state;
	assert_int_equal(vib_queue_bytes(VIB_WQ_MAX_ORDER, 1024), 128 + (1ull << 26));
	assert_int_equal(vib_queue_bytes(31, 1024), 128 + (1ull << 41));
}

/* ---- two threads ------------------------------------------------------- */

#define LAST 0xffffffffu

struct race {
	struct pair p;
	int fd;
	uint32_t batch;    /* entries the producer makes at a time */
	uint32_t keep;     /* slots the consumer keeps before it gives them back */
	uint32_t consumed; /* the consumer's count */
	uint32_t sleeps;
	const char *failure;
};

static void *produce_in_bursts(void *arg)
{
	struct race *r = arg;
	double end = seconds_now() + RACE_SECONDS;
	uint32_t seed = 1, value = 0;
	bool last = false;

	while (!last) {
		uint32_t from = r->p.prod.index;
		bool room = r->batch == 1 ? vib_queue_may_produce(&r->p.prod) > 0
					  : vib_queue_room(&r->p.prod) >= (int)r->batch;

		if (!room) {
			sched_yield();
			continue;
		}
		jitter(&seed);
		last = value >= 1000 && value % 64 == 0 && seconds_now() > end;
		for (uint32_t i = 0; i < r->batch; i++)
			put(&r->p.prod, last ? LAST : value++);
		if (vib_queue_must_notify(&r->p.prod, from))
			wakeup_send(r->fd);
		/* Alone, each entry meets a consumer about to sleep. */
		if (r->batch == 1 && r->keep == 0 && !last &&
		    !spin_until(&r->consumed, value))
			return NULL; /* the consumer has failed */
	}
	return NULL;
}

/* Give the slots back that were kept. They are what they were, up to @next. */
static void give_back(struct race *r, uint32_t kept, uint32_t next)
{
	for (uint32_t i = 1; i <= kept; i++) {
		const void *slot = vib_slot_at(&r->p.cons, r->p.cons.index - i);

		if (((const struct entry *)slot)->copy[13] != next - i)
			r->failure = "a slot was filled before it was given back";
	}
	vib_queue_release(&r->p.cons);
}

static void consume(struct race *r)
{
	uint32_t expect = 0, seed = 2, kept = 0;

	for (;;) {
		const struct entry *slot = vib_queue_peek(&r->p.cons);
		struct entry e;

		if (!slot) {
			give_back(r, kept, expect);
			kept = 0;
			if (r->failure)
				return;
			jitter(&seed);
			if (vib_queue_arm(&r->p.cons))
				continue;
			r->sleeps++;
			if (!wakeup_wait(r->fd)) {
				r->failure = vib_queue_peek(&r->p.cons)
						     ? "an entry came without an event"
						     : "nothing came";
				return;
			}
			continue;
		}
		memcpy(&e, slot, sizeof(e));
		vib_queue_advance(&r->p.cons);
		if (e.value == LAST)
			return;
		for (size_t i = 0; i < 14; i++)
			if (e.copy[i] != e.value)
				r->failure = "an entry was taken half written";
		if (e.value != expect++)
			r->failure = "an entry was lost or came twice";
		if (kept++ == r->keep) {
			give_back(r, kept, expect);
			kept = 0;
		}
		if (r->failure)
			return;
		__atomic_store_n(&r->consumed, expect, __ATOMIC_RELEASE);
	}
}

static void race(uint32_t order, uint32_t batch, uint32_t keep)
{
	struct race *r = calloc(1, sizeof(*r));
	pthread_t producer;

	assert_non_null(r);
	r->p = pair_new(order, 0u - 1000);
	r->fd = wakeup_open();
	r->batch = batch;
	r->keep = keep;
	assert_int_equal(pthread_create(&producer, NULL, produce_in_bursts, r), 0);
	run_on(pthread_self(), 0);
	run_on(producer, 1);
	consume(r);
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

static void no_wakeup_is_lost_between_arming_and_sleeping(void **state)
{
	(void)state;
	race(2, 1, 0);
}

static void entries_arrive_whole_and_in_order_from_another_thread(void **state)
{
	(void)state;
	race(3, 3, 0);
}

static void slots_that_the_consumer_keeps_are_not_filled_anew(void **state)
{
	(void)state;
	race(3, 1, 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fresh_queue_is_empty_and_has_all_its_room),
		cmocka_unit_test(
			entry_is_seen_once_it_is_produced_and_gone_once_consumed),
		cmocka_unit_test(slots_are_in_order_at_their_stride),
		cmocka_unit_test(full_queue_has_no_room_until_one_is_consumed),
		cmocka_unit_test(entry_of_an_earlier_lap_is_not_taken),
		cmocka_unit_test(queue_works_on_where_the_index_wraps),
		cmocka_unit_test(generation_is_never_zero_nor_that_of_the_lap_before),
		cmocka_unit_test(consumer_index_beyond_the_queue_is_a_broken_protocol),
		cmocka_unit_test(
			producer_looks_at_the_consumer_only_when_it_knows_of_no_room),
		cmocka_unit_test(producer_of_a_full_queue_may_not_until_one_is_consumed),
		cmocka_unit_test(producer_out_of_known_room_finds_what_there_is),
		cmocka_unit_test(slots_gone_past_are_given_back_together),
		cmocka_unit_test(queue_holds_as_many_as_were_produced),
		cmocka_unit_test(no_lie_makes_a_queue_hold_more_than_its_slots),
		cmocka_unit_test(consumer_tells_the_producer_how_far_it_is),
		cmocka_unit_test(
			event_is_due_exactly_if_the_wanted_entry_is_among_the_new),
		cmocka_unit_test(fresh_queue_wants_an_event_at_its_first_entry_only),
		cmocka_unit_test(armed_queue_brings_one_event_for_the_next_entry),
		cmocka_unit_test(arming_a_queue_that_holds_an_entry_says_so),
		cmocka_unit_test(size_of_the_largest_queue_does_not_overflow),
		cmocka_unit_test(no_wakeup_is_lost_between_arming_and_sleeping),
		cmocka_unit_test(entries_arrive_whole_and_in_order_from_another_thread),
		cmocka_unit_test(slots_that_the_consumer_keeps_are_not_filled_anew),
	};

	alarm(120); /* whatever hangs ends as a failure */
	return cmocka_run_group_tests_name("slot queue", tests, NULL, NULL);
}
