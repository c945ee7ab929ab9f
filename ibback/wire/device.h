/* SPDX-License-Identifier: GPL-2.0-or-later */
/* An HCA's port as the files of wire/ share it. */
#ifndef XEN_IB_IBBACK_WIRE_DEVICE_H
#define XEN_IB_IBBACK_WIRE_DEVICE_H

#include <sys/queue.h>

#include <infiniband/verbs.h>

#include "engine/table.h"
#include "wire/port.h"

/* Buckets of the table of QPs. */
#define WIRE_QP_BUCKETS 16384
/* GIDs of an HCA that are looked at: RoCE has two for each address of the netdev. */
#define WIRE_GIDS       512

/* From an errno of libibverbs to one of those that the ABI's frontends are told. */
int wire_errno(int error);

struct wire_port {
	char device[WIRE_NAME_MAX];
	uint8_t number;
	bool ethernet;
	bool gone;             /* it was said so */
	bool pins_for_writing; /* what is registered: see wire_wants_writable() */
	struct ibv_context *context;
	struct ibv_device_attr attr;
	_Atomic uint8_t mtu; /* its number, as last seen; any thread's */
	const struct wire_port_events *events;
	void *arg;
	unsigned int users; /* guests at it */
	LIST_HEAD(, wire_cqs) channels;
	struct table qps; /* of all guests at it, by the HCA's numbers */
};

#endif
