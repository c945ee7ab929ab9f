/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The RDMA device: opened by name, its port awaited, its events counted. */
#ifndef TRAFFIC_DEVICE_H
#define TRAFFIC_DEVICE_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include <infiniband/verbs.h>

#include "tally.h"

#define PORT_NUM 1

struct device {
	struct ibv_context *context; /* NULL: not open */
	struct tally *tally;
	pthread_t watcher;
	int stop; /* eventfd that ends the watcher */
	int news; /* eventfd: an event that the main thread should know of */
	atomic_bool qp_broken;
	atomic_bool gone;
	bool watched;
};

/* Opens it, or opens it again if it is gone; false: it is not there. */
bool device_open(struct device *device, struct tally *tally, const char *name);
void device_close(struct device *device);
bool device_active(struct device *device, struct ibv_port_attr *attr);

#endif
