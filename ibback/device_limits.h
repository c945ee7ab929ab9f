/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a vHCA announces beyond the quotas of its vib, each beside its reason.
 */
#ifndef XEN_IB_IBBACK_DEVICE_LIMITS_H
#define XEN_IB_IBBACK_DEVICE_LIMITS_H

#include <xen-ib/object.h>

/* Xen's OUI, 00:16:3e; there is no other vendor to name. */
#define VENDOR_ID        0x00163e
#define VENDOR_PART_ID   1
#define FIRMWARE_VERSION (0u << 16 | 1u << 8 | 0u) /* ours: 0.1.0 */

/* The largest queue of the ABI. */
#define MAX_QP_WR        (1u << VIB_WQ_MAX_ORDER)
#define MAX_CQE          (1u << VIB_QUEUE_MAX_ORDER)

/* SRP and NFS/RDMA ask for 18 and more; 32 fill half of the largest slot. */
#define MAX_SGE          32
#define MAX_SGE_RD       16

/* Pages of one REG_MR: what SRP uses at most, and more than others do. */
#define MAX_FAST_PAGES   512

/* Atomics are atomic to one another on this host (IBTA vol. 1 §11.2.1.2): 1. */
#define ATOMIC_CAP       1

/* Responder resources a QP may have. */
#define MAX_RD_ATOMIC    16

/* A vib's memberships, and its QPs in one group. */
#define MAX_MCAST_GROUPS 4096
#define MAX_MCAST_QPS    256

/* IBTA vol. 1 §9.4.1: the longest message is 2^31 bytes. */
#define MAX_MESSAGE_SIZE 0x80000000u

/* The largest page tree of the ABI. */
#define MAX_MR_SIZE      ((unsigned long long)VIB_PAGES_MAX * VIB_PAGE_SIZE)

/*
 * CapabilityMask (IBTA vol. 1 §14.2.5.6): a system image GUID, speeds beyond 10 Gbit/s,
 * a connection manager, and CLIENT_REREGISTER.
 */
#define PORT_CAPS        (1u << 11 | 1u << 14 | 1u << 16 | 1u << 25)

/* PortInfo's codes (IBTA vol. 1 §14.2.5.6), Linux' enum ib_port_speed. */
#define MTU_4096         5
#define ACTIVE_MTU       4096 /* bytes of it */
#define WIDTH_4X         2
#define SPEED_EDR        32
#define SUBNET_TIMEOUT   18 /* 4.096 us * 2^18, OpenSM's default */

#endif
