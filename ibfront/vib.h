/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * ibfront: the frontend of a virtual InfiniBand HCA.
 *
 * struct vib is one xenbus device, device/vib/N, from probe to remove.
 * struct vib_ibdev (verbs.h) is the ib_device it shows to the RDMA core. It
 * appears with the first backend and outlives any number of them: while there is
 * none, its port is down. A connection is what is shared with one backend, which
 * names it by its session; it lives inside struct vib.
 *
 * Three contexts work on a vib:
 *  - the lifecycle work, ordered, does everything that can wait: it follows
 *    the backend's state, shares and unshares memory, sends queries, registers
 *    the ib_device;
 *  - the event work, queued by the interrupt, never waits: it takes responses
 * *    and events and tells the lifecycle work what happened; the interrupts of
 *    completion vectors deliver completion events themselves;
 *  - verbs, called by users, send commands and wait for their answers.
 */
#ifndef IBFRONT_VIB_H
#define IBFRONT_VIB_H

#include <linux/completion.h>
#include <linux/device.h>
#include <linux/hashtable.h>
#include <linux/interrupt.h>
#include <linux/mutex.h>
#include <linux/spinlock.h>
#include <linux/types.h>
#include <linux/wait.h>
#include <linux/workqueue.h>
#include <linux/xarray.h>

#include <rdma/ib_verbs.h>

#include <xen/grant_table.h>
#include <xen/xenbus.h>

#include <xen-ib/abi.h>
#include <xen-ib/xenstore.h>

/* The pages of a connection, in this order; then one for each completion vector. */
enum vib_shared_page {
	VIB_CONTROL_PAGE,
	VIB_RING_PAGE,
	VIB_ASYNC_PAGE,
	VIB_SHARED_PAGES,
};

/* Completion vectors of a vib, and so event channels. */
#define VIB_MAX_EQS 64

/* How far the connection has come; only the lifecycle work touches it. */
enum vib_phase {
	VIB_IDLE,	/* nothing is shared; waits for an offer */
	VIB_PUBLISHED,	/* an offer is answered; waits for Connected */
	VIB_ONLINE,	/* the port shows what the backend says */
};

/* Why a connection that is still set up is over. */
enum vib_failure {
	VIB_FINE,
	VIB_GONE,	/* the backend is gone */
	VIB_BROKEN,	/* the backend broke the protocol, or hangs */
};

/* Bits of struct vib.news: what the lifecycle work has to ask about. */
enum vib_news {
	VIB_NEWS_PORT,
	VIB_NEWS_GID,
	VIB_NEWS_PKEY,
	VIB_NEWS_REREGISTER,
};

/* What the backend, and its directory, say about the device and its port. */
struct vib_info {
	struct vib_device_attr device;
	u32 dm_pages; /* device memory there may be */
	struct vib_port_attr port;
	struct vib_gid gids[VIB_MAX_GIDS];
	u16 pkeys[VIB_MAX_PKEYS];
};

/* A command on its way. Its index is its id on the ring. */
struct vib_command_slot {
	struct completion done;
	struct vib_control_response *response; /* NULL once it is answered */
	u16 operation;
	int status;
};

/* A completion event queue. */
struct vib_eq {
	struct vib *vib;
	u32 number;
	int irq;
	bool useful;
	struct vib_queue queue;
	struct work_struct work;
};

/* Who has doorbell pages: a context, or the kernel. */
struct vib_bells {
	struct vib *vib;
	struct ib_ucontext *ibucontext; /* NULL: the kernel */
	struct mutex lock; /* guards what follows */
	struct vib_doorbell *latest; /* of the latest QP, or NULL */
};

#define VIB_SHOWN_BITS 8

/* What the guest's kernel has, which outlives connections: kernel.h. */
struct vib_kernel {
	struct mutex lock; /* guards what follows, and changes of these objects */
	unsigned int noio;
	struct list_head cqs;
	struct list_head srqs;
	struct list_head qps;
	struct list_head mrs; /* struct vib_fast */
	u32 pd; /* at the backend: the one for all */
	struct vib_pool *pool; /* set while there are kernel verbs */
	struct vib_granted *granted; /* the same; NULL: no page is granted */
	atomic64_t dma_failed; /* mappings, for want of all of these */
	struct delayed_work report; /* says so in xenstore */
	struct vib_ram *ram; /* beside the pool; NULL: not all memory is lent */
	struct vib_bells bells;
	struct task_struct *reviver; /* who may ask a backend that does not serve yet */
	spinlock_t shown_lock; /* guards what follows */
	DECLARE_HASHTABLE(shown, VIB_SHOWN_BITS); /* struct vib_fast, by what it shows */
};

struct vib_doorbell; /* verbs.h */
struct vib_ibdev;
struct vib_memory; /* memory.h */

struct vib {
	struct xenbus_device *xbdev;
	struct device *pm_dev;
	struct workqueue_struct *wq;

	/* lifecycle work and what only it touches */
	struct delayed_work work;
	enum vib_phase phase;
	char session[17]; /* the last one answered; "" for none */
	unsigned long shun_until; /* jiffies; 0: a backend is not shunned */
	unsigned long ram_until; /* jiffies, until when kept RAM is waited for; 0: it is not */
	struct vib_info info;
	struct vib_ibdev *ibdev;

	struct vib_info asked; /* of vib_query_all(), until it is complete */
	unsigned int max_eqs;

	unsigned long news;

	/* the connection; set up unless VIB_IDLE */
	struct vib_memory *shared;
	int irq;
	struct work_struct event_work;
	bool event_useful;
	struct vib_queue async;
	unsigned int num_eqs;
	unsigned int started_eqs;
	struct vib_eq eqs[VIB_MAX_EQS];

	/* objects that events name: each locked for whoever looks one up */
	struct xarray cqs;
	struct xarray srqs;
	struct xarray qps;
	u32 epoch; /* changes when all of them are lost */
	atomic_t doorbells;
	atomic_long_t dm_pages; /* of device memory that there is */
	struct vib_kernel kernel;
	u64 dma_mask;
	struct device_dma_parameters dma_parms;

	spinlock_t kept_lock; /* guards what follows */
	struct list_head kept_memory;
	struct list_head kept_tried; /* the same, while it is tried again */
	struct delayed_work kept_work;

	spinlock_t lock; /* guards everything below */
	bool removing;
	bool up; /* the backend was alive, and commands may be sent */
	bool serving; /* those of verbs, too */
	unsigned long answered; /* jiffies, of the last response */
	enum vib_failure failure;
	const char *why; /* of VIB_BROKEN */
	struct vib_control_front_ring ring;
	struct vib_command_slot slots[VIB_CONTROL_RING_SIZE];
	DECLARE_BITMAP(slots_used, VIB_CONTROL_RING_SIZE);
	wait_queue_head_t slot_free;
};

/* connect.c */
void vib_lifecycle(struct work_struct *work);
void vib_part(struct vib *vib);
void vib_disconnect(struct vib *vib);
void vib_unregister(struct vib *vib);
void vib_fail(struct vib *vib, enum vib_failure failure, const char *why);

/* Have the lifecycle work look at the vib now. Does not sleep. */
static inline void vib_look(struct vib *vib)
{
	mod_delayed_work(vib->wq, &vib->work, 0);
}

/* command.c */
void vib_commands_init(struct vib *vib);
void vib_commands_reset(struct vib *vib);
void vib_commands_start(struct vib *vib);
void vib_commands_serve(struct vib *vib);
void vib_commands_stop(struct vib *vib);
int vib_command(struct vib *vib, u32 epoch,
		struct vib_control_request *request,
		struct vib_control_response *response);
int vib_take_responses(struct vib *vib);

/* event.c */
int vib_events_init(void);
void vib_events_exit(void);
int vib_events_start(struct vib *vib, evtchn_port_t evtchn);
void vib_events_stop(struct vib *vib);
void vib_event(struct work_struct *work);
int vib_evtchn_alloc(struct vib *vib, evtchn_port_t *evtchn);
void vib_evtchn_free(evtchn_port_t evtchn);
void vib_event_queue(struct work_struct *work);
bool vib_backend_alive(const struct vib *vib);

/* eq.c */
int vib_eqs_start(struct vib *vib);
void vib_eqs_stop(struct vib *vib);
u32 vib_eq_number(const struct vib *vib, unsigned int vector);

/* port.c */
int vib_query_all(struct vib *vib);
void vib_follow_news(struct vib *vib);
void vib_port_reregister(struct vib_ibdev *dev);
void vib_port_lower(struct vib_info *info);
void vib_port_publish(struct vib_ibdev *dev, const struct vib_info *now);

/* revive.c */
void vib_kernel_lock(struct vib *vib);
void vib_kernel_unlock(struct vib *vib);

/* verbs.c */
struct vib_ibdev *vib_ibdev_register(struct vib *vib,
				     const struct vib_info *info);
void vib_ibdev_unregister(struct vib_ibdev *dev);

/* pm.c */
struct device *vib_pm_refuse(struct device *parent);
void vib_pm_allow(struct device *pm_dev);

#endif
