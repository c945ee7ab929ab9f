/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The network device beneath a RoCE port, by its name: it may come, go and come back as
 * another. What ibback has there, addresses and groups, is brought to what it should be
 * by a job, as the kernel may let it wait: whenever one of those who use the device wants
 * so, and when the device, or its addresses, have changed. Belongs to the control thread.
 */
#ifndef XEN_IB_IBBACK_WIRE_NETDEV_H
#define XEN_IB_IBBACK_WIRE_NETDEV_H

#include <stdbool.h>
#include <sys/queue.h>

#include <uv.h>

struct jobs;
struct netdev;
struct rtnl;

/* Who has something at the device. */
struct netdev_user {
	/* Take what is wanted along for run(): false, there is no memory. It may be
	 * called again without the others, when there was a failure elsewhere.
	 */
	bool (*begin)(struct netdev_user *user);
	/*
	 * On a worker: make it so at device @index; 0 if there is no such device. May
	 * sleep.
	 */
	void (*run)(struct netdev_user *user, struct rtnl *rtnl, int index);
	/* run() was called. True: try again soon. */
	bool (*end)(struct netdev_user *user);
	STAILQ_ENTRY(netdev_user) entry; /* the device's */
};

/*
 * Watch device @name, which need not exist, on @loop, which is not kept by that; @jobs
 * are its own, for they wait as long as the kernel likes. NULL and errno.
 */
struct netdev *netdev_start(uv_loop_t *loop, struct jobs *jobs, const char *name);

/* No job runs any more: @loop has ended. Its handles close with the loop's next turn,
 * and then it is freed. NULL is harmless.
 */
void netdev_stop(struct netdev *netdev);

const char *netdev_name(const struct netdev *netdev);

/* Have @user's functions called, until the device is stopped. Before it is touched. */
void netdev_use(struct netdev *netdev, struct netdev_user *user);

/* A user wants something else than before, or than there is: a job runs soon, a tenth of
 * a second after the last at the earliest. May be called by the user's end().
 */
void netdev_touch(struct netdev *netdev);

#endif
