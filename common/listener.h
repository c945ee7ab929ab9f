/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A unix socket at which a daemon waits: the local Xen port for guests, ibback for
 * people. */
#ifndef XEN_IB_COMMON_LISTENER_H
#define XEN_IB_COMMON_LISTENER_H

#include <sys/types.h>
#include <sys/un.h>

struct listener {
	int fd;       /* non-blocking */
	int spare_fd; /* given up to turn somebody away when there are no others; or -1 */
	struct sockaddr_un address;
	dev_t dev; /* which file it is, for another may take its place */
	ino_t ino;
};

/*
 * Make the socket @path, of @type SOCK_STREAM or SOCK_SEQPACKET, for this user alone, in
 * place of one where nobody listens any more. 0, or -1 and errno: ENAMETOOLONG; EEXIST:
 * @path is no socket; EADDRINUSE: somebody listens there.
 */
int listener_open(struct listener *listener, const char *path, int type);

/*
 * Accept one, non-blocking. -1 and errno: EAGAIN: nobody waits; EMFILE, ENFILE: there is
 * no descriptor, and who waited is turned away, for he would be announced for ever.
 */
int listener_accept(struct listener *listener);

/* Close it and remove its file, unless that is another's by now. */
void listener_close(struct listener *listener);

#endif
