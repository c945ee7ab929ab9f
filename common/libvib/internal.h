/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the library's files share. */
#ifndef XEN_IB_COMMON_LIBVIB_INTERNAL_H
#define XEN_IB_COMMON_LIBVIB_INTERNAL_H

#include <pthread.h>

#include <xen-ib/doorbell.h>
#include <xen-ib/xenstore.h>

#include "libvib/memory.h"
#include "libvib/objects.h"
#include "vibconf/vibconf.h"
#include "xenport/localguest.h"

/* The pages of a connection, granted one after the other. */
enum lv_shared_page { CONTROL_PAGE, RING_PAGE, ASYNC_PAGE, SHARED_PAGES };

struct libvib {
	/*
	 * Held around everything below, for the whole of a command too, since a
	 * localguest belongs to one thread. @failure alone is read without.
	 */
	pthread_mutex_t lock;
	struct localguest *guest;
	uint16_t domid;
	char backend[64]; /* directories in xenstore */
	char frontend[64];
	char session[17]; /* the backend's, as answered */
	uint8_t *shared;  /* SHARED_PAGES */
	uint32_t first_ref;
	struct localguest_channel channel;
	struct vib_control_front_ring ring;
	uint16_t next_id;
	struct vib_queue async;
	void *regions;           /* allocations, a tree of tsearch(3): memory.c */
	struct lv_chunk *chunks; /* what small ones are cut from */
	int poll_fd;             /* epoll of all that libvib_fd() stands for */
	int kick_fd;             /* a command has met an async event */
	const char *failure;     /* atomic; set once, when the connection is lost */
};

/* ---- nodes.c ----------------------------------------------------------- */

#define LV_NODES_MAX (VIBCONF_KEYS_MAX + 16)

/* Nodes to write at once. */
struct lv_nodes {
	size_t count;
	struct localguest_node list[LV_NODES_MAX];
	char paths[LV_NODES_MAX][96];
	char numbers[LV_NODES_MAX][24];
};

/* Add @dir/@key, or @dir if @key is "". @value, NULL to remove, is not copied. */
void lv_put(struct lv_nodes *nodes, const char *dir, const char *key, const char *value);
void lv_put_uint(struct lv_nodes *nodes, const char *dir, const char *key,
		 uint32_t value);
/* Add what @conf gives for the backend. */
void lv_put_config(struct lv_nodes *nodes, const char *dir, const struct vibconf *conf);
/* Write them all. -1 and errno. */
int lv_write(struct libvib *lv, const struct lv_nodes *nodes);

/* Read @dir/@key; "" if there is none, or none that fits. */
void lv_read(struct libvib *lv, const char *dir, const char *key, char *value,
	     size_t size);
/* A xenbus state, or 0. */
unsigned int lv_read_state(struct libvib *lv, const char *dir);

/* ---- handshake.c: with the lock held, as is all that follows ------------ */

/* Answer the backend's offer, and wait until it has taken up the answer. -1 and
 * a reason.
 */
int lv_handshake(struct libvib *lv, char *why, size_t size);
/* Tell the backend to let go, and wait for it, not for long. */
void lv_farewell(struct libvib *lv);

/* ---- events.c ---------------------------------------------------------- */

/* CLOCK_MONOTONIC in milliseconds. */
int64_t lv_now_ms(void);

void lv_eventfd_drain(int fd);
void lv_eventfd_signal(int fd);

/* The connection is lost, for a constant reason; needs no lock. Returns -ENODEV. */
int lv_fail(struct libvib *lv, const char *why);
/* Take xenstore's changes. 1 if there were any, 0, or -1 when it is lost. */
int lv_take_changes(struct libvib *lv);
/* Does it still serve us? Fails the connection if not. */
bool lv_check(struct libvib *lv);

/* ---- command.c --------------------------------------------------------- */

/* A create, which takes the lock itself, as does the next: its object's number. */
int lv_create(struct libvib *lv, struct vib_control_request *req, uint32_t *number);
/* A destroy. 0 also if the connection is lost, and with it every object. */
int lv_destroy(struct libvib *lv, enum vib_command operation, uint32_t number);

/* ---- memory.c ---------------------------------------------------------- */

/* Before the guest is closed, with which the memory goes. */
void lv_forget_regions(struct libvib *lv);

/* ---- chunks.c ---------------------------------------------------------- */

/* @pages zeroed pages and the first of their references, which follow one
 * another. NULL and errno.
 */
void *lv_take_pages(struct libvib *lv, size_t pages, uint32_t *first_ref);
/* Give all of them back. */
void lv_give_pages(struct libvib *lv, void *addr, size_t pages);
/* As lv_forget_regions(). */
void lv_forget_chunks(struct libvib *lv);

/* ---- queues.c ---------------------------------------------------------- */

/* @size zeroed bytes aligned to a cache line, for free(3). NULL and errno. */
void *lv_zalloc(size_t size);

/* log2 of the slots for @entries, or -EINVAL. */
int lv_queue_order(uint32_t entries);
/* Can a slot hold so much? */
bool lv_stride_fits(uint32_t sges, uint32_t inline_len);

/*
 * Make @q in memory of its own, and name that in @pages for a command. Behind
 * the command stands lv_queue_made(), whatever became of it.
 */
int lv_queue_make(struct libvib *lv, struct vib_queue *q, uint32_t order, uint32_t stride,
		  struct libvib_pages *pages);
/* @err: of the command; the memory stays if that is 0. */
void lv_queue_made(struct libvib *lv, struct vib_queue *q, struct libvib_pages *pages,
		   int err);
void lv_queue_free(struct libvib *lv, struct vib_queue *q);

/* ---- context.c --------------------------------------------------------- */

struct libvib_context {
	struct libvib *lv;
	struct vib_doorbell_page *page;
	struct localguest_channel channel;
	uint32_t number;
	uint32_t qps;
	uint64_t used[VIB_DB_LEAF_WORDS]; /* the indices of QPs, one bit each */
};

/* An index that no other QP of the context has, or -ENOSPC. */
int lv_take_index(struct libvib_context *context);
void lv_put_index(struct libvib_context *context, uint32_t index);

/* ---- eq.c -------------------------------------------------------------- */

struct libvib_eq {
	struct vib_queue queue;
	struct libvib *lv;
	struct localguest_channel channel;
	uint32_t number;
};

int lv_channel_open(struct libvib *lv, struct localguest_channel *channel);
void lv_channel_close(struct libvib *lv, struct localguest_channel *channel);

#endif
