/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The MAD header (IBTA vol. 1 §13.4.3). Layouts and numbers that libibumad's headers
 * have are theirs; nothing of it is linked.
 */
#ifndef XEN_IB_IBBACK_GSI_MAD_H
#define XEN_IB_IBBACK_GSI_MAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <infiniband/umad_types.h>

#include <xen-ib/object.h>

#include "gsi/be.h"

/* Offsets in a MAD. */
#define MAD_AT_STATUS    offsetof(struct umad_hdr, status)
#define MAD_AT_TID       offsetof(struct umad_hdr, tid)
#define MAD_AT_ATTRIBUTE offsetof(struct umad_hdr, attr_id)
#define MAD_AT_MODIFIER  offsetof(struct umad_hdr, attr_mod)
#define MAD_HEADER       sizeof(struct umad_hdr)
/* Of classes with an RMPP header, and of SubnAdm with its own behind it. */
#define MAD_RMPP         MAD_HEADER

_Static_assert(sizeof(struct umad_packet) == VIB_MAD_BYTES, "a MAD has 256 bytes");

/* IBTA vol. 1 §13.4.5, §15.2.2: what a method must not be, other than UMAD_METHOD_*. */
#define MAD_IS_RESPONSE 0x80

/* §4.1.3: to or from a port that may have no LID yet, in LID-routed SMPs and CM. */
#define LID_PERMISSIVE  0xffff

/* What tells one MAD from another as it is begun, in host order. */
struct mad_header {
	uint8_t mgmt_class, class_version;
	uint8_t method;
	uint16_t attribute;
	uint64_t tid;
};

/* @mad begins with @header, and all else of it is zero. */
void mad_begin(uint8_t mad[VIB_MAD_BYTES], const struct mad_header *header);

static inline uint8_t mad_class(const uint8_t *mad)
{
	return mad[offsetof(struct umad_hdr, mgmt_class)];
}

static inline uint8_t mad_class_version(const uint8_t *mad)
{
	return mad[offsetof(struct umad_hdr, class_version)];
}

static inline uint8_t mad_method(const uint8_t *mad)
{
	return mad[offsetof(struct umad_hdr, method)];
}

static inline uint16_t mad_status(const uint8_t *mad)
{
	return be16_at(mad + MAD_AT_STATUS);
}

static inline uint64_t mad_tid(const uint8_t *mad)
{
	return be64_at(mad + MAD_AT_TID);
}

static inline uint16_t mad_attribute(const uint8_t *mad)
{
	return be16_at(mad + MAD_AT_ATTRIBUTE);
}

static inline uint32_t mad_modifier(const uint8_t *mad)
{
	return be32_at(mad + MAD_AT_MODIFIER);
}

static inline void mad_set_method(uint8_t *mad, uint8_t method)
{
	mad[offsetof(struct umad_hdr, method)] = method;
}

static inline void mad_set_status(uint8_t *mad, uint16_t status)
{
	put_be16(mad + MAD_AT_STATUS, status);
}

/* §13.4.5: the answer to a Get and to a Set is a GetResp, to all others their own. */
static inline uint8_t mad_response_method(uint8_t method)
{
	return method == UMAD_METHOD_SET ? UMAD_METHOD_GET_RESP
					 : (uint8_t)(method | MAD_IS_RESPONSE);
}

#endif
