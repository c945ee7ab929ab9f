/* SPDX-License-Identifier: MIT */
/*
 * What the backend tells the frontend unasked, in queues of slot.h that the
 * backend produces and the frontend consumes.
 *
 * Completion event queues, one per completion vector, each with an event
 * channel of its own: an entry names a completion queue that is to be looked
 * at. The async event queue, one per device, on the device's event channel.
 */
#ifndef XEN_IB_EVENT_H
#define XEN_IB_EVENT_H

#include <xen-ib/slot.h>

/* An entry of a completion event queue. */
struct vib_comp_event {
	__u32 gen;
	__u32 cqn;
};
VIB_ASSERT_SIZE(struct vib_comp_event, 8);

/* The async event queue fills the one page granted for it. */
#define VIB_ASYNC_ORDER 5

enum vib_async_type {
	/* of the port in @object, numbered from 1 */
	VIB_ASYNC_PORT_CHANGE = 1, /* ask QUERY_PORT what it is now */
	VIB_ASYNC_GID_CHANGE = 2,  /* ask QUERY_GID */
	VIB_ASYNC_PKEY_CHANGE = 3, /* ask QUERY_PKEY */
	VIB_ASYNC_REREGISTER = 4,  /* the subnet's registrations are lost */
	/* of the QP, CQ or SRQ in @object */
	VIB_ASYNC_QP_FATAL = 16,
	VIB_ASYNC_QP_REQ_ERR = 17,
	VIB_ASYNC_QP_ACCESS_ERR = 18,
	VIB_ASYNC_QP_COMM_EST = 19,
	VIB_ASYNC_QP_SQ_DRAINED = 20,
	VIB_ASYNC_QP_LAST_WQE_REACHED = 21,
	VIB_ASYNC_CQ_ERR = 32,
	VIB_ASYNC_SRQ_LIMIT_REACHED = 48,
	VIB_ASYNC_SRQ_ERR = 49,
};

struct vib_async_event {
	__u32 gen;
	__u16 type; /* enum vib_async_type; an unknown one is to be ignored */
	__u16 reserved;
	__u32 object;
	__u8 reserved2[52];
};
VIB_ASSERT_SIZE(struct vib_async_event, 64);
VIB_ASSERT_OFFSET(struct vib_async_event, type, 4);
VIB_ASSERT_OFFSET(struct vib_async_event, object, 8);

_Static_assert(VIB_QUEUE_SLOTS_OFFSET +
			       (sizeof(struct vib_async_event) << VIB_ASYNC_ORDER) <=
		       VIB_PAGE_SIZE,
	       "ABI: the async event queue is one page");

#endif
