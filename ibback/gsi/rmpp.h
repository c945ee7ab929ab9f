/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The reliable multi-packet protocol (IBTA vol. 1 §13.6), as the SA speaks it with a
 * port: tables go out, requests of several segments come in. A transaction is known by
 * its port, TID and method. The kernel at the other end has its own in mad_rmpp.c.
 */
#ifndef XEN_IB_IBBACK_GSI_RMPP_H
#define XEN_IB_IBBACK_GSI_RMPP_H

#include <infiniband/umad_sa.h>

#include "gsi/mad.h"
#include "gsi/state.h"

/* Offsets in a MAD. */
#define RMPP_VERSION       (MAD_RMPP + offsetof(struct umad_rmpp_hdr, rmpp_version))
#define RMPP_TYPE          (MAD_RMPP + offsetof(struct umad_rmpp_hdr, rmpp_type))
#define RMPP_FLAGS         (MAD_RMPP + offsetof(struct umad_rmpp_hdr, rmpp_rtime_flags))
#define RMPP_STATUS        (MAD_RMPP + offsetof(struct umad_rmpp_hdr, rmpp_status))
#define RMPP_SEGMENT       (MAD_RMPP + offsetof(struct umad_rmpp_hdr, seg_num))
#define RMPP_LENGTH_WINDOW (MAD_RMPP + offsetof(struct umad_rmpp_hdr, paylen_newwin))
#define SA_DATA            offsetof(struct umad_sa_packet, data)

/* What a segment carries, and what of it are the class' header and data. */
#define RMPP_PAYLOAD       (VIB_MAD_BYTES - MAD_RMPP - sizeof(struct umad_rmpp_hdr))
#define SEGMENT_HEADER     (RMPP_PAYLOAD - UMAD_LEN_SA_DATA)
#define SEGMENT_DATA       UMAD_LEN_SA_DATA

/* §13.6.2.1 table 172. */
enum rmpp_type {
	RMPP_DATA = 1,
	RMPP_ACK = 2,
	RMPP_STOP = 3,
	RMPP_ABORT = 4,
};

/* RMPPFlags; above them RRespTime, of which 31 says that none is given. */
#define RMPP_FIRST        0x02
#define RMPP_LAST         0x04
#define RMPP_NO_RESP_TIME 0xf8

/* §13.6.2.1 table 174. */
enum rmpp_status {
	RMPP_RESOURCES_EXHAUSTED = 1,
	RMPP_TIME_TOO_LONG = 118,
	RMPP_BAD_LENGTH = 119,
	RMPP_BAD_SEGMENT = 120,
	RMPP_BAD_TYPE = 121,
	RMPP_WINDOW_TOO_SMALL = 122,
	RMPP_SEGMENT_TOO_BIG = 123,
	RMPP_BAD_STATUS = 124,
	RMPP_BAD_VERSION = 125,
	RMPP_TOO_MANY_RETRIES = 126,
};

static inline bool rmpp_is_active(const uint8_t *mad)
{
	return mad[RMPP_FLAGS] & UMAD_RMPP_FLAG_ACTIVE;
}

/*
 * Send @length bytes of @data, which this frees, to @port, in segments with addresses
 * and headers of @head. false: too many are on their way, or no memory.
 */
bool rmpp_send(struct gsi_port *port, const struct mad_packet *head, uint8_t *data,
	       size_t length);

/* True if a table in answer to request @tid of @method is on its way to @port. */
bool rmpp_is_sending(const struct gsi_port *port, uint64_t tid, uint8_t method);

/* An ACK of @port, or its STOP or ABORT, to what is sent to it. */
enum gsi_drop rmpp_send_acked(struct gsi_port *port, const struct mad_packet *packet);
enum gsi_drop rmpp_send_ended(struct gsi_port *port, const struct mad_packet *packet);

/* A request that has come in whole: its first segment, and all data. */
struct rmpp_request {
	struct mad_packet first;
	size_t length;
	uint8_t data[MAX_RMPP_SEGMENTS * SEGMENT_DATA];
};

/*
 * A DATA segment from @port. With the last one *@done is the request, which the caller
 * frees; else NULL.
 */
enum gsi_drop rmpp_receive(struct gsi_port *port, const struct mad_packet *packet,
			   struct rmpp_request **done);

/* STOP or ABORT by who sends a request. false: it is of none. */
bool rmpp_receive_ended(struct gsi_port *port, const struct mad_packet *packet);

/* Answer @packet by an RMPP packet without data of that type. */
void rmpp_answer(struct gsi_port *port, const struct mad_packet *packet,
		 enum rmpp_type type, uint8_t status, uint32_t segment, uint32_t window);

/* Forget all that is on its way to and from @port. */
void rmpp_send_purge(struct gsi_port *port);
void rmpp_receive_purge(struct gsi_port *port);

#endif
