// SPDX-License-Identifier: GPL-2.0-or-later
#include "xenport/local/grants.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "xenport/local/wire.h"
#include "xenport/xenport.h"

#define PAGE_MASK ((1u << GRANT_PAGE_BITS) - 1)

static void region_clear(struct grants *grants, struct grant_region *region)
{
	close(region->fd);
	grants->pages -= region->pages;
	region->pages = 0;
}

void grants_clear(struct grants *grants)
{
	for (size_t i = 0; i < GRANT_REGIONS; i++)
		if (grants->regions[i].pages)
			region_clear(grants, &grants->regions[i]);
}

/* A memfd of that size for ever: a page that went away would end a process that
 * has it mapped with SIGBUS.
 */
static int make_memory(uint32_t pages)
{
	int fd = memfd_create("xen-ib-guest", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	int saved;

	if (fd < 0)
		return -1;
	if (ftruncate(fd, (off_t)pages * LOCAL_PAGE) == 0 &&
	    fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) == 0)
		return fd;
	saved = errno;
	close(fd);
	errno = saved;
	return -1;
}

int grants_add(struct grants *grants, uint32_t pages, uint32_t *first_ref)
{
	struct grant_region *region = grants->regions;

	if (!pages || pages > PAGE_MASK + 1) {
		errno = EINVAL;
		return -1;
	}
	while (region < grants->regions + GRANT_REGIONS && region->pages)
		region++;
	if (region == grants->regions + GRANT_REGIONS ||
	    pages > GRANT_PAGES - grants->pages) {
		errno = ENOSPC;
		return -1;
	}
	region->fd = make_memory(pages);
	if (region->fd < 0)
		return -1;
	region->pages = pages;
	grants->pages += pages;
	*first_ref = (uint32_t)(region - grants->regions + 1) << GRANT_PAGE_BITS;
	return region->fd;
}

/* The region that has page @ref. NULL and EINVAL: none. */
static const struct grant_region *region_of(const struct grants *grants, uint32_t ref)
{
	uint32_t number = ref >> GRANT_PAGE_BITS;

	if (number && number <= GRANT_REGIONS &&
	    (ref & PAGE_MASK) < grants->regions[number - 1].pages)
		return &grants->regions[number - 1];
	errno = EINVAL;
	return NULL;
}

int grants_remove(struct grants *grants, uint32_t first_ref)
{
	const struct grant_region *region = region_of(grants, first_ref);

	if (!region || (first_ref & PAGE_MASK)) {
		errno = EINVAL;
		return -1;
	}
	region_clear(grants, &grants->regions[region - grants->regions]);
	return 0;
}

/* How many of @refs are pages of @region that follow each other. */
static size_t run_length(const struct grant_region *region, const uint32_t *refs,
			 size_t count)
{
	size_t room = region->pages - (refs[0] & PAGE_MASK), n = 1;

	while (n < count && n < room && refs[n] == refs[n - 1] + 1)
		n++;
	return n;
}

void *grants_map(const struct grants *grants, void *at, const uint32_t *refs,
		 size_t count, bool writable, unsigned int *pieces)
{
	int prot = PROT_READ | (writable ? PROT_WRITE : 0), saved;
	size_t done = 0, run;
	char *base = at;

	*pieces = 0;
	if (!count || count > XENPORT_SLICE_MAX) {
		errno = EINVAL;
		return NULL;
	}
	if (!base)
		base = xenport_reserve(count);
	if (!base)
		return NULL;
	for (; done < count; done += run) {
		const struct grant_region *region = region_of(grants, refs[done]);

		if (!region)
			goto fail;
		errno = E2BIG;
		if (++*pieces > GRANT_RUNS)
			goto fail;
		run = run_length(region, refs + done, count - done);
		/* The range is base's, which is returned. */
		/* cppcheck-suppress leakReturnValNotUsed */
		if (mmap(base + done * LOCAL_PAGE, run * LOCAL_PAGE, prot,
			 MAP_SHARED | MAP_FIXED, region->fd,
			 (off_t)(refs[done] & PAGE_MASK) * LOCAL_PAGE) == MAP_FAILED)
			goto fail;
	}
	return base;

fail:
	saved = errno;
	munmap(base, count * LOCAL_PAGE);
	errno = saved;
	return NULL;
}

static int copy_part(const struct grants *grants, const struct xenport_copy *part,
		     bool to_guest)
{
	const struct grant_region *region = region_of(grants, part->ref);
	off_t at = (off_t)(part->ref & PAGE_MASK) * LOCAL_PAGE + part->offset;
	ssize_t copied = -1;

	if (region && part->offset + part->length <= LOCAL_PAGE)
		copied = to_guest ? pwrite(region->fd, part->local, part->length, at)
				  : pread(region->fd, part->local, part->length, at);
	if (copied == part->length)
		return 0;
	errno = EFAULT;
	return -1;
}

int grants_copy(const struct grants *grants, const struct xenport_copy *parts,
		size_t count, bool to_guest)
{
	for (size_t i = 0; i < count; i++)
		if (copy_part(grants, &parts[i], to_guest) < 0)
			return -1;
	return 0;
}
