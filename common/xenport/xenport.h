/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The Xen port: the only way in which the daemons and tools reach Xen.
 * Xenstore, grant mappings and event channels behind one table of
 * operations, so that a daemon can be driven without a Xen beneath it.
 *
 * A port belongs to one thread, but any thread may bind, unbind and notify
 * event channels on any port, and map, reserve, unmap and copy grants: all of "grants"
 * below but xenport_map_notify(). Two threads may not unmap the same. Functions
 * return 0 or a count on success and -1 with errno otherwise, unless said
 * differently; nothing here logs.
 */
#ifndef XEN_IB_COMMON_XENPORT_H
#define XEN_IB_COMMON_XENPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct xenport;

/* What a caller needs of Xen; opening less asks fewer privileges. */
enum xenport_part {
	XENPORT_STORE = 1 << 0,
	XENPORT_GRANTS = 1 << 1,
	XENPORT_EVENTS = 1 << 2,
};

/* A transaction; XENPORT_NO_TRANSACTION for a single operation outside one. */
typedef uint32_t xenport_tx;
#define XENPORT_NO_TRANSACTION 0u

/* Permissions of a node: the owner, who may do everything, and one reader. */
struct xenport_perms {
	uint16_t owner;
	uint16_t reader;
};

/* The real Xen, through libxenstore, libxengnttab and libxenevtchn.
 * @parts is a mask of enum xenport_part. NULL and errno on failure.
 */
struct xenport *xenport_open_xen(unsigned int parts);

/*
 * Xen's services without a Xen, for processes of this machine that are front
 * ends: the guest's side of it is localguest.h. Makes the unix socket @path,
 * for this user alone, in place of a dead server's; the port then is domain 0
 * of a xenstore of its own. Guests are served by xenport_next_watch() alone:
 * call it when xenport_store_fd() is readable. NULL and errno on failure;
 * EADDRINUSE: a live server has that socket. EEXIST: @path is no socket.
 *
 * Differences from Xen: a domain id is a guest's connection, and when this
 * process is killed, guests learn it from the socket's end alone: no byte of
 * xenport_map_notify() is cleared.
 */
struct xenport *xenport_open_local(const char *path);

/*
 * Another port of the same Xen, with event channels alone: for a thread that
 * waits for its own. A channel belongs to the port it was bound on, which alone
 * unbinds, notifies and delivers it; port numbers are unique over all of them.
 * Close it before @xp. NULL and errno on failure.
 */
struct xenport *xenport_open_events(struct xenport *xp);

/* Close a port and everything still mapped or bound through it. */
void xenport_close(struct xenport *xp);

/* ---- xenstore ---------------------------------------------------------- */

/* Longest value this interface will return; a longer one is EMSGSIZE. */
#define XENPORT_VALUE_MAX 2048
/* Longest path, with its NUL (xenstore's XENSTORE_ABS_PATH_MAX is 3072; ours are short).
 */
#define XENPORT_PATH_MAX  256

/* Read @path into @buf as a NUL-terminated string of less than @size bytes.
 * Returns its length. ENOENT: no such node. EMSGSIZE: longer than @size - 1.
 * EILSEQ: contains a NUL byte.
 */
int xenport_read(struct xenport *xp, xenport_tx tx, const char *path, char *buf,
		 size_t size);

/* Write the string @value to @path, creating it and its parents. */
int xenport_write(struct xenport *xp, xenport_tx tx, const char *path, const char *value);

/* Create @path if it does not exist, and set its permissions (of it alone). */
int xenport_mkdir(struct xenport *xp, xenport_tx tx, const char *path,
		  const struct xenport_perms *perms);

/* Remove @path and all below it. A missing path is success. */
int xenport_rm(struct xenport *xp, xenport_tx tx, const char *path);

/* List the children of @path. Returns their number and sets *@names to an
 * array the caller releases with one free(). ENOENT: no such node.
 */
int xenport_list(struct xenport *xp, xenport_tx tx, const char *path, char ***names);

/* Begin a transaction. */
int xenport_tx_begin(struct xenport *xp, xenport_tx *tx);

/* End it. EAGAIN: somebody else wrote meanwhile, do it all again. */
int xenport_tx_end(struct xenport *xp, xenport_tx tx, bool commit);

/* Watch @path and all below it; every event carries @token. Fires once at once. */
int xenport_watch(struct xenport *xp, const char *path, const char *token);
int xenport_unwatch(struct xenport *xp, const char *path, const char *token);

/* The descriptor that polls readable while watch events wait. */
int xenport_store_fd(struct xenport *xp);

/* Take one watch event without waiting. Returns 1 and the changed path and the
 * token (each cut to its buffer), 0 if there is none, -1 when the connection
 * to xenstore is lost.
 */
int xenport_next_watch(struct xenport *xp, char *path, size_t path_size, char *token,
		       size_t token_size);

/* ---- grants ------------------------------------------------------------ */

/*
 * Mapping sleeps, and the kernel lets nobody of this process map, unmap or, on some
 * ways, touch new memory meanwhile (mmap_lock): 2 us a page on hardware. So it is done
 * in slices: xenport_map() and xenport_map_at() take at most so many grants at once,
 * a power of two and at most XENPORT_SLICE_MAX. Each slice, or part of one, is one of
 * the mappings that the kernel lets a process have (vm.max_map_count).
 */
#define XENPORT_SLICE_MAX 1024u
size_t xenport_slice(struct xenport *xp);

/* Map @count grants of @domid in a row, readable and if @writable writable. NULL and
 * errno on failure, with nothing left mapped.
 */
void *xenport_map(struct xenport *xp, uint16_t domid, const uint32_t *refs, size_t count,
		  bool writable);

/*
 * More than a slice in one range: reserve address space for all of it, map slice by
 * slice into it from its beginning, each full but the last, and unmap each as it was
 * mapped. What is not mapped yet is given up with xenport_unreserve().
 */
void *xenport_reserve(size_t count);
void xenport_unreserve(void *addr, size_t count);

/*
 * Map a slice at @addr, which is reserved. On failure, -1 and errno, its part is not
 * reserved any more. EEXIST: another thread has mapped something there meanwhile; try
 * elsewhere.
 */
int xenport_map_at(struct xenport *xp, void *addr, uint16_t domid, const uint32_t *refs,
		   size_t count, bool writable);

/* The mappings that @count grants in one range take of those of the process. */
size_t xenport_pieces(struct xenport *xp, size_t count);

/* Map one grant, writable, so that when the mapping ends, however it ends (a killed
 * process included), the kernel clears the byte at @clear_offset and sends an
 * event on the local port @event_port.
 */
void *xenport_map_notify(struct xenport *xp, uint16_t domid, uint32_t ref,
			 size_t clear_offset, uint32_t event_port);

/* End a mapping made by one call of the above; @count as given, 1 for notify. */
int xenport_unmap(struct xenport *xp, void *addr, size_t count);

/* A part of a granted page, and where it goes or comes from here. */
struct xenport_copy {
	uint32_t ref;
	uint16_t offset; /* in the page, with length within it */
	uint16_t length;
	uint8_t *local; /* memory of the process, not mapped from a guest */
};

#define XENPORT_COPY_MAX 32

/*
 * Copy @count parts, at most XENPORT_COPY_MAX, of grants of @domid from the guest or to
 * it, without mapping anything. Does not wait for anybody. -1 and errno if a part is not
 * granted, or not so: EFAULT; the others may have been copied.
 */
int xenport_copy(struct xenport *xp, uint16_t domid, const struct xenport_copy *parts,
		 size_t count, bool to_guest);

/* Can the port do that? */
bool xenport_can_copy(struct xenport *xp);

/* ---- event channels ---------------------------------------------------- */

/* Bind the remote's unbound port. Sets *@local_port, which is never 0. */
int xenport_bind(struct xenport *xp, uint16_t domid, uint32_t remote_port,
		 uint32_t *local_port);
int xenport_unbind(struct xenport *xp, uint32_t local_port);

/* Send an event. */
int xenport_notify(struct xenport *xp, uint32_t local_port);

/* The descriptor that polls readable while an unmasked port is pending. */
int xenport_event_fd(struct xenport *xp);

/* Take one pending port, which stays masked until xenport_unmask(). Returns 1
 * and the port, 0 if there is none, -1 on error.
 */
int xenport_next_event(struct xenport *xp, uint32_t *local_port);
int xenport_unmask(struct xenport *xp, uint32_t local_port);

/* ---- domains ----------------------------------------------------------- */

/* True if the domain exists in xenstore's eyes (is introduced and not released). */
bool xenport_domain_exists(struct xenport *xp, uint16_t domid);

#endif
