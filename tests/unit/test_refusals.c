// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What a guest is refused, and the line about it: how much, how often, and what is
 * counted. A Xen of the test's, in which some grants are bad.
 */
#include "cm.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "control/complaints.h"
#include "../by_step.h"
#include "control/object_command.h"
#include "engine/clock.h"
#include "engine/engine.h"
#include "engine/vhca.h"
#include "log.h"
#include "xenport/ops.h"

#define SECOND 1000000000ull
#define PIECE  16 /* pages of one slice */

static uint64_t now;
uint64_t __wrap_clock_ns(void);

uint64_t __wrap_clock_ns(void)
{
	return now;
}

static char line[1024];
static unsigned int lines;
void __wrap_log_line(enum log_level level, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

void __wrap_log_line(enum log_level level, const char *fmt, ...)
{
	va_list args;

	assert_int_equal(level, LOG_LEVEL_WARN);
	va_start(args, fmt);
	vsnprintf(line, sizeof(line), fmt, args);
	va_end(args);
	lines++;
}

#define assert_line(text)                        \
	do {                                     \
		assert_int_equal(lines, 1);      \
		assert_string_equal(line, text); \
		lines = 0;                       \
	} while (0)

/* ---- a Xen ------------------------------------------------------------- */

/* Grants from 1000 on are bad; pages 1 to 3 are lists of pages from 100 on. */
static struct {
	struct xenport xp;
	bool none; /* nothing can be mapped any more */
	int error;
	unsigned int intrusions; /* into ranges, to come */
	unsigned int mapped;
} xen;

static bool any_bad(const uint32_t *refs, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (!refs[i] || refs[i] >= 1000 || (xen.none && refs[i] > 3))
			return true;
	return false;
}

static void fill_list(uint32_t ref, uint32_t *at)
{
	for (uint32_t i = 0; ref == 1 && i < 1024; i++)
		at[i] = 100 + i;
	if (ref == 1)
		at[7] = 1007;
	for (uint32_t i = 0; (ref == 2 || ref == 3) && i < 1024; i++)
		at[i] = 100 + i % 100;
	if (ref == 3)
		at[20] = at[21] = at[50] = 1050;
}

static void *map(struct xenport *xp, uint16_t domid, const uint32_t *refs, size_t count,
		 bool writable)
{
	void *at;

	(void)xp;
	(void)domid;
	(void)writable;
	assert_in_range(count, 1, PIECE);
	if (any_bad(refs, count)) {
		errno = xen.error;
		return NULL;
	}
	at = mmap(NULL, count * VIB_PAGE_SIZE, PROT_READ | PROT_WRITE,
		  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	fill_list(refs[0], at);
	xen.mapped++;
	return at;
}

static int map_at(struct xenport *xp, void *addr, uint16_t domid, const uint32_t *refs,
		  size_t count, bool writable)
{
	void *at;

	(void)xp;
	(void)domid;
	assert_in_range(count, 1, PIECE);
	assert_true(writable);
	munmap(addr, count * VIB_PAGE_SIZE);
	if (any_bad(refs, count)) {
		errno = xen.error;
		return -1;
	}
	if (xen.intrusions && refs[0] != 100) {
		xen.intrusions--;
		errno = EEXIST;
		return -1;
	}
	at = mmap(addr, count * VIB_PAGE_SIZE, PROT_READ | PROT_WRITE,
		  MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
	assert_ptr_equal(at, addr);
	xen.mapped++;
	return 0;
}

static int unmap(struct xenport *xp, void *addr, size_t count)
{
	(void)xp;
	assert_in_range(count, 1, PIECE);
	munmap(addr, count * VIB_PAGE_SIZE);
	xen.mapped--;
	return 0;
}

static size_t slice(struct xenport *xp)
{
	(void)xp;
	return PIECE;
}

static int bind(struct xenport *xp, uint16_t domid, uint32_t remote, uint32_t *local)
{
	(void)xp;
	(void)domid;
	(void)remote;
	(void)local;
	errno = EINVAL;
	return -1;
}

static struct xenport *open_events(struct xenport *xp)
{
	return xp;
}

static void close_events(struct xenport *xp)
{
	(void)xp;
}

static const struct xenport_ops ops = {
	.close = close_events,
	.open_events = open_events,
	.map = map,
	.map_at = map_at,
	.unmap = unmap,
	.slice = slice,
	.bind = bind,
};

/* ---- a guest ----------------------------------------------------------- */

static struct engine *engine;
static struct complaints complaints;
static struct guest guest;
static uint64_t mapped;
static struct by_step jobs;

static void on_raised(void *arg)
{
	(void)arg;
}

static int begin(void **state)
{
	const struct vhca_limits limits = { 4, 4, 4, 4, 4, .max_pages = 512 };
	const struct port_view view = { .mtu = 4096 };

	(void)state;
	now = 1000 * SECOND;
	lines = 0;
	mapped = 0;
	xen.xp.ops = &ops;
	xen.none = false;
	xen.error = EINVAL;
	engine = engine_new(1, POLL_ALWAYS);
	assert_non_null(engine);
	assert_int_equal(engine_add_xen(engine, &xen.xp), 0);
	engine->max_mappings = 20;
	xen.intrusions = 0;
	by_step_init(&jobs);
	guest = (struct guest){
		.xp = &xen.xp, .domid = 3, .complaints = &complaints, .jobs = &jobs.jobs
	};
	guest.vhca = vhca_new(engine, 0, &limits, &view, on_raised, NULL);
	assert_non_null(guest.vhca);
	complaints_init(&complaints, "", 3, 0, &mapped);
	return 0;
}

static int end(void **state)
{
	(void)state;
	assert_int_equal(xen.mapped, 0);
	assert_int_equal(guest.vhca->pages, 0);
	assert_int_equal(guest.vhca->mappings, 0);
	assert_int_equal(engine->mappings, 0);
	assert_int_equal(mapped, 0);
	pages_fini(&guest);
	vhca_free(guest.vhca);
	engine_free(engine);
	return 0;
}

static int result;

static void on_mapped(struct guest *g, int rc)
{
	assert_ptr_equal(g, &guest);
	result = rc;
}

static void on_unmapped(struct guest *g)
{
	assert_ptr_equal(g, &guest);
	result = 0;
}

static void unmap_released(void)
{
	result = 1;
	if (pages_unmap(&guest, on_unmapped)) {
		by_steps(&jobs);
		assert_int_equal(result, 0);
	}
}

/* What is left of one that fails is unmapped too. */
static int try_map(uint32_t count, uint32_t root, struct memory *m)
{
	const struct vib_pages tree = { count, root };
	int rc = pages_map(&guest, &tree, true, m, on_mapped);

	result = 1;
	if (rc == 0) {
		by_steps(&jobs);
		assert_int_not_equal(result, 1);
		rc = result;
	}
	if (rc < 0)
		unmap_released();
	return rc;
}

static void unmap_it(const struct memory *m)
{
	pages_release(&guest, m);
	unmap_released();
}

/* ---- tests ------------------------------------------------------------- */

static void mappings_are_counted_in_pieces(void **state)
{
	struct memory a, b;

	(void)state;
	assert_int_equal(try_map(100, 2, &a), 0);
	assert_int_equal(guest.vhca->mappings, 7);
	assert_int_equal(try_map(1, 100, &b), 0);
	assert_int_equal(guest.vhca->mappings, 8);
	assert_int_equal(engine->mappings, 8);
	assert_int_equal(guest.vhca->pages, 101);
	assert_int_equal(mapped, 101);
	unmap_it(&a);
	assert_int_equal(engine->mappings, 1);
	unmap_it(&b);
	assert_int_equal(lines, 0);
}

static void quota_names_max_mem_and_what_would_do(void **state)
{
	struct memory a, b;

	(void)state;
	assert_int_equal(try_map(10, 2, &a), 0);
	assert_int_equal(try_map(503, 2, &b), -ENOMEM);
	assert_line("dom 3 vib 0: cannot map 503 pages: max_mem=2 MiB, of which 1 are "
		    "used; max_mem=3 would do");
	unmap_it(&a);
}

static void prereg_is_named_and_what_would_do(void **state)
{
	struct shortage s = {
		.kind = SHORT_OF_PREREG, .pages = 2049, .max_lent = 2048, .lent = 2048
	};
	char text[SHORTAGE_TEXT_MAX];

	(void)state;
	shortage_text(&s, text, sizeof(text));
	assert_string_equal(text, "the guest's kernel cannot lend 2049 pages: prereg=8M, "
				  "of which 8 are lent; prereg=17M would do");
}

static void what_an_hca_refuses_names_it(void **state)
{
	struct shortage s = { .kind = SHORT_OF_WIRE,
			      .device = "mlx5_0",
			      .wire_bytes = 65000 << 10,
			      .wire_more = 1040 << 10,
			      .max_wire_bytes = 64 << 20 };
	char text[SHORTAGE_TEXT_MAX];

	(void)state;
	shortage_text(&s, text, sizeof(text));
	assert_string_equal(text, "cannot make a QP at HCA mlx5_0: it takes 1040 KiB of "
				  "ibback's memory, and the guest's QPs there have "
				  "65000 KiB of the 64 MiB that they may have; "
				  "max_hca_mem = 65 of the fabric in ibback.conf would "
				  "do");
	s.kind = SHORT_OF_FLUSHES;
	s.error = EIO;
	shortage_text(&s, text, sizeof(text));
	assert_string_equal(text, "HCA mlx5_0 does not flush a QP that has failed: "
				  "Input/output error");
}

static void mappings_that_are_used_up_name_what_would_do(void **state)
{
	struct memory a[2], b;

	(void)state;
	for (int i = 0; i < 2; i++)
		assert_int_equal(try_map(64, 2, &a[i]), 0);
	/* Eight of 20; as many as are left would be twelve, less these. */
	assert_int_equal(try_map(65, 2, &b), -ENOSPC);
	assert_line(
		"dom 3 vib 0: cannot map 65 pages: ibback has 128 mapped in all, in 8 "
		"mappings, of which 8 are the guest's; it may have no more than are "
		"left, for which vm.max_map_count=20501 would do");
	assert_int_equal(try_map(64, 2, &b), 0);
	unmap_it(&b);
	/* And it would. */
	engine->max_mappings = 21;
	assert_int_equal(try_map(65, 2, &b), 0);
	unmap_it(&b);
	for (int i = 0; i < 2; i++)
		unmap_it(&a[i]);
}

static void failed_mapping_names_xen_s_setting(void **state)
{
	struct memory a, b;

	(void)state;
	assert_int_equal(try_map(100, 2, &a), 0);
	xen.none = true;
	assert_int_equal(try_map(1, 101, &b), -ENOSPC);
	assert_line("dom 3 vib 0: cannot map 1 pages: Invalid argument; ibback has 100 "
		    "mapped in all; with these it takes 1 of Xen's "
		    "maptrack frames, for which gnttab_max_maptrack_frames=1025 would "
		    "do; or some of the guest's references are bad");
	now += 10 * SECOND;
	xen.error = ENOMEM;
	assert_int_equal(try_map(1, 101, &b), -ENOSPC);
	assert_line("dom 3 vib 0: cannot map 1 pages: Cannot allocate memory; ibback has "
		    "100 mapped in all; with these it takes 1 of Xen's "
		    "maptrack frames, for which gnttab_max_maptrack_frames=1025 would "
		    "do; or vm.max_map_count has to be 20495; or some of the guest's "
		    "references are bad");
	unmap_it(&a);
}

static void references_that_are_bad_are_named(void **state)
{
	struct memory m;

	(void)state;
	assert_int_equal(try_map(10, 1, &m), -ENOSPC); /* one of the list's */
	assert_line("dom 3 vib 0: cannot map 10 pages: Invalid argument; ibback has 0 "
		    "mapped in all; bad is the guest's reference 1007");
	now += 10 * SECOND;
	assert_int_equal(try_map(10, 4711, &m), -ENOSPC); /* the list itself */
	assert_line("dom 3 vib 0: cannot map 10 pages: Invalid argument; ibback has 0 "
		    "mapped in all; it failed at the list page of reference 4711; with "
		    "these it takes 1 of Xen's maptrack frames, for which "
		    "gnttab_max_maptrack_frames=1025 would do; or that reference is "
		    "bad");
}

/* Of the slice that fails; those before it are mapped, and unmapped again. */
static void bad_references_of_a_later_slice_are_named(void **state)
{
	struct memory m;

	(void)state;
	assert_int_equal(try_map(100, 3, &m), -ENOSPC);
	assert_line("dom 3 vib 0: cannot map 100 pages: Invalid argument; ibback has 0 "
		    "mapped in all; bad is the guest's reference 1050, and 1 more");
	assert_int_equal(xen.mapped, 0);
	assert_int_equal(mapped, 0);
	assert_int_equal(engine->mappings, 0);
}

/* Another thread's mapping is in the way: the whole goes elsewhere, and is counted once.
 */
static void range_that_another_thread_takes_a_part_of_is_mapped_elsewhere(void **state)
{
	struct memory m;

	(void)state;
	for (unsigned int n = 1; n < 8; n++) {
		xen.intrusions = n;
		assert_int_equal(try_map(100, 2, &m), 0);
		unmap_released(); /* what was left behind */
		assert_int_equal(xen.mapped, 7);
		assert_int_equal(guest.vhca->pages, 100);
		assert_int_equal(guest.vhca->mappings, 7);
		unmap_it(&m);
		assert_int_equal(engine->mappings, 0);
	}
	assert_int_equal(lines, 0);
	xen.intrusions = 100;
	assert_int_equal(try_map(100, 2, &m), -ENOSPC);
	assert_int_equal(xen.mapped, 0);
	assert_int_equal(lines, 1);
	assert_non_null(strstr(line, "cannot map 100 pages: File exists"));
}

static unsigned int answers;

static void on_answered(struct command *c)
{
	(void)c;
	answers++;
}

/* 0 is a reference like any other; what was mapped before it has no part in this. */
static void list_of_reference_0_is_bad_and_no_other(void **state)
{
	struct memory m;

	(void)state;
	assert_int_equal(try_map(10, 1, &m), -ENOSPC);
	now += 10 * SECOND;
	lines = 0;
	assert_int_equal(try_map(50, 0, &m), -ENOSPC);
	assert_line("dom 3 vib 0: cannot map 50 pages: Invalid argument; ibback has 0 "
		    "mapped in all; with these it takes 1 of Xen's "
		    "maptrack frames, for which gnttab_max_maptrack_frames=1025 would "
		    "do; or some of the guest's references are bad");
}

static void channel_that_cannot_be_bound_is_named(void **state)
{
	struct command c = {
		.guest = &guest,
		.req = { .operation = VIB_CMD_MAP_DOORBELL,
			 .u.map_doorbell = { .ref = 101, .event_channel = 17 } },
		.answered = on_answered,
	};

	(void)state;
	assert_int_equal(object_command(&c), COMMAND_GOES_ON);
	by_steps(&jobs);
	assert_int_equal(answers, 1);
	assert_int_equal(c.rsp.status, -ENOSPC);
	assert_line("dom 3 vib 0: cannot bind the guest's event channel 17: Invalid "
		    "argument");
}

static void one_line_comes_in_ten_seconds_and_the_others_are_counted(void **state)
{
	struct memory m;

	(void)state;
	for (int i = 0; i < 1000; i++)
		assert_int_equal(try_map(513, 2, &m), -ENOMEM);
	assert_int_equal(lines, 1);
	assert_null(strstr(line, "logged"));
	now += 10 * SECOND - 1;
	assert_int_equal(try_map(513, 2, &m), -ENOMEM);
	assert_int_equal(lines, 1);
	now += 1;
	xen.none = true; /* another kind, the same vib */
	assert_int_equal(try_map(1, 101, &m), -ENOSPC);
	assert_int_equal(lines, 2);
	assert_non_null(strstr(line, "(1000 refusals before it not logged)"));
	now += 10 * SECOND;
	assert_int_equal(try_map(1, 101, &m), -ENOSPC);
	assert_int_equal(lines, 3);
	assert_null(strstr(line, "logged"));
}

static void guest_of_the_local_xen_has_no_maptrack(void **state)
{
	struct memory m;

	(void)state;
	complaints_init(&complaints, "local ", 3, 1, &mapped);
	xen.none = true;
	assert_int_equal(try_map(1, 101, &m), -ENOSPC);
	assert_line("local dom 3 vib 1: cannot map 1 pages: Invalid argument; ibback has "
		    "0 mapped in all; or some of the guest's references are bad");
}

static void without_anybody_to_tell_nothing_is_said(void **state)
{
	struct memory m;

	(void)state;
	guest.complaints = NULL;
	assert_int_equal(try_map(513, 2, &m), -ENOMEM);
	assert_int_equal(try_map(10, 1, &m), -ENOSPC);
	assert_int_equal(lines, 0);
}

/* ---- arithmetic -------------------------------------------------------- */

static void frames_follow_from_pages(void **state)
{
	(void)state;
	assert_int_equal(shortage_maptrack_frames(0), 0);
	assert_int_equal(shortage_maptrack_frames(1), 1);
	assert_int_equal(shortage_maptrack_frames(128), 1);
	assert_int_equal(shortage_maptrack_frames(129), 2);
	/* Xen's default is for 512 MiB. */
	assert_int_equal(shortage_maptrack_frames(131072), 1024);
	assert_int_equal(shortage_maptrack_frames(131073), 1025);
	assert_int_equal(shortage_maptrack_frames(1ull << 34), 1ull << 27);
}

static void mebibytes_are_rounded_up(void **state)
{
	(void)state;
	assert_int_equal(shortage_mib(0), 0);
	assert_int_equal(shortage_mib(1), 1);
	assert_int_equal(shortage_mib(256), 1);
	assert_int_equal(shortage_mib(257), 2);
	assert_int_equal(shortage_mib(0xffffffffull + 1048576), 16781312);
}

static void line_is_cut_and_not_overrun(void **state)
{
	const struct shortage s = { .kind = SHORT_OF_MAPPINGS,
				    .pages = 7,
				    .unlogged = 9 };
	char text[600], all[600];

	(void)state;
	shortage_text(&s, all, sizeof(all));
	for (size_t size = 1; size < sizeof(text); size++) {
		memset(text, 'x', sizeof(text));
		shortage_text(&s, text, size);
		assert_int_equal(strnlen(text, size),
				 strlen(all) < size ? strlen(all) : size - 1);
		assert_memory_equal(text, all, strlen(text));
	}
	assert_true(strlen(all) < SHORTAGE_TEXT_MAX);
}

#define test(name) cmocka_unit_test_setup_teardown(name, begin, end)

static int enter(void **state)
{
	(void)state;
	rcu_register_thread();
	return 0;
}

static int leave(void **state)
{
	(void)state;
	rcu_unregister_thread();
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		test(mappings_are_counted_in_pieces),
		test(quota_names_max_mem_and_what_would_do),
		test(prereg_is_named_and_what_would_do),
		test(what_an_hca_refuses_names_it),
		test(mappings_that_are_used_up_name_what_would_do),
		test(failed_mapping_names_xen_s_setting),
		test(references_that_are_bad_are_named),
		test(bad_references_of_a_later_slice_are_named),
		test(range_that_another_thread_takes_a_part_of_is_mapped_elsewhere),
		test(list_of_reference_0_is_bad_and_no_other),
		test(channel_that_cannot_be_bound_is_named),
		test(one_line_comes_in_ten_seconds_and_the_others_are_counted),
		test(guest_of_the_local_xen_has_no_maptrack),
		test(without_anybody_to_tell_nothing_is_said),
		cmocka_unit_test(frames_follow_from_pages),
		cmocka_unit_test(mebibytes_are_rounded_up),
		cmocka_unit_test(line_is_cut_and_not_overrun),
	};

	alarm(60);
	return cmocka_run_group_tests_name("refusals", tests, enter, leave);
}
