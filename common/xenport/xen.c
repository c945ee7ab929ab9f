// SPDX-License-Identifier: GPL-2.0-or-later
/* The Xen port on a real Xen: libxenstore, libxengnttab, libxenevtchn. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <xenevtchn.h>
#include <xengnttab.h>
#include <xenstore.h>

#include "xenport/gntdev.h"
#include "xenport/ops.h"

struct xen_port {
	struct xenport base;
	struct xs_handle *xs;
	xengnttab_handle *gnttab;
	struct gntdev gntdev; /* through its descriptor */
	xenevtchn_handle *evtchn;
};

static struct xen_port *to_xen(struct xenport *xp)
{
	return (struct xen_port *)xp; /* base is the first member */
}

/* ---- xenstore ---------------------------------------------------------- */

static int xen_read(struct xenport *xp, xenport_tx tx, const char *path, char *buf,
		    size_t size)
{
	unsigned int len;
	char *value = xs_read(to_xen(xp)->xs, tx, path, &len);
	int rc = -1;

	if (!value)
		return -1;
	if (len >= size || len > XENPORT_VALUE_MAX) {
		errno = EMSGSIZE;
	} else if (memchr(value, '\0', len)) {
		errno = EILSEQ;
	} else {
		memcpy(buf, value, len);
		buf[len] = '\0';
		rc = (int)len;
	}
	free(value);
	return rc;
}

static int xen_write(struct xenport *xp, xenport_tx tx, const char *path,
		     const char *value)
{
	return xs_write(to_xen(xp)->xs, tx, path, value, strlen(value)) ? 0 : -1;
}

static int xen_mkdir(struct xenport *xp, xenport_tx tx, const char *path,
		     const struct xenport_perms *perms)
{
	/* The first entry is the owner and what everybody else may do. */
	struct xs_permissions p[2] = {
		{ .id = perms->owner, .perms = XS_PERM_NONE },
		{ .id = perms->reader, .perms = XS_PERM_READ },
	};

	if (!xs_mkdir(to_xen(xp)->xs, tx, path))
		return -1;
	return xs_set_permissions(to_xen(xp)->xs, tx, path, p, 2) ? 0 : -1;
}

static int xen_rm(struct xenport *xp, xenport_tx tx, const char *path)
{
	if (xs_rm(to_xen(xp)->xs, tx, path) || errno == ENOENT)
		return 0;
	return -1;
}

static int xen_list(struct xenport *xp, xenport_tx tx, const char *path, char ***names)
{
	unsigned int num;

	*names = xs_directory(to_xen(xp)->xs, tx, path, &num);
	return *names ? (int)num : -1;
}

static int xen_tx_begin(struct xenport *xp, xenport_tx *tx)
{
	*tx = xs_transaction_start(to_xen(xp)->xs);
	return *tx == XBT_NULL ? -1 : 0;
}

static int xen_tx_end(struct xenport *xp, xenport_tx tx, bool commit)
{
	return xs_transaction_end(to_xen(xp)->xs, tx, !commit) ? 0 : -1;
}

static int xen_watch(struct xenport *xp, const char *path, const char *token)
{
	return xs_watch(to_xen(xp)->xs, path, token) ? 0 : -1;
}

static int xen_unwatch(struct xenport *xp, const char *path, const char *token)
{
	return xs_unwatch(to_xen(xp)->xs, path, token) ? 0 : -1;
}

static int xen_store_fd(struct xenport *xp)
{
	return xs_fileno(to_xen(xp)->xs);
}

static void copy_cut(char *dst, size_t size, const char *src)
{
	size_t len = strnlen(src, size - 1);

	memcpy(dst, src, len);
	dst[len] = '\0';
}

static int xen_next_watch(struct xenport *xp, char *path, size_t path_size, char *token,
			  size_t token_size)
{
	char **event = xs_check_watch(to_xen(xp)->xs);

	if (!event)
		return errno == EAGAIN ? 0 : -1;
	copy_cut(path, path_size, event[XS_WATCH_PATH]);
	copy_cut(token, token_size, event[XS_WATCH_TOKEN]);
	free(event);
	return 1;
}

static bool xen_domain_exists(struct xenport *xp, uint16_t domid)
{
	return xs_is_domain_introduced(to_xen(xp)->xs, domid);
}

/* ---- grants ------------------------------------------------------------ */

static void *xen_map(struct xenport *xp, uint16_t domid, const uint32_t *refs,
		     size_t count, bool writable)
{
	return gntdev_map(&to_xen(xp)->gntdev, domid, refs, count, writable);
}

static int xen_map_at(struct xenport *xp, void *addr, uint16_t domid,
		      const uint32_t *refs, size_t count, bool writable)
{
	return gntdev_map_at(&to_xen(xp)->gntdev, addr, domid, refs, count, writable);
}

static void *xen_map_notify(struct xenport *xp, uint16_t domid, uint32_t ref,
			    size_t clear_offset, uint32_t event_port)
{
	return xengnttab_map_grant_ref_notify(to_xen(xp)->gnttab, domid, ref,
					      PROT_READ | PROT_WRITE,
					      (uint32_t)clear_offset, event_port);
}

static int xen_unmap(struct xenport *xp, void *addr, size_t count)
{
	return gntdev_unmap(&to_xen(xp)->gntdev, addr, count);
}

static size_t xen_slice(struct xenport *xp)
{
	return to_xen(xp)->gntdev.slice;
}

static int xen_copy(struct xenport *xp, uint16_t domid, const struct xenport_copy *parts,
		    size_t count, bool to_guest)
{
	return gntdev_copy(&to_xen(xp)->gntdev, domid, parts, count, to_guest);
}

/* ---- event channels ---------------------------------------------------- */

static int xen_bind(struct xenport *xp, uint16_t domid, uint32_t remote_port,
		    uint32_t *local_port)
{
	xenevtchn_port_or_error_t port =
		xenevtchn_bind_interdomain(to_xen(xp)->evtchn, domid, remote_port);

	if (port < 0)
		return -1;
	*local_port = (uint32_t)port;
	return 0;
}

static int xen_unbind(struct xenport *xp, uint32_t local_port)
{
	return xenevtchn_unbind(to_xen(xp)->evtchn, local_port);
}

static int xen_notify(struct xenport *xp, uint32_t local_port)
{
	return xenevtchn_notify(to_xen(xp)->evtchn, local_port);
}

static int xen_event_fd(struct xenport *xp)
{
	return xenevtchn_fd(to_xen(xp)->evtchn);
}

static int xen_next_event(struct xenport *xp, uint32_t *local_port)
{
	/* xenevtchn_pending() waits; ask poll(2) first. */
	struct pollfd pfd = { .fd = xen_event_fd(xp), .events = POLLIN };
	xenevtchn_port_or_error_t port;
	int ready = poll(&pfd, 1, 0);

	if (ready <= 0)
		return ready < 0 && errno != EINTR ? -1 : 0;
	port = xenevtchn_pending(to_xen(xp)->evtchn);
	if (port < 0)
		return -1;
	*local_port = (uint32_t)port;
	return 1;
}

static int xen_unmask(struct xenport *xp, uint32_t local_port)
{
	return xenevtchn_unmask(to_xen(xp)->evtchn, local_port);
}

/* ---- opening ----------------------------------------------------------- */

static void xen_close(struct xenport *xp)
{
	struct xen_port *x = to_xen(xp);

	/* Mappings first: their unmap notification needs its event channel. */
	if (x->gnttab)
		xengnttab_close(x->gnttab);
	if (x->evtchn)
		xenevtchn_close(x->evtchn);
	if (x->xs)
		xs_close(x->xs);
	free(x);
}

/* Each handle of /dev/xen/evtchn has its own queue of pending ports. */
static struct xenport *xen_open_events(struct xenport *xp)
{
	(void)xp;
	return xenport_open_xen(XENPORT_EVENTS);
}

static const struct xenport_ops xen_ops = {
	.close = xen_close,
	.open_events = xen_open_events,
	.read = xen_read,
	.write = xen_write,
	.mkdir = xen_mkdir,
	.rm = xen_rm,
	.list = xen_list,
	.tx_begin = xen_tx_begin,
	.tx_end = xen_tx_end,
	.watch = xen_watch,
	.unwatch = xen_unwatch,
	.store_fd = xen_store_fd,
	.next_watch = xen_next_watch,
	.map = xen_map,
	.map_notify = xen_map_notify,
	.unmap = xen_unmap,
	.map_at = xen_map_at,
	.slice = xen_slice,
	.copy = xen_copy,
	.bind = xen_bind,
	.unbind = xen_unbind,
	.notify = xen_notify,
	.event_fd = xen_event_fd,
	.next_event = xen_next_event,
	.unmask = xen_unmask,
	.domain_exists = xen_domain_exists,
};

struct xenport *xenport_open_xen(unsigned int parts)
{
	struct xen_port *x = calloc(1, sizeof(*x));
	int saved;

	if (!x)
		return NULL;
	x->base.ops = &xen_ops;
	if (parts & XENPORT_STORE) {
		x->xs = xs_open(0);
		if (!x->xs)
			goto fail;
	}
	if (parts & XENPORT_GRANTS) {
		x->gnttab = xengnttab_open(NULL, 0);
		if (!x->gnttab)
			goto fail;
		gntdev_init(&x->gntdev, xengnttab_fd(x->gnttab));
	}
	if (parts & XENPORT_EVENTS) {
		x->evtchn = xenevtchn_open(NULL, 0);
		if (!x->evtchn)
			goto fail;
	}
	return &x->base;

fail:
	saved = errno;
	xen_close(&x->base);
	errno = saved;
	return NULL;
}
