// SPDX-License-Identifier: GPL-2.0-or-later
#include "xenport/gntdev.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include <xen/grant_table.h>
#include <xen/sys/gntdev.h>

#include "xenport/xenport.h"

/* The unit of grants; gntdev exists where the kernel's is the same. */
#define PAGE         4096u
/* What limit is in drivers/xen/gntdev.c since Linux 5.5. */
#define DEFAULT_MOST 65536u
#define LIMIT_FILE   "/sys/module/xen_gntdev/parameters/limit"

void gntdev_init(struct gntdev *g, int fd)
{
	FILE *f = fopen(LIMIT_FILE, "re");
	unsigned int limit = DEFAULT_MOST;

	if (f) {
		if (fscanf(f, "%u", &limit) != 1 || !limit || limit > DEFAULT_MOST)
			limit = DEFAULT_MOST;
		fclose(f);
	}
	g->fd = fd;
	g->slice = XENPORT_SLICE_MAX;
	while (g->slice > limit)
		g->slice /= 2;
}

/* Have gntdev know @count grants, at most a slice. -1 and errno. */
static int make_map(const struct gntdev *g, uint16_t domid, const uint32_t *refs,
		    size_t count, uint64_t *index)
{
	struct ioctl_gntdev_map_grant_ref *op =
		malloc(sizeof(*op) + count * sizeof(op->refs[0]));
	int rc, saved;

	if (!op)
		return -1;
	op->count = (uint32_t)count;
	op->pad = 0;
	for (size_t i = 0; i < count; i++)
		op->refs[i] = (struct ioctl_gntdev_grant_ref){ domid, refs[i] };
	rc = ioctl(g->fd, IOCTL_GNTDEV_MAP_GRANT_REF, op);
	saved = errno;
	*index = op->index;
	free(op);
	errno = saved;
	return rc;
}

/* Nothing of it is mapped any more. Keeps errno. */
static void end_map(const struct gntdev *g, uint64_t index, size_t count)
{
	struct ioctl_gntdev_unmap_grant_ref op = { .index = index,
						   .count = (uint32_t)count };
	int saved = errno;

	(void)ioctl(g->fd, IOCTL_GNTDEV_UNMAP_GRANT_REF, &op);
	errno = saved;
}

/*
 * Map a slice at @at, where nothing is, or, if that is NULL, anywhere. NULL and errno,
 * and nothing is at @at still; EEXIST: but what another thread has mapped there.
 */
static void *map_slice(const struct gntdev *g, void *at, uint16_t domid,
		       const uint32_t *refs, size_t count, int prot)
{
	int place = at ? MAP_FIXED_NOREPLACE : 0;
	uint64_t index;
	void *addr;

	if (make_map(g, domid, refs, count, &index) < 0)
		return NULL;
	addr = mmap(at, count * PAGE, prot, MAP_SHARED | place, g->fd, (off_t)index);
	if (addr != MAP_FAILED && (!at || addr == at))
		return addr;
	if (addr != MAP_FAILED) { /* a kernel before 4.17 takes it for a wish */
		munmap(addr, count * PAGE);
		errno = EEXIST;
	}
	end_map(g, index, count);
	return NULL;
}

static int protection(bool writable)
{
	return PROT_READ | (writable ? PROT_WRITE : 0);
}

void *gntdev_map(const struct gntdev *g, uint16_t domid, const uint32_t *refs,
		 size_t count, bool writable)
{
	return map_slice(g, NULL, domid, refs, count, protection(writable));
}

/*
 * The part of the range is given up first and a slice is put there only if it is free:
 * were it put over the reservation and failed, there would be a hole, or none, by the
 * kernel's version, and another thread's mapping might be in it. So what fails has left
 * a hole, which is nobody's.
 */
int gntdev_map_at(const struct gntdev *g, void *addr, uint16_t domid,
		  const uint32_t *refs, size_t count, bool writable)
{
	if (munmap(addr, count * PAGE) < 0)
		return -1;
	/* Where something is to be, not what is there. */
	/* cppcheck-suppress deallocret */
	return map_slice(g, addr, domid, refs, count, protection(writable)) ? 0 : -1;
}

int gntdev_unmap(const struct gntdev *g, void *addr, size_t count)
{
	uint8_t *at = addr;

	while (count) {
		/* gntdev knows what begins here. */
		struct ioctl_gntdev_get_offset_for_vaddr op = { .vaddr = (uintptr_t)at };

		size_t bytes;

		if (ioctl(g->fd, IOCTL_GNTDEV_GET_OFFSET_FOR_VADDR, &op) < 0)
			return -1;
		bytes = op.count * (size_t)PAGE;
		if (bytes == 0 || op.count > count) {
			errno = EINVAL;
			return -1;
		}
		if (munmap(at, bytes) < 0)
			return -1;
		end_map(g, op.offset, op.count);
		at += bytes;
		count -= op.count;
	}
	return 0;
}

static void fill_segment(struct ioctl_gntdev_grant_copy_segment *segment, uint16_t domid,
			 const struct xenport_copy *part, bool to_guest)
{
	*segment = (struct ioctl_gntdev_grant_copy_segment){
		.len = part->length,
		.flags = to_guest ? GNTCOPY_dest_gref : GNTCOPY_source_gref,
		.status = GNTST_general_error,
	};
	if (to_guest) {
		segment->source.virt = part->local;
		segment->dest.foreign.ref = part->ref;
		segment->dest.foreign.offset = part->offset;
		segment->dest.foreign.domid = domid;
	} else {
		segment->source.foreign.ref = part->ref;
		segment->source.foreign.offset = part->offset;
		segment->source.foreign.domid = domid;
		segment->dest.virt = part->local;
	}
}

/* What Xen says of each part is in its segment, whatever ioctl(2) says. */
int gntdev_copy(const struct gntdev *g, uint16_t domid, const struct xenport_copy *parts,
		size_t count, bool to_guest)
{
	struct ioctl_gntdev_grant_copy_segment segments[XENPORT_COPY_MAX];
	struct ioctl_gntdev_grant_copy op = { (unsigned int)count, segments };

	for (size_t i = 0; i < count; i++)
		fill_segment(&segments[i], domid, &parts[i], to_guest);
	if (ioctl(g->fd, IOCTL_GNTDEV_GRANT_COPY, &op) < 0)
		return -1;
	for (size_t i = 0; i < count; i++)
		if (segments[i].status != GNTST_okay) {
			errno = EFAULT;
			return -1;
		}
	return 0;
}
