// SPDX-License-Identifier: GPL-2.0-or-later
#include "fake_guest.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include "xenport/ops.h"

struct fake_xen {
	struct xenport base; /* first: the port handed out */
	struct xenport_ops ops;
	struct fake_store *store;
	uv_loop_t *loop;
	int memory_fd;
	uint8_t (*pages)[VIB_PAGE_SIZE]; /* all of it */
	unsigned int mapped[FAKE_PAGES]; /* there */
	unsigned int mapped_elsewhere;
	uint32_t clear_at[FAKE_PAGES]; /* 1 + offset of the byte an unmap clears */
	bool refuse_maps;
	uint32_t bad; /* cannot be mapped; 0: all can */
	struct by_step jobs;
	bool bound[FAKE_PORTS], masked[FAKE_PORTS], pending[FAKE_PORTS];
	bool notified[FAKE_PORTS];
	int event_fd;
};

static struct fake_xen *to_fake(struct xenport *xp)
{
	return (struct fake_xen *)xp;
}

/* ---- xenstore: the fake store's ------------------------------------------ */

static struct xenport *store(struct xenport *xp)
{
	return fake_port(to_fake(xp)->store);
}

static int x_read(struct xenport *xp, xenport_tx tx, const char *path, char *buf,
		  size_t size)
{
	return xenport_read(store(xp), tx, path, buf, size);
}

static int x_write(struct xenport *xp, xenport_tx tx, const char *path, const char *value)
{
	return xenport_write(store(xp), tx, path, value);
}

static int x_rm(struct xenport *xp, xenport_tx tx, const char *path)
{
	return xenport_rm(store(xp), tx, path);
}

static int x_list(struct xenport *xp, xenport_tx tx, const char *path, char ***names)
{
	return xenport_list(store(xp), tx, path, names);
}

static int x_tx_begin(struct xenport *xp, xenport_tx *tx)
{
	return xenport_tx_begin(store(xp), tx);
}

static int x_tx_end(struct xenport *xp, xenport_tx tx, bool commit)
{
	return xenport_tx_end(store(xp), tx, commit);
}

static int x_watch(struct xenport *xp, const char *path, const char *token)
{
	return xenport_watch(store(xp), path, token);
}

static int x_unwatch(struct xenport *xp, const char *path, const char *token)
{
	return xenport_unwatch(store(xp), path, token);
}

static int x_store_fd(struct xenport *xp)
{
	return xenport_store_fd(store(xp));
}

static bool x_domain_exists(struct xenport *xp, uint16_t domid)
{
	return xenport_domain_exists(store(xp), domid);
}

static int x_next_watch(struct xenport *xp, char *path, size_t path_size, char *token,
			size_t token_size)
{
	return xenport_next_watch(store(xp), path, path_size, token, token_size);
}

/* ---- grants -------------------------------------------------------------- */

static bool can_map(struct fake_xen *xen, const uint32_t *refs, size_t count)
{
	assert(count && count <= FAKE_SLICE);
	for (size_t i = 0; i < count; i++)
		if (xen->refuse_maps || refs[i] >= FAKE_PAGES ||
		    (xen->bad && refs[i] == xen->bad)) {
			errno = EINVAL;
			return false;
		}
	return true;
}

static void *map_page(struct fake_xen *xen, uint32_t ref)
{
	if (!can_map(xen, &ref, 1))
		return NULL;
	xen->mapped[ref]++;
	return xen->pages[ref];
}

/* Like gntdev: where something is, nothing is mapped. */
static int x_map_at(struct xenport *xp, void *addr, uint16_t domid, const uint32_t *refs,
		    size_t count, bool writable)
{
	struct fake_xen *xen = to_fake(xp);
	uint8_t *at = addr;
	void *got;

	(void)domid;
	munmap(addr, count * VIB_PAGE_SIZE);
	if (!can_map(xen, refs, count))
		return -1;
	for (size_t i = 0; i < count; i++) {
		got = mmap(at + i * VIB_PAGE_SIZE, VIB_PAGE_SIZE,
			   PROT_READ | (writable ? PROT_WRITE : 0),
			   MAP_SHARED | MAP_FIXED_NOREPLACE, xen->memory_fd,
			   (off_t)refs[i] * VIB_PAGE_SIZE);
		assert(got == at + i * VIB_PAGE_SIZE);
	}
	xen->mapped_elsewhere += (unsigned int)count;
	return 0;
}

static void *x_map(struct xenport *xp, uint16_t domid, const uint32_t *refs, size_t count,
		   bool writable)
{
	void *at;

	if (count == 1)
		return map_page(to_fake(xp), refs[0]);
	at = xenport_reserve(count);
	assert(at);
	return x_map_at(xp, at, domid, refs, count, writable) == 0 ? at : NULL;
}

static size_t x_slice(struct xenport *xp)
{
	(void)xp;
	return FAKE_SLICE;
}

static void *x_map_notify(struct xenport *xp, uint16_t domid, uint32_t ref,
			  size_t clear_offset, uint32_t event_port)
{
	void *page = map_page(to_fake(xp), ref);

	(void)domid;
	(void)event_port;
	if (page)
		to_fake(xp)->clear_at[ref] = (uint32_t)clear_offset + 1;
	return page;
}

static int unmap_page(struct fake_xen *xen, uint32_t ref)
{
	assert(xen->mapped[ref]);
	xen->mapped[ref]--;
	if (xen->clear_at[ref])
		xen->pages[ref][xen->clear_at[ref] - 1] = 0;
	xen->clear_at[ref] = 0;
	return 0;
}

static int x_unmap(struct xenport *xp, void *addr, size_t count)
{
	struct fake_xen *xen = to_fake(xp);
	uint8_t *at = addr;

	if (at >= xen->pages[0] && at < xen->pages[FAKE_PAGES]) {
		assert(count == 1);
		return unmap_page(xen, (uint32_t)((at - xen->pages[0]) / VIB_PAGE_SIZE));
	}
	assert(count <= FAKE_SLICE && xen->mapped_elsewhere >= count);
	xen->mapped_elsewhere -= (unsigned int)count;
	return munmap(addr, count * VIB_PAGE_SIZE);
}

/* ---- event channels -------------------------------------------------------- */

static int x_bind(struct xenport *xp, uint16_t domid, uint32_t remote_port,
		  uint32_t *local_port)
{
	(void)domid;
	if (remote_port >= FAKE_PORTS || to_fake(xp)->bound[remote_port]) {
		errno = EINVAL;
		return -1;
	}
	to_fake(xp)->bound[remote_port] = true;
	to_fake(xp)->masked[remote_port] = false;
	*local_port = remote_port;
	return 0;
}

static int x_unbind(struct xenport *xp, uint32_t local_port)
{
	assert(to_fake(xp)->bound[local_port]);
	to_fake(xp)->bound[local_port] = false;
	to_fake(xp)->pending[local_port] = false;
	return 0;
}

static int x_notify(struct xenport *xp, uint32_t local_port)
{
	assert(to_fake(xp)->bound[local_port]);
	to_fake(xp)->notified[local_port] = true;
	return 0;
}

static int x_event_fd(struct xenport *xp)
{
	return to_fake(xp)->event_fd;
}

static int x_next_event(struct xenport *xp, uint32_t *local_port)
{
	struct fake_xen *xen = to_fake(xp);
	eventfd_t value;

	for (uint32_t port = 0; port < FAKE_PORTS; port++)
		if (xen->bound[port] && xen->pending[port] && !xen->masked[port]) {
			xen->pending[port] = false;
			xen->masked[port] = true;
			*local_port = port;
			return 1;
		}
	(void)eventfd_read(xen->event_fd, &value); /* none is left: no longer readable */
	return 0;
}

static int x_unmask(struct xenport *xp, uint32_t local_port)
{
	struct fake_xen *xen = to_fake(xp);

	assert(xen->bound[local_port]);
	xen->masked[local_port] = false;
	if (xen->pending[local_port])
		eventfd_write(xen->event_fd, 1);
	return 0;
}

/* One port is all there is: whoever asks for another shares it. */
static struct xenport *x_open_events(struct xenport *xp)
{
	return xp;
}

static void x_close(struct xenport *xp)
{
	(void)xp; /* fake_xen_free() frees all */
}

static const struct xenport_ops fake_xen_ops = {
	.close = x_close,
	.open_events = x_open_events,
	.read = x_read,
	.write = x_write,
	.rm = x_rm,
	.list = x_list,
	.tx_begin = x_tx_begin,
	.tx_end = x_tx_end,
	.watch = x_watch,
	.unwatch = x_unwatch,
	.store_fd = x_store_fd,
	.next_watch = x_next_watch,
	.domain_exists = x_domain_exists,
	.map = x_map,
	.map_at = x_map_at,
	.slice = x_slice,
	.map_notify = x_map_notify,
	.unmap = x_unmap,
	.bind = x_bind,
	.unbind = x_unbind,
	.notify = x_notify,
	.event_fd = x_event_fd,
	.next_event = x_next_event,
	.unmask = x_unmask,
};

/* ---- the tests' side ------------------------------------------------------- */

struct fake_xen *fake_xen_new(uv_loop_t *loop)
{
	struct fake_xen *xen = calloc(1, sizeof(*xen));

	assert(xen);
	xen->base.ops = &fake_xen_ops;
	xen->loop = loop;
	xen->store = fake_store_new();
	xen->memory_fd = memfd_create("guests", MFD_CLOEXEC);
	assert(xen->memory_fd >= 0);
	if (ftruncate(xen->memory_fd, FAKE_PAGES * VIB_PAGE_SIZE) < 0)
		abort();
	xen->pages = mmap(NULL, FAKE_PAGES * VIB_PAGE_SIZE, PROT_READ | PROT_WRITE,
			  MAP_SHARED, xen->memory_fd, 0);
	assert(xen->pages != MAP_FAILED);
	by_step_init(&xen->jobs);
	xen->event_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	assert(xen->event_fd >= 0);
	return xen;
}

void fake_xen_free(struct fake_xen *xen)
{
	xenport_close(fake_port(xen->store));
	close(xen->event_fd);
	munmap(xen->pages, FAKE_PAGES * VIB_PAGE_SIZE);
	close(xen->memory_fd);
	free(xen);
}

struct xenport *fake_xen_port(struct fake_xen *xen)
{
	return &xen->base;
}

struct fake_store *fake_xen_store(struct fake_xen *xen)
{
	return xen->store;
}

void *fake_page(struct fake_xen *xen, uint32_t ref)
{
	return xen->pages[ref];
}

unsigned int fake_mappings(struct fake_xen *xen)
{
	unsigned int n = xen->mapped_elsewhere;

	for (size_t i = 0; i < FAKE_PAGES; i++)
		n += xen->mapped[i];
	return n;
}

unsigned int fake_bound_ports(struct fake_xen *xen)
{
	unsigned int n = 0;

	for (size_t i = 0; i < FAKE_PORTS; i++)
		n += xen->bound[i];
	return n;
}

void fake_refuse_maps(struct fake_xen *xen, bool refuse)
{
	xen->refuse_maps = refuse;
}

void fake_bad_page(struct fake_xen *xen, uint32_t ref)
{
	xen->bad = ref;
}

struct by_step *fake_jobs(struct fake_xen *xen)
{
	return &xen->jobs;
}

void fake_event(struct fake_xen *xen, uint32_t port)
{
	xen->pending[port] = true;
	eventfd_write(xen->event_fd, 1);
}

bool fake_notified(struct fake_xen *xen, uint32_t port)
{
	bool was = xen->notified[port];

	xen->notified[port] = false;
	return was;
}

void fake_loop(struct fake_xen *xen)
{
	/* Each pass takes all that is readable; writes of one pass wake the next. */
	for (int i = 0; i < 8; i++)
		uv_run(xen->loop, UV_RUN_NOWAIT);
}

void fake_settle(struct fake_xen *xen)
{
	do
		fake_loop(xen);
	while (by_step(&xen->jobs));
}
