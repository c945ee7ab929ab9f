/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * From a new QP to one that sends, as a connection manager would do it, for
 * programs that tell their peer what it needs to know in their own way.
 */
#ifndef XEN_IB_COMMON_LIBVIB_BRINGUP_H
#define XEN_IB_COMMON_LIBVIB_BRINGUP_H

#include "libvib/objects.h"

/* One end of a connection: what a program tells its peer. */
struct libvib_end {
	uint32_t qpn;
	uint32_t psn; /* of the first packet it will send, 24 bits */
	uint16_t lid;
	struct vib_gid gid;
};

/* How to connect. libvib_path_default() is what most want. */
struct libvib_path {
	bool grh; /* route by GID instead of LID */
	uint8_t sgid_index;
	uint8_t hop_limit;
	uint8_t sl;
	uint16_t pkey_index;
	uint8_t mtu;           /* 1…5: 256…4096 bytes */
	uint8_t timeout;       /* 4.096 us * 2^timeout */
	uint8_t retry_cnt;     /* 0…7 */
	uint8_t rnr_retry;     /* 7: for ever */
	uint8_t min_rnr_timer; /* code of IBTA vol. 1 table 45 */
	uint8_t rd_atomic;     /* READs and atomics at a time, each way */
	uint32_t access;       /* mask of enum vib_access, of what the peer may do */
};

/* MTU 4096, timeout 14 (67 ms), 7 retries, RNR timer 12 (0.64 ms) for ever, 16
 * READs, all access, by LID.
 */
void libvib_path_default(struct libvib_path *path);

/* Our end, with a random psn: asks for the port and GID 0. */
int libvib_qp_end(struct libvib_qp *qp, struct libvib_end *own);

/* Take an RC or UC QP from RESET to RTS. @path: NULL for the default. */
int libvib_qp_connect(struct libvib_qp *qp, const struct libvib_end *own,
		      const struct libvib_end *peer, const struct libvib_path *path);

/* Take a UD QP from RESET to RTS. */
int libvib_qp_start_ud(struct libvib_qp *qp, uint32_t qkey, uint16_t pkey_index);

#endif
