/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The unix socket at which the local Xen port waits for guests. */
#ifndef XEN_IB_COMMON_LOCAL_LISTENER_H
#define XEN_IB_COMMON_LOCAL_LISTENER_H

#include <sys/types.h>
#include <sys/un.h>

struct listener {
	int fd; /* non-blocking */
	struct sockaddr_un address;
	dev_t dev; /* which file it is, for another may take its place */
	ino_t ino;
};

/*
 * Make the socket @path, for this user alone, in place of one where nobody
 * listens any more. 0, or -1 and errno: ENAMETOOLONG; EEXIST: @path is no socket;
 * EADDRINUSE: somebody listens there.
 */
int listener_open(struct listener *listener, const char *path);

/* Close it and remove its file, unless that is another's by now. */
void listener_close(struct listener *listener);

#endif
