/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where things are in messages of communication management, as offsets in the MAD. */
#ifndef XEN_IB_IBBACK_GSI_CM_FIELDS_H
#define XEN_IB_IBBACK_GSI_CM_FIELDS_H

#include <infiniband/umad_cm.h>

#include "gsi/mad.h"

/* IBTA vol. 1 §12.6 to §12.11, tables 99 and following; a MAD's data begin at 24. */
enum {
	/* Of most: who sends, and who is to receive. A SIDR_REP has the first alone. */
	CM_LOCAL_ID = 24,
	CM_REMOTE_ID = 24 + 4,

	REQ_CA_GUID = 24 + 16,
	REQ_QPN = 24 + 32,     /* with 8 bits of something else behind it */
	REQ_PRIMARY = 24 + 52, /* a path: enum cm_path */
	REQ_PRIMARY_SUBNET = 24 + 94,
	REQ_ALTERNATE = 24 + 96,
	REQ_ALTERNATE_SUBNET = 24 + 138,

	REP_QPN = 24 + 12,  /* the same */
	REP_EECN = 24 + 16, /* the same */
	REP_CA_GUID = 24 + 28,

	DREQ_REMOTE_QPN = 24 + 8, /* the same */

	REJ_REASON = 24 + 10,
	REJ_CA_GUID = 24 + 12, /* its ARI, if the reason is a timeout */

	LAP_ALTERNATE = 24 + 20,
	LAP_ALTERNATE_SUBNET = 24 + 62,
};

/* Offsets in the addresses of a path; "local" is at who sends. */
enum cm_path {
	CM_PATH_LOCAL_LID = 0,
	CM_PATH_REMOTE_LID = 2,
	CM_PATH_LOCAL_GID = 4,
	CM_PATH_REMOTE_GID = 20,
};

/* Beside the SL: both ends are on one subnet, so that LIDs count. */
#define CM_SUBNET_LOCAL    0x08

#define CM_CLASS_VERSION   2

/* §12.6.7.2 table 107: nobody answered in time. */
#define REJ_REASON_TIMEOUT 4

/* Of the version that there is, which has no other method. */
static inline bool cm_is_message(const uint8_t *mad)
{
	return mad_class_version(mad) == CM_CLASS_VERSION &&
	       mad_method(mad) == UMAD_METHOD_SEND;
}

/* A REJ of who gave up, which names that one's CA (§12.6.7.2). */
static inline bool cm_is_timeout(const uint8_t *mad)
{
	return mad_attribute(mad) == UMAD_CM_ATTR_REJ &&
	       be16_at(mad + REJ_REASON) == REJ_REASON_TIMEOUT;
}

static inline struct vib_gid cm_gid_at(const uint8_t *p)
{
	struct vib_gid gid;

	memcpy(&gid, p, sizeof(gid));
	return gid;
}

/* Of 24 bits, the upper ones of four bytes (§12.6). */
static inline uint32_t cm_qpn_at(const uint8_t *p)
{
	return be32_at(p) >> 8;
}

/* Of a REP's sender. An XRC target has its number where EE contexts had theirs. */
static inline uint32_t cm_answering_qpn(const uint8_t *rep)
{
	uint32_t qpn = cm_qpn_at(rep + REP_QPN);

	return qpn ? qpn : cm_qpn_at(rep + REP_EECN);
}

/* §12.7.21: without an alternate path its fields are zero. */
static inline bool cm_is_no_path(const uint8_t *path)
{
	static const struct vib_gid zero;

	return be16_at(path + CM_PATH_LOCAL_LID) == 0 &&
	       memcmp(path + CM_PATH_LOCAL_GID, &zero, sizeof(zero)) == 0;
}

#endif
