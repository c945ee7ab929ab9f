// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Grants as one range, over a gntdev of the test's: what drivers/xen/gntdev.c checks
 * is checked here, and what is left behind shows.
 */
#include "cm.h"

#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <xen/grant_table.h>
#include <xen/sys/gntdev.h>

#include "address_space.h"
#include "xenport/gntdev.h"
#include "xenport/xenport.h"

#define FD   777
#define PAGE 4096ul
#define MOST 16 /* maps at a time */

/* A map of gntdev. */
struct map {
	uint32_t count; /* 0: none */
	uint32_t refs[64];
	uint16_t domid;
	uint64_t index;
	uint8_t *at; /* NULL: not mapped */
	int prot;
};

static struct {
	struct map maps[MOST];
	uint32_t limit;
	unsigned int made;     /* maps, in all */
	unsigned int mapped;   /* tries of mmap */
	unsigned int fail;     /* this mmap of it fails; 0: none */
	unsigned int fail_map; /* this map is not made; 0: none */
	bool old;              /* it knows no MAP_FIXED_NOREPLACE */
	bool no_copy;          /* nor how to copy */
	unsigned int intrude;  /* another thread is quicker than this mmap */
	void *intruder;
} dev;

int __wrap_ioctl(int fd, unsigned long request, void *arg);
void *__wrap_mmap(void *addr, size_t length, int prot, int flags, int fd, off_t offset);
int __wrap_munmap(void *addr, size_t length);
void *__real_mmap(void *addr, size_t length, int prot, int flags, int fd, off_t offset);
int __real_munmap(void *addr, size_t length);

static int refuse(int error)
{
	errno = error;
	return -1;
}

static int make(struct ioctl_gntdev_map_grant_ref *op)
{
	static uint64_t next = 0x10000;
	struct map *m = dev.maps;

	if (!op->count || op->count > dev.limit)
		return refuse(EINVAL);
	if (++dev.made == dev.fail_map)
		return refuse(ENOMEM);
	while (m->count)
		m++;
	assert_true(m < dev.maps + MOST);
	*m = (struct map){ .count = op->count, .index = next };
	for (uint32_t i = 0; i < op->count; i++) {
		m->refs[i] = op->refs[i].ref;
		m->domid = (uint16_t)op->refs[i].domid;
	}
	op->index = next;
	next += op->count * PAGE;
	return 0;
}

static int end(const struct ioctl_gntdev_unmap_grant_ref *op)
{
	for (struct map *m = dev.maps; m < dev.maps + MOST; m++)
		if (m->count && m->index == op->index && m->count == op->count) {
			assert_null(m->at); /* munmap first */
			m->count = 0;
			return 0;
		}
	return refuse(ENOENT);
}

static int find(struct ioctl_gntdev_get_offset_for_vaddr *op)
{
	for (struct map *m = dev.maps; m < dev.maps + MOST; m++)
		if (m->count && m->at == (uint8_t *)(uintptr_t)op->vaddr) {
			op->offset = m->index;
			op->count = m->count;
			return 0;
		}
	return refuse(EINVAL);
}

/* The guest's pages, of domain 7: references from 1000 on, odd ones read-only. */
static uint8_t granted[16][PAGE];

/* drivers/xen/gntdev.c: gntdev_grant_copy_seg(), and what Xen says of it. */
static int copy_segment(struct ioctl_gntdev_grant_copy_segment *s)
{
	bool to_guest = s->flags == GNTCOPY_dest_gref;
	uint32_t ref = to_guest ? s->dest.foreign.ref : s->source.foreign.ref;
	uint16_t offset = to_guest ? s->dest.foreign.offset : s->source.foreign.offset;
	uint16_t domid = to_guest ? s->dest.foreign.domid : s->source.foreign.domid;

	if (!to_guest && s->flags != GNTCOPY_source_gref)
		return refuse(EINVAL);
	if (offset + s->len > PAGE)
		return refuse(EINVAL);
	s->status = GNTST_okay;
	if (domid != 7)
		s->status = GNTST_bad_domain;
	else if (ref < 1000 || ref >= 1016)
		s->status = GNTST_bad_gntref;
	else if (to_guest && ref % 2)
		s->status = GNTST_permission_denied;
	else if (to_guest)
		memcpy(granted[ref - 1000] + offset, s->source.virt, s->len);
	else
		memcpy(s->dest.virt, granted[ref - 1000] + offset, s->len);
	return 0;
}

static int copy(const struct ioctl_gntdev_grant_copy *op)
{
	if (dev.no_copy)
		return refuse(ENOTTY);
	for (unsigned int i = 0; i < op->count; i++)
		if (copy_segment(&op->segments[i]) < 0)
			return -1;
	return 0;
}

int __wrap_ioctl(int fd, unsigned long request, void *arg)
{
	assert_int_equal(fd, FD);
	switch (request) {
	case IOCTL_GNTDEV_GRANT_COPY:
		return copy(arg);
	case IOCTL_GNTDEV_MAP_GRANT_REF:
		return make(arg);
	case IOCTL_GNTDEV_UNMAP_GRANT_REF:
		return end(arg);
	default:
		assert_int_equal(request, IOCTL_GNTDEV_GET_OFFSET_FOR_VADDR);
		return find(arg);
	}
}

void *__wrap_mmap(void *addr, size_t length, int prot, int flags, int fd, off_t offset)
{
	struct map *m = dev.maps;
	void *at, *holder = NULL;

	if (fd != FD)
		return __real_mmap(addr, length, prot, flags, fd, offset);
	assert_true(flags & MAP_SHARED);
	assert_int_equal(!addr, !(flags & MAP_FIXED_NOREPLACE));
	while (m < dev.maps + MOST && (!m->count || m->index != (uint64_t)offset))
		m++;
	assert_true(m < dev.maps + MOST && m->count * PAGE == length);
	if (++dev.mapped == dev.intrude)
		dev.intruder =
			__real_mmap(addr, PAGE, PROT_NONE,
				    MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	if (dev.mapped == dev.fail) {
		errno = EINVAL;
		return MAP_FAILED;
	}
	if (dev.old && addr) { /* and somewhere else is where nothing else is */
		holder = __real_mmap(addr, length, PROT_NONE,
				     MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
		addr = NULL;
		flags &= ~MAP_FIXED_NOREPLACE;
	}
	at = __real_mmap(addr, length, prot,
			 (flags & ~MAP_SHARED) | MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (holder)
		__real_munmap(holder, length);
	if (at != MAP_FAILED) {
		m->at = at;
		m->prot = prot;
	}
	return at;
}

int __wrap_munmap(void *addr, size_t length)
{
	uint8_t *from = addr;

	for (struct map *m = dev.maps; m < dev.maps + MOST; m++)
		if (m->count && m->at && m->at < from + length &&
		    from < m->at + m->count * PAGE) {
			/* All of it or none: gntdev cannot split one. */
			assert_true(from <= m->at &&
				    m->at + m->count * PAGE <= from + length);
			m->at = NULL;
		}
	return __real_munmap(addr, length);
}

/* ---- tests ------------------------------------------------------------- */

static const struct gntdev g = { FD, 8 };
static uint32_t refs[64];

static int begin(void **state)
{
	(void)state;
	memset(&dev, 0, sizeof(dev));
	dev.limit = 8;
	for (uint32_t i = 0; i < 64; i++)
		refs[i] = 1000 + i;
	return 0;
}

static void assert_nothing_left(void)
{
	for (unsigned int i = 0; i < MOST; i++)
		assert_int_equal(dev.maps[i].count, 0);
}

/* Is nothing mapped there? */
static bool is_free(const uint8_t *at, size_t pages)
{
	unsigned char vec;

	for (size_t i = 0; i < pages; i++)
		if (mincore((void *)(at + i * PAGE), PAGE, &vec) == 0)
			return false;
	return true;
}

static void assert_refs_at(const uint8_t *at, size_t count, uint16_t domid, int prot)
{
	size_t found = 0;

	for (struct map *m = dev.maps; m < dev.maps + MOST; m++) {
		if (!m->count)
			continue;
		assert_int_equal(m->domid, domid);
		assert_int_equal(m->prot, prot);
		for (uint32_t i = 0; i < m->count; i++)
			assert_int_equal(m->refs[i],
					 1000 + (uint32_t)(m->at - at) / PAGE + i);
		found += m->count;
	}
	assert_int_equal(found, count);
}

/* Slices one beside another, from reserved address space. NULL and errno. */
static uint8_t *map_range(size_t count, bool writable)
{
	uint8_t *at = __real_mmap(NULL, count * PAGE, PROT_NONE,
				  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	size_t n;

	assert_ptr_not_equal(at, MAP_FAILED);
	for (size_t done = 0; done < count; done += n) {
		n = count - done < g.slice ? count - done : g.slice;
		if (gntdev_map_at(&g, at + done * PAGE, 7, refs + done, n, writable) == 0)
			continue;
		if (done)
			assert_int_equal(gntdev_unmap(&g, at, done), 0);
		/* The part that failed is nobody's. */
		if (done + n < count)
			__real_munmap(at + (done + n) * PAGE, (count - done - n) * PAGE);
		return NULL;
	}
	return at;
}

static void any_number_of_grants_is_one_range(void **state)
{
	(void)state;
	for (size_t count = 1; count <= 40; count++) {
		uint8_t *at = map_range(count, true);

		assert_non_null(at);
		memset(at, 0x5a, count * PAGE);
		assert_refs_at(at, count, 7, PROT_READ | PROT_WRITE);
		assert_int_equal(gntdev_unmap(&g, at, count), 0);
		assert_nothing_left();
		assert_true(is_free(at, count));
	}
}

static void one_slice_is_anywhere(void **state)
{
	(void)state;
	for (size_t count = 1; count <= g.slice; count++) {
		uint8_t *at = gntdev_map(&g, 7, refs, count, true);

		assert_refs_at(at, count, 7, PROT_READ | PROT_WRITE);
		assert_int_equal(gntdev_unmap(&g, at, count), 0);
		assert_nothing_left();
		dev.mapped = 0;
		dev.fail = 1;
		assert_null(gntdev_map(&g, 7, refs, count, true));
		assert_int_equal(errno, EINVAL);
		assert_nothing_left();
		begin(NULL);
	}
}

/* Each slice is unmapped by itself, in any order. */
static void slices_are_unmapped_one_by_one(void **state)
{
	uint8_t *at = map_range(20, true);

	(void)state;
	assert_int_equal(gntdev_unmap(&g, at + 16 * PAGE, 4), 0);
	assert_true(is_free(at + 16 * PAGE, 4));
	assert_refs_at(at, 16, 7, PROT_READ | PROT_WRITE);
	assert_int_equal(gntdev_unmap(&g, at, 8), 0);
	assert_false(is_free(at + 8 * PAGE, 8));
	assert_int_equal(gntdev_unmap(&g, at + 8 * PAGE, 8), 0);
	assert_nothing_left();
}

static void what_may_be_read_alone_is_mapped_so(void **state)
{
	uint8_t *at = map_range(20, false);

	(void)state;
	assert_refs_at(at, 20, 7, PROT_READ);
	assert_int_equal(gntdev_unmap(&g, at, 20), 0);
	assert_nothing_left();
}

static void failure_of_any_slice_leaves_its_place_to_nobody(void **state)
{
	(void)state;
	for (size_t count = 5; count <= 40; count += 5)
		for (unsigned int n = 1; n <= (count + 7) / 8; n++) {
			begin(NULL);
			dev.fail = n;
			assert_null(map_range(count, true));
			assert_int_equal(errno, EINVAL);
			assert_nothing_left();
			begin(NULL);
			dev.fail_map = n;
			assert_null(map_range(count, true));
			assert_int_equal(errno, ENOMEM);
			assert_nothing_left();
		}
}

static void failures_leak_no_address_space(void **state)
{
	unsigned long before = address_space();

	(void)state;
	for (unsigned int i = 0; i < 600; i++) {
		dev.mapped = 0;
		dev.fail = 1 + i % 3;
		assert_null(map_range(24, true));
	}
	assert_in_range(address_space(), 0, before + 1000); /* of 600 times 8 to 24 */
}

/* Another thread's mapping, quick as it was, stays. */
static void place_that_another_takes_is_left_to_him(void **state)
{
	(void)state;
	for (unsigned int n = 1; n <= 3; n++) {
		begin(NULL);
		dev.intrude = n;
		assert_null(map_range(20, true));
		assert_int_equal(errno, EEXIST);
		assert_nothing_left();
		assert_non_null(dev.intruder);
		assert_false(is_free(dev.intruder, 1));
		assert_int_equal(__real_munmap(dev.intruder, PAGE), 0);
	}
}

/* Before Linux 4.17, where it is mapped elsewhere: many slices are too many. */
static void kernel_that_maps_elsewhere_maps_one_slice_alone(void **state)
{
	uint8_t *at;

	(void)state;
	dev.old = true;
	assert_null(map_range(20, true));
	assert_int_equal(errno, EEXIST);
	assert_nothing_left();
	at = gntdev_map(&g, 7, refs, 8, true);
	assert_non_null(at);
	assert_int_equal(gntdev_unmap(&g, at, 8), 0);
	assert_nothing_left();
}

static void what_is_no_mapping_is_not_unmapped(void **state)
{
	uint8_t *at = map_range(20, true);

	(void)state;
	assert_int_equal(gntdev_unmap(&g, at + PAGE, 19), -1);
	assert_int_equal(gntdev_unmap(&g, at, 7), -1);
	assert_refs_at(at, 20, 7, PROT_READ | PROT_WRITE);
	assert_int_equal(gntdev_unmap(&g, at, 20), 0);
	assert_nothing_left();
}

static void parts_of_pages_are_copied_both_ways(void **state)
{
	uint8_t here[300];
	const struct xenport_copy from[2] = { { 1001, 4000, 96, here },
					      { 1004, 5, 204, here + 96 } };
	const struct xenport_copy to = { 1006, 0, 300, here };

	(void)state;
	for (unsigned int i = 0; i < 16; i++)
		memset(granted[i], (int)i + 1, PAGE);
	assert_int_equal(gntdev_copy(&g, 7, from, 2, false), 0);
	for (unsigned int i = 0; i < 300; i++)
		assert_int_equal(here[i], i < 96 ? 2 : 5);
	assert_int_equal(gntdev_copy(&g, 7, &to, 1, true), 0);
	assert_memory_equal(granted[6], here, 300);
	assert_int_equal(granted[6][300], 7);
	assert_int_equal(gntdev_copy(&g, 7, NULL, 0, false), 0);
	assert_nothing_left();
}

static void part_that_is_not_granted_fails_the_copy(void **state)
{
	uint8_t here[8] = { 0 };
	struct xenport_copy parts[3] = { { 1000, 0, 8, here },
					 { 1002, 0, 8, here },
					 { 1004, 0, 8, here } };

	(void)state;
	for (int bad = 0; bad < 3; bad++) {
		parts[bad].ref += 16; /* is none */
		assert_int_equal(gntdev_copy(&g, 7, parts, 3, false), -1);
		assert_int_equal(errno, EFAULT);
		parts[bad].ref -= 15; /* read-only */
		assert_int_equal(gntdev_copy(&g, 7, parts, 3, false), 0);
		assert_int_equal(gntdev_copy(&g, 7, parts, 3, true), -1);
		assert_int_equal(errno, EFAULT);
		parts[bad].ref--;
		assert_int_equal(gntdev_copy(&g, 7, parts, 3, true), 0);
	}
	assert_int_equal(gntdev_copy(&g, 8, parts, 3, false), -1);
	parts[1].offset = PAGE - 7;
	assert_int_equal(gntdev_copy(&g, 7, parts, 3, false), -1);
}

static void kernel_that_cannot_copy_says_so(void **state)
{
	(void)state;
	dev.no_copy = true;
	assert_int_equal(gntdev_copy(&g, 7, NULL, 0, false), -1);
	assert_int_equal(errno, ENOTTY);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(one_slice_is_anywhere, begin),
		cmocka_unit_test_setup(any_number_of_grants_is_one_range, begin),
		cmocka_unit_test_setup(slices_are_unmapped_one_by_one, begin),
		cmocka_unit_test_setup(what_may_be_read_alone_is_mapped_so, begin),
		cmocka_unit_test_setup(failure_of_any_slice_leaves_its_place_to_nobody,
				       begin),
		cmocka_unit_test_setup(failures_leak_no_address_space, begin),
		cmocka_unit_test_setup(place_that_another_takes_is_left_to_him, begin),
		cmocka_unit_test_setup(kernel_that_maps_elsewhere_maps_one_slice_alone,
				       begin),
		cmocka_unit_test_setup(what_is_no_mapping_is_not_unmapped, begin),
		cmocka_unit_test_setup(parts_of_pages_are_copied_both_ways, begin),
		cmocka_unit_test_setup(part_that_is_not_granted_fails_the_copy, begin),
		cmocka_unit_test_setup(kernel_that_cannot_copy_says_so, begin),
	};

	alarm(120);
	return cmocka_run_group_tests_name("grants as one range", tests, NULL, NULL);
}
