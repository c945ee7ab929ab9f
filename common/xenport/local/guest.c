// SPDX-License-Identifier: GPL-2.0-or-later
#include "xenport/local/guest.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "xenport/local/wire.h"

/* Room for what waits to be read: the kernel cuts it to net.core.wmem_max. */
#define SEND_BUFFER (1 << 20)

/*
 * A guest that does not read is done for, but not at once: we may be in the midst
 * of telling others. The end of its socket is what the server will see.
 */
static void send_packet(struct guest *guest, const struct local_packet *packet)
{
	if (guest->broken || wire_send(guest->fd, packet, MSG_DONTWAIT) == 0)
		return;
	guest->broken = true;
	shutdown(guest->fd, SHUT_RDWR);
}

static void on_change(struct memstore_watcher *watcher, const char *path,
		      const char *token)
{
	struct guest *guest = (struct guest *)watcher; /* first member */
	struct local_packet packet = { .message.type = LOCAL_CHANGED };

	(void)token;
	(void)wire_append(&packet, "", path);
	send_packet(guest, &packet);
}

/* ---- what it may reach ------------------------------------------------- */

/* @path is @top, or below it. */
static bool is_within(const char *path, const char *top)
{
	size_t n = strlen(top);

	return !strncmp(path, top, n) && (path[n] == '/' || !path[n]);
}

static int check_reach(const struct guest *guest, const char *path)
{
	if (is_within(path, guest->directory) || is_within(path, guest->vibs))
		return 0;
	errno = EACCES;
	return -1;
}

static int check_change(const struct guest *guest, const char *path)
{
	if (check_reach(guest, path) < 0)
		return -1;
	/* The tops go when the guest does, and not before. */
	if (strcmp(path, guest->directory) && strcmp(path, guest->vibs))
		return 0;
	errno = EACCES;
	return -1;
}

static size_t count_nodes(const struct guest *guest, xenport_tx tx)
{
	const struct tree *own = memstore_find(guest->store, tx, guest->directory);
	const struct tree *vibs = memstore_find(guest->store, tx, guest->vibs);

	return (own ? own->size : 0) + (vibs ? vibs->size : 0);
}

/* ---- requests ---------------------------------------------------------- */

/*
 * Each answers @request in @reply, and returns 0, or -1 and errno for the guest to
 * have; EBADMSG ends it.
 */
typedef int request_fn(struct guest *guest, const struct local_packet *request,
		       struct local_packet *reply);

/* The text, if it is one string and no more. */
static const char *only_string(const struct local_packet *request)
{
	size_t offset = 0;
	const char *string = wire_string(request, &offset);

	if (string && offset == request->text_len)
		return string;
	errno = EBADMSG;
	return NULL;
}

static int do_read(struct guest *guest, const struct local_packet *request,
		   struct local_packet *reply)
{
	const char *path = only_string(request);
	char value[XENPORT_VALUE_MAX + 1];

	if (!path || check_reach(guest, path) < 0 ||
	    memstore_read(guest->store, XENPORT_NO_TRANSACTION, path, value,
			  sizeof(value)) < 0)
		return -1;
	return wire_append(reply, "", value);
}

/* Change one node. EBADMSG: @value begins with neither sign. */
static int change_node(struct guest *guest, xenport_tx tx, const char *path,
		       const char *value)
{
	if (!value || (*value != '=' && strcmp(value, "-") != 0)) {
		errno = EBADMSG;
		return -1;
	}
	if (check_change(guest, path) < 0)
		return -1;
	if (*value == '-')
		return memstore_rm(guest->store, tx, path);
	if (memstore_write(guest->store, tx, path, value + 1) < 0)
		return -1;
	if (count_nodes(guest, tx) <= GUEST_NODES)
		return 0;
	errno = ENOSPC;
	return -1;
}

static int change_nodes(struct guest *guest, xenport_tx tx,
			const struct local_packet *request)
{
	size_t offset = 0;
	const char *path;

	for (size_t n = 0; offset < request->text_len; n++) {
		path = wire_string(request, &offset);
		if (n == LOCAL_BATCH || !path) {
			errno = EBADMSG;
			return -1;
		}
		if (change_node(guest, tx, path, wire_string(request, &offset)) < 0)
			return -1;
	}
	return 0;
}

static int do_write(struct guest *guest, const struct local_packet *request,
		    struct local_packet *reply)
{
	xenport_tx tx;
	int rc, saved;

	(void)reply;
	if (memstore_tx_begin(guest->store, &tx) < 0)
		return -1;
	rc = change_nodes(guest, tx, request);
	saved = errno;
	if (memstore_tx_end(guest->store, tx, rc == 0) < 0)
		return -1;
	errno = saved;
	return rc;
}

static int do_watch(struct guest *guest, const struct local_packet *request,
		    struct local_packet *reply)
{
	const char *path = only_string(request);

	(void)reply;
	if (!path || check_reach(guest, path) < 0)
		return -1;
	if (guest->num_watches == GUEST_WATCHES) {
		errno = ENOSPC;
		return -1;
	}
	if (memstore_watch(guest->store, &guest->watcher, path, "") < 0)
		return -1;
	guest->num_watches++;
	return 0;
}

static int do_alloc(struct guest *guest, const struct local_packet *request,
		    struct local_packet *reply)
{
	int fd = grants_add(&guest->grants, request->message.number,
			    &reply->message.number);

	if (fd < 0)
		return -1;
	reply->fds[0] = fd;
	reply->num_fds = 1;
	return 0;
}

static int do_free(struct guest *guest, const struct local_packet *request,
		   struct local_packet *reply)
{
	(void)reply;
	return grants_remove(&guest->grants, request->message.number);
}

static int do_channel_open(struct guest *guest, const struct local_packet *request,
			   struct local_packet *reply)
{
	struct channel_end end;

	(void)request;
	if (channels_open(guest->channels, guest->domid, &end) < 0)
		return -1;
	reply->message.number = end.number;
	reply->fds[0] = end.wait_fd;
	reply->fds[1] = end.send_fd;
	reply->num_fds = 2;
	return 0;
}

static int do_channel_close(struct guest *guest, const struct local_packet *request,
			    struct local_packet *reply)
{
	(void)reply;
	return channels_close(guest->channels, guest->domid, request->message.number);
}

static request_fn *const requests[] = {
	[LOCAL_READ] = do_read,
	[LOCAL_WRITE] = do_write,
	[LOCAL_WATCH] = do_watch,
	[LOCAL_ALLOC] = do_alloc,
	[LOCAL_FREE] = do_free,
	[LOCAL_CHANNEL_OPEN] = do_channel_open,
	[LOCAL_CHANNEL_CLOSE] = do_channel_close,
};

int guest_serve(struct guest *guest)
{
	struct local_packet request, reply = { .message.type = LOCAL_REPLY };
	uint32_t type;

	if (guest->broken)
		return -1;
	if (wire_receive(guest->fd, &request, false, MSG_DONTWAIT) < 0)
		return errno == EAGAIN ? 0 : -1;
	type = request.message.type;
	if (type >= sizeof(requests) / sizeof(requests[0]) || !requests[type])
		return -1;
	if (requests[type](guest, &request, &reply) < 0) {
		if (errno == EBADMSG)
			return -1;
		reply.message.error = (uint32_t)errno;
	}
	send_packet(guest, &reply);
	return guest->broken ? -1 : 0;
}

/* ---- life -------------------------------------------------------------- */

struct guest *guest_new(int fd, uint16_t domid, struct memstore *store,
			struct channels *channels)
{
	struct guest *guest = calloc(1, sizeof(*guest));

	if (!guest)
		return NULL;
	guest->watcher.fire = on_change;
	guest->store = store;
	guest->channels = channels;
	guest->fd = fd;
	guest->domid = domid;
	snprintf(guest->directory, sizeof(guest->directory), "/local/domain/%u", domid);
	snprintf(guest->vibs, sizeof(guest->vibs), "/local/domain/0/backend/vib/%u",
		 domid);
	(void)setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &(int){ SEND_BUFFER }, sizeof(int));
	return guest;
}

void guest_free(struct guest *guest)
{
	grants_clear(&guest->grants);
	close(guest->fd);
	free(guest);
}

void guest_introduce(struct guest *guest)
{
	const struct xenport_perms perms = { .owner = 0, .reader = guest->domid };
	struct local_packet hello = {
		.message = { .type = LOCAL_HELLO, .number = guest->domid },
	};

	/* Without memory for it the guest has no directory, and will make it. */
	(void)memstore_mkdir(guest->store, XENPORT_NO_TRANSACTION, guest->directory,
			     &perms);
	(void)wire_append(&hello, "", LOCAL_VERSION);
	send_packet(guest, &hello);
	memstore_announce(guest->store, "@introduceDomain");
}

void guest_release(struct guest *guest)
{
	channels_close_all(guest->channels, guest->domid);
	memstore_unwatch_all(guest->store, &guest->watcher);
	(void)memstore_rm(guest->store, XENPORT_NO_TRANSACTION, guest->directory);
	(void)memstore_rm(guest->store, XENPORT_NO_TRANSACTION, guest->vibs);
	memstore_announce(guest->store, "@releaseDomain");
}
