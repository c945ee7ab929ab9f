/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a port has sent and received. Each QP counts for itself, under its lock, which
 * whoever works for it has anyway; messages to a peer once for all of a share. Who asks
 * for the port's adds them up.
 */
#ifndef XEN_IB_IBBACK_COUNTERS_H
#define XEN_IB_IBBACK_COUNTERS_H

#include <stdint.h>

#include <xen-ib/object.h>

struct vhca;

/* Packets that a message of @bytes is, with a path MTU of code @mtu: 1…5. */
static inline uint64_t packets_of(uint64_t bytes, uint8_t mtu)
{
	return bytes ? ((bytes - 1) >> (mtu + 7)) + 1 : 1;
}

/* A message of @bytes went from one QP to another; both are locked. */
static inline void count_message(struct vib_rsp_counters *from,
				 struct vib_rsp_counters *to, uint64_t bytes,
				 uint64_t packets)
{
	from->xmit_bytes += bytes;
	from->xmit_packets += packets;
	to->rcv_bytes += bytes;
	to->rcv_packets += packets;
}

/* Add @more, of one QP, to @sum. */
void counters_add(struct vib_rsp_counters *sum, const struct vib_rsp_counters *more);

/* What QPs of @vhca have counted, those that have ended too. The control thread. */
void vhca_counters(const struct vhca *vhca, struct vib_rsp_counters *sum);

/*
 * The control thread does not let a MAD pass that the guest sent. Those that the engine
 * loses itself are counted.
 */
void vhca_count_lost_mad(struct vhca *vhca);

/* The same of one that came to the port with a P_Key that is none of it. */
void vhca_count_pkey_violation(struct vhca *vhca);

#endif
