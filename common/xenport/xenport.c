// SPDX-License-Identifier: GPL-2.0-or-later
/* The Xen port's functions: each goes to the implementation's operation. */
#include <sys/mman.h>

#include "xenport/ops.h"

#define PAGE 4096u

void xenport_close(struct xenport *xp)
{
	xp->ops->close(xp);
}

struct xenport *xenport_open_events(struct xenport *xp)
{
	return xp->ops->open_events(xp);
}

int xenport_read(struct xenport *xp, xenport_tx tx, const char *path, char *buf,
		 size_t size)
{
	return xp->ops->read(xp, tx, path, buf, size);
}

int xenport_write(struct xenport *xp, xenport_tx tx, const char *path, const char *value)
{
	return xp->ops->write(xp, tx, path, value);
}

int xenport_mkdir(struct xenport *xp, xenport_tx tx, const char *path,
		  const struct xenport_perms *perms)
{
	return xp->ops->mkdir(xp, tx, path, perms);
}

int xenport_rm(struct xenport *xp, xenport_tx tx, const char *path)
{
	return xp->ops->rm(xp, tx, path);
}

int xenport_list(struct xenport *xp, xenport_tx tx, const char *path, char ***names)
{
	return xp->ops->list(xp, tx, path, names);
}

int xenport_tx_begin(struct xenport *xp, xenport_tx *tx)
{
	return xp->ops->tx_begin(xp, tx);
}

int xenport_tx_end(struct xenport *xp, xenport_tx tx, bool commit)
{
	return xp->ops->tx_end(xp, tx, commit);
}

int xenport_watch(struct xenport *xp, const char *path, const char *token)
{
	return xp->ops->watch(xp, path, token);
}

int xenport_unwatch(struct xenport *xp, const char *path, const char *token)
{
	return xp->ops->unwatch(xp, path, token);
}

int xenport_store_fd(struct xenport *xp)
{
	return xp->ops->store_fd(xp);
}

int xenport_next_watch(struct xenport *xp, char *path, size_t path_size, char *token,
		       size_t token_size)
{
	return xp->ops->next_watch(xp, path, path_size, token, token_size);
}

void *xenport_map(struct xenport *xp, uint16_t domid, const uint32_t *refs, size_t count,
		  bool writable)
{
	return xp->ops->map(xp, domid, refs, count, writable);
}

void *xenport_map_notify(struct xenport *xp, uint16_t domid, uint32_t ref,
			 size_t clear_offset, uint32_t event_port)
{
	return xp->ops->map_notify(xp, domid, ref, clear_offset, event_port);
}

int xenport_unmap(struct xenport *xp, void *addr, size_t count)
{
	return xp->ops->unmap(xp, addr, count);
}

size_t xenport_slice(struct xenport *xp)
{
	return xp->ops->slice ? xp->ops->slice(xp) : XENPORT_SLICE_MAX;
}

size_t xenport_pieces(struct xenport *xp, size_t count)
{
	size_t slice = xenport_slice(xp);

	return (count + slice - 1) / slice;
}

void *xenport_reserve(size_t count)
{
	void *addr = mmap(NULL, count * PAGE, PROT_NONE,
			  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	/* The range is the caller's. */
	/* cppcheck-suppress memleak */
	return addr == MAP_FAILED ? NULL : addr;
}

void xenport_unreserve(void *addr, size_t count)
{
	munmap(addr, count * PAGE);
}

int xenport_map_at(struct xenport *xp, void *addr, uint16_t domid, const uint32_t *refs,
		   size_t count, bool writable)
{
	return xp->ops->map_at(xp, addr, domid, refs, count, writable);
}

int xenport_copy(struct xenport *xp, uint16_t domid, const struct xenport_copy *parts,
		 size_t count, bool to_guest)
{
	return xp->ops->copy(xp, domid, parts, count, to_guest);
}

bool xenport_can_copy(struct xenport *xp)
{
	return xp->ops->copy && xp->ops->copy(xp, 0, NULL, 0, false) == 0;
}

int xenport_bind(struct xenport *xp, uint16_t domid, uint32_t remote_port,
		 uint32_t *local_port)
{
	return xp->ops->bind(xp, domid, remote_port, local_port);
}

int xenport_unbind(struct xenport *xp, uint32_t local_port)
{
	return xp->ops->unbind(xp, local_port);
}

int xenport_notify(struct xenport *xp, uint32_t local_port)
{
	return xp->ops->notify(xp, local_port);
}

int xenport_event_fd(struct xenport *xp)
{
	return xp->ops->event_fd(xp);
}

int xenport_next_event(struct xenport *xp, uint32_t *local_port)
{
	return xp->ops->next_event(xp, local_port);
}

int xenport_unmask(struct xenport *xp, uint32_t local_port)
{
	return xp->ops->unmask(xp, local_port);
}

bool xenport_domain_exists(struct xenport *xp, uint16_t domid)
{
	return xp->ops->domain_exists(xp, domid);
}
