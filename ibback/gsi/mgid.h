/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What an MGID says of itself. */
#ifndef XEN_IB_IBBACK_GSI_MGID_H
#define XEN_IB_IBBACK_GSI_MGID_H

#include <stdbool.h>

#include <xen-ib/types.h>

#include "gsi/be.h"

/* Bytes 2 and 3 of an MGID (§15.2.5.17.2, RFC 4391 §4, Linux' rdma_cm). */
enum mgid_signature {
	SIGNATURE_IPOIB_4 = 0x401b,
	SIGNATURE_IPOIB_6 = 0x601b,
	SIGNATURE_RDMA_CM_4 = 0x4001,
	SIGNATURE_RDMA_CM_6 = 0x6001,
	SIGNATURE_SA = 0xa01b, /* chosen by the SA */
};

static inline uint16_t mgid_signature(const struct vib_gid *mgid)
{
	return be16_at(mgid->raw + 2);
}

/* It is IPoIB's or rdma_cm's, and bytes 4 and 5 are the partition's P_Key. */
static inline bool mgid_has_pkey(const struct vib_gid *mgid)
{
	switch (mgid_signature(mgid)) {
	case SIGNATURE_IPOIB_4:
	case SIGNATURE_IPOIB_6:
	case SIGNATURE_RDMA_CM_4:
	case SIGNATURE_RDMA_CM_6:
		return true;
	default:
		return false;
	}
}

#endif
