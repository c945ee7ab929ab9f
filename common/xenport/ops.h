/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What an implementation of the Xen port provides. Each operation is the
 * function xenport_NAME() of xenport.h, whose contract is there.
 */
#ifndef XEN_IB_COMMON_XENPORT_OPS_H
#define XEN_IB_COMMON_XENPORT_OPS_H

#include "xenport/xenport.h"

struct xenport_ops {
	void (*close)(struct xenport *xp);
	struct xenport *(*open_events)(struct xenport *xp);

	int (*read)(struct xenport *xp, xenport_tx tx, const char *path, char *buf,
		    size_t size);
	int (*write)(struct xenport *xp, xenport_tx tx, const char *path,
		     const char *value);
	int (*mkdir)(struct xenport *xp, xenport_tx tx, const char *path,
		     const struct xenport_perms *perms);
	int (*rm)(struct xenport *xp, xenport_tx tx, const char *path);
	int (*list)(struct xenport *xp, xenport_tx tx, const char *path, char ***names);
	int (*tx_begin)(struct xenport *xp, xenport_tx *tx);
	int (*tx_end)(struct xenport *xp, xenport_tx tx, bool commit);
	int (*watch)(struct xenport *xp, const char *path, const char *token);
	int (*unwatch)(struct xenport *xp, const char *path, const char *token);
	int (*store_fd)(struct xenport *xp);
	int (*next_watch)(struct xenport *xp, char *path, size_t path_size, char *token,
			  size_t token_size);

	void *(*map)(struct xenport *xp, uint16_t domid, const uint32_t *refs,
		     size_t count, bool writable);
	void *(*map_notify)(struct xenport *xp, uint16_t domid, uint32_t ref,
			    size_t clear_offset, uint32_t event_port);
	int (*unmap)(struct xenport *xp, void *addr, size_t count);
	int (*map_at)(struct xenport *xp, void *addr, uint16_t domid,
		      const uint32_t *refs, size_t count, bool writable);
	size_t (*slice)(struct xenport *xp); /* NULL: XENPORT_SLICE_MAX */
	/* NULL, or a failure with no parts: it cannot. */
	int (*copy)(struct xenport *xp, uint16_t domid, const struct xenport_copy *parts,
		    size_t count, bool to_guest);

	int (*bind)(struct xenport *xp, uint16_t domid, uint32_t remote_port,
		    uint32_t *local_port);
	int (*unbind)(struct xenport *xp, uint32_t local_port);
	int (*notify)(struct xenport *xp, uint32_t local_port);
	int (*event_fd)(struct xenport *xp);
	int (*next_event)(struct xenport *xp, uint32_t *local_port);
	int (*unmask)(struct xenport *xp, uint32_t local_port);

	bool (*domain_exists)(struct xenport *xp, uint16_t domid);
};

/* An implementation's own struct begins with this. */
struct xenport {
	const struct xenport_ops *ops;
};

#endif
