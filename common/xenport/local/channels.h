/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Event channels between guests and this process: two eventfds each. A guest's
 * end has a number of its own; the end here, once bound, has a local port, which
 * belongs to the set of its binder.
 *
 * Any thread may bind, unbind and notify. What is of guests (open, close) is one
 * thread's, as is waiting in one set. Whoever holds the other end of an eventfd
 * can make it blocking and full and so hold up a notify: guests are processes of
 * this user, who could stop this process as well.
 */
#ifndef XEN_IB_COMMON_LOCAL_CHANNELS_H
#define XEN_IB_COMMON_LOCAL_CHANNELS_H

#include <stdint.h>

struct channels;

/* The channels one thread waits for. */
struct channel_set {
	int epoll_fd; /* readable while one of them is pending and not masked */
};

/* The guest's end. */
struct channel_end {
	uint32_t number;
	int wait_fd; /* for the guest to read */
	int send_fd; /* for the guest to write */
};

/* NULL: ENOMEM. */
struct channels *channels_new(void);
/* Nothing is bound any more. */
void channels_free(struct channels *channels);

/* A channel of guest @domid; its descriptors stay the channel's. -1 and errno;
 * ENOSPC: the guest has too many.
 */
int channels_open(struct channels *channels, uint16_t domid, struct channel_end *end);
/* The end here, if bound, has nothing more to do but to be unbound. -1 and EINVAL:
 * no such channel.
 */
int channels_close(struct channels *channels, uint16_t domid, uint32_t number);
void channels_close_all(struct channels *channels, uint16_t domid);

/* 0, or -1 and errno. */
int channel_set_open(struct channel_set *set);
/* Unbinds its channels. */
void channel_set_close(struct channels *channels, struct channel_set *set);

/* These are xenport_bind() and so on. ENOTCONN: the guest's end is closed. A
 * notify with @set NULL finds the port in any set.
 */
int channels_bind(struct channels *channels, struct channel_set *set, uint16_t domid,
		  uint32_t number, uint32_t *local_port);
int channels_unbind(struct channels *channels, struct channel_set *set,
		    uint32_t local_port);
int channels_notify(struct channels *channels, const struct channel_set *set,
		    uint32_t local_port);
int channels_next(struct channels *channels, struct channel_set *set,
		  uint32_t *local_port);
int channels_unmask(struct channels *channels, struct channel_set *set,
		    uint32_t local_port);

#endif
