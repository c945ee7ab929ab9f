/* SPDX-License-Identifier: MIT */
/*
 * The answers to the query commands: what the vHCA and its port are. Values
 * are InfiniBand's own (IBTA vol. 1 §14.2.5.6 PortInfo, §11.2.1.2 Query HCA),
 * which are also those of Linux' verbs.
 */
#ifndef XEN_IB_PORT_H
#define XEN_IB_PORT_H

#include <xen-ib/types.h>

/* A vib has one port, number 1. */
#define VIB_PORT      1

/* Bounds of the tables a backend may announce; a frontend refuses more. */
#define VIB_MAX_GIDS  16
#define VIB_MAX_PKEYS 128

struct vib_device_attr {
	__be64 node_guid;
	__be64 sys_image_guid;
	__u32 fw_ver; /* major << 16 | minor << 8 | patch of the backend */
	__u32 vendor_id;
	__u32 vendor_part_id;
	__u32 hw_ver;
	__u32 max_qp;
	__u32 max_qp_wr;
	__u32 max_send_sge;
	__u32 max_recv_sge;
	__u32 max_sge_rd;
	__u32 max_cq;
	__u32 max_cqe;
	__u32 max_mr;
	__u32 max_pd;
	__u32 max_qp_rd_atom;
	__u32 max_qp_init_rd_atom;
	__u32 max_ah;
	__u32 max_srq;
	__u32 max_srq_wr;
	__u32 max_srq_sge;
	__u32 max_fast_reg_pages;
	__u32 max_mcast_grp;
	__u32 max_mcast_qp_attach;
	__u16 max_pkeys;
	__u8 ports; /* 1 */
	__u8 atomic_cap;
	__u32 cap_flags; /* enum vib_device_cap */
	__u64 max_mr_size;
};
VIB_ASSERT_SIZE(struct vib_device_attr, 120);
VIB_ASSERT_OFFSET(struct vib_device_attr, fw_ver, 16);
VIB_ASSERT_OFFSET(struct vib_device_attr, max_qp, 32);
VIB_ASSERT_OFFSET(struct vib_device_attr, max_pkeys, 104);
VIB_ASSERT_OFFSET(struct vib_device_attr, cap_flags, 108);
VIB_ASSERT_OFFSET(struct vib_device_attr, max_mr_size, 112);

enum vib_device_cap {
	VIB_CAP_FRWR = 1 << 0, /* ALLOC_MR, and REG_MR work requests */
	VIB_CAP_LOCAL_DMA_LKEY = 1 << 1,
	VIB_CAP_XRC = 1 << 2,
	VIB_CAP_ATOMIC_WRITE = 1 << 3,
	VIB_CAP_MAD = 1 << 4, /* QP0, QP1, PROCESS_MAD, and a subnet administrator */
	VIB_CAP_UD_IP_CSUM = 1 << 6,  /* VIB_SEND_IP_CSUM */
	VIB_CAP_UD_LSO = 1 << 7,      /* VIB_OP_LSO */
	VIB_CAP_GRANTED_DMA = 1 << 8, /* addresses from VIB_GRANTED_BASE on */
	/* Pages of MRs are granted for writing, whatever the rights of the MR. */
	VIB_CAP_WRITABLE_GRANTS = 1 << 9,
	VIB_CAP_MEM_WINDOWS = 1
			      << 10, /* ALLOC_MW, of type 1 and 2, and BIND_MW requests */
	/* Pages of a REG_MR request follow one another, where its peer is on the wire. */
	VIB_CAP_FRWR_ROW = 1 << 11,
};

/*
 * What a port's users may add to its CapabilityMask (IBTA vol. 1 §14.2.5.6): SNMP
 * tunnelling, device management, a vendor's class, boot management.
 */
#define VIB_PORT_CAPS_ADDED (1u << 17 | 1u << 18 | 1u << 19 | 1u << 23)

enum vib_port_state {
	VIB_PORT_DOWN = 1,
	VIB_PORT_INIT = 2,
	VIB_PORT_ARMED = 3,
	VIB_PORT_ACTIVE = 4,
};

enum vib_phys_state {
	VIB_PHYS_DISABLED = 3,
	VIB_PHYS_LINK_UP = 5,
};

struct vib_port_attr {
	__be64 port_guid;
	__u8 state;      /* enum vib_port_state */
	__u8 phys_state; /* enum vib_phys_state */
	__u8 max_mtu;    /* 1…5: 256…4096 bytes */
	__u8 active_mtu;
	__u16 lid;
	__u16 sm_lid;
	__u8 lmc;
	__u8 sm_sl;
	__u8 max_vl_num;
	__u8 subnet_timeout;
	__u8 active_width; /* 1, 2, 4, 8: 1x, 4x, 8x, 12x */
	__u8 reserved;
	__u16 active_speed; /* 1, 2, 4, 16, 32, 64: SDR … HDR */
	__u16 gid_tbl_len;
	__u16 pkey_tbl_len;
	__u32 cap_mask; /* PortInfo's CapabilityMask */
	__u32 max_msg_sz;
	__u32 bad_pkey_cntr;
	__u32 qkey_viol_cntr;
	__u32 reserved2;
};
VIB_ASSERT_SIZE(struct vib_port_attr, 48);
VIB_ASSERT_OFFSET(struct vib_port_attr, lid, 12);
VIB_ASSERT_OFFSET(struct vib_port_attr, active_speed, 22);
VIB_ASSERT_OFFSET(struct vib_port_attr, cap_mask, 28);

#endif
