/* SPDX-License-Identifier: MIT */
/*
 * The control plane of a vib: the control page, and the control ring with its
 * commands. The ring is Xen's standard request/response ring (xen/io/ring.h),
 * one page, on the device's event channel.
 *
 * A response carries the id and the operation of its request. Requests may be
 * answered out of order. Everything reserved is written as zero and ignored
 * when read.
 */
#ifndef XEN_IB_CONTROL_H
#define XEN_IB_CONTROL_H

#include <xen-ib/event.h>
#include <xen-ib/object.h>
#include <xen-ib/port.h>
#include <xen-ib/queue.h>
#ifdef __KERNEL__
#include <xen/interface/io/ring.h>
#else
#include <stdint.h>
#include <string.h>
/* Or ring.h takes itself for one of 2008 and wants mb() from its includer. */
#ifndef __XEN_INTERFACE_VERSION__
#define __XEN_INTERFACE_VERSION__ __XEN_LATEST_INTERFACE_VERSION__
#endif
#include <xen/io/ring.h>
#endif

/* The protocol described here, as in the nodes "versions" and "version". */
#define VIB_PROTOCOL_VERSION 1

/*
 * The control page. The backend sets the alive byte once it has mapped
 * everything, and maps the page so that the kernel clears the byte and sends
 * an event when the mapping ends: a backend that is killed cannot leave it set.
 */
struct vib_control_page {
	__u8 backend_alive;
	__u8 reserved[VIB_PAGE_SIZE - 1];
};
VIB_ASSERT_SIZE(struct vib_control_page, VIB_PAGE_SIZE);

/* A command's operation. Those a backend does not know fail with EOPNOTSUPP. */
enum vib_command {
	VIB_CMD_QUERY_DEVICE = 1,
	VIB_CMD_QUERY_PORT = 2,
	VIB_CMD_QUERY_GID = 3,
	VIB_CMD_QUERY_PKEY = 4,
	VIB_CMD_MAP_DOORBELL = 16,
	VIB_CMD_UNMAP_DOORBELL = 17,
	VIB_CMD_CREATE_EQ = 18,
	VIB_CMD_DESTROY_EQ = 19,
	VIB_CMD_ALLOC_PD = 20,
	VIB_CMD_DEALLOC_PD = 21,
	VIB_CMD_REG_MR = 22,
	VIB_CMD_DEREG_MR = 23,
	VIB_CMD_CREATE_CQ = 24,
	VIB_CMD_MODIFY_CQ = 25,
	VIB_CMD_DESTROY_CQ = 26,
	VIB_CMD_CREATE_SRQ = 27,
	VIB_CMD_MODIFY_SRQ = 28,
	VIB_CMD_QUERY_SRQ = 29,
	VIB_CMD_DESTROY_SRQ = 30,
	VIB_CMD_CREATE_QP = 31,
	VIB_CMD_MODIFY_QP = 32,
	VIB_CMD_QUERY_QP = 33,
	VIB_CMD_DESTROY_QP = 34,
	VIB_CMD_ATTACH_MCAST = 35,
	VIB_CMD_DETACH_MCAST = 36,
	VIB_CMD_REREG_MR = 37,
	VIB_CMD_ALLOC_MW = 38,
	VIB_CMD_DEALLOC_MW = 39,
	VIB_CMD_RESIZE_CQ = 40,
	VIB_CMD_ALLOC_XRCD = 41,
	VIB_CMD_DEALLOC_XRCD = 42,
	VIB_CMD_REG_DMA = 43,
	VIB_CMD_DEREG_DMA = 44,
	VIB_CMD_PROCESS_MAD = 45,
	VIB_CMD_QUERY_COUNTERS = 46,
	VIB_CMD_ALLOC_MR = 47,
	VIB_CMD_MODIFY_PORT = 48,
};

/* How many table entries one answer holds. */
#define VIB_QUERY_GIDS  7
#define VIB_QUERY_PKEYS 56

/* QUERY_GID, QUERY_PKEY: entries @first to @first + @count - 1. */
struct vib_cmd_query_table {
	__u16 first;
	__u16 count; /* 1…VIB_QUERY_GIDS or VIB_QUERY_PKEYS */
};

/* MODIFY_PORT: what the port's users have added to its CapabilityMask, all of it. */
struct vib_cmd_modify_port {
	__u32 cap_mask; /* of VIB_PORT_CAPS_ADDED */
};
VIB_ASSERT_SIZE(struct vib_cmd_modify_port, 4);

struct vib_control_request {
	__u16 id;        /* the frontend's; comes back in the response */
	__u16 operation; /* enum vib_command */
	__u32 port;      /* VIB_PORT, for commands about a port, else 0 */
	union {
		struct vib_cmd_query_table query_table;
		struct vib_cmd_object object;
		struct vib_cmd_map_doorbell map_doorbell;
		struct vib_cmd_create_eq create_eq;
		struct vib_cmd_reg_mr reg_mr;
		struct vib_cmd_create_cq create_cq;
		struct vib_cmd_modify_cq modify_cq;
		struct vib_cmd_create_srq create_srq;
		struct vib_cmd_modify_srq modify_srq;
		struct vib_cmd_create_qp create_qp;
		struct vib_cmd_modify_qp modify_qp;
		struct vib_cmd_mcast mcast;
		struct vib_cmd_rereg_mr rereg_mr;
		struct vib_cmd_alloc_mw alloc_mw;
		struct vib_cmd_resize_cq resize_cq;
		struct vib_cmd_reg_dma reg_dma;
		struct vib_cmd_process_mad process_mad;
		struct vib_cmd_alloc_mr alloc_mr;
		struct vib_cmd_modify_port modify_port;
		__u8 raw[120];
	} u;
};
VIB_ASSERT_SIZE(struct vib_control_request, 128);
VIB_ASSERT_OFFSET(struct vib_control_request, u, 8);

/* QUERY_DEVICE, QUERY_PORT and QUERY_COUNTERS have no operands. */
struct vib_control_response {
	__u16 id;
	__u16 operation;
	__s32 status; /* 0, or a negative value of xen/errno.h */
	union {
		struct vib_device_attr device;
		struct vib_port_attr port;
		struct vib_gid gids[VIB_QUERY_GIDS];
		__u16 pkeys[VIB_QUERY_PKEYS];
		struct vib_rsp_object object;
		struct vib_rsp_reg_mr reg_mr;
		struct vib_rsp_query_srq srq;
		struct vib_qp_attr qp;
		struct vib_rsp_resize_cq resize_cq;
		struct vib_rsp_process_mad process_mad;
		struct vib_rsp_counters counters;
		__u8 raw[120];
	} u;
};
VIB_ASSERT_SIZE(struct vib_control_response, 128);
VIB_ASSERT_OFFSET(struct vib_control_response, u, 8);

DEFINE_RING_TYPES(vib_control, struct vib_control_request, struct vib_control_response);

/* Slots in the one page: what __RING_SIZE makes of it. */
#define VIB_CONTROL_RING_SIZE 16
_Static_assert(sizeof(union vib_control_sring_entry) == 128, "ABI: control ring slot");
_Static_assert(offsetof(struct vib_control_sring, ring) == 64,
	       "ABI: control ring header");

#endif
