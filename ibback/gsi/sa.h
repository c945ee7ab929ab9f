/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The subnet administrator (IBTA vol. 1 §15): what a request is, what its attribute's
 * handler answers. The handlers are in the sa_*.c beside this file.
 *
 * No requester is trusted: an SM_Key is not looked at, and what only a trusted one
 * would be told is zero, or not told (§15.4.1.1).
 */
#ifndef XEN_IB_IBBACK_GSI_SA_H
#define XEN_IB_IBBACK_GSI_SA_H

#include <infiniband/umad_sa.h>

#include "gsi/mad.h"
#include "gsi/state.h"

struct sa_request {
	struct gsi_port *port;
	const struct mad_packet *packet; /* its first segment */
	uint8_t method;
	uint32_t modifier;
	uint64_t mask;
	const uint8_t *data; /* at least UMAD_LEN_SA_DATA, zero behind @length */
	size_t length;
};

/* Statuses of the class are in the upper 8 bits (§15.2.1 table 187). */
#define SA_STATUS(name) ((uint16_t)(UMAD_SA_STATUS_##name << 8))

struct sa_answer {
	uint16_t status; /* other than 0: there are no records */
	bool later;      /* by sa_respond() */
	uint16_t record_size;
	size_t count, room;
	uint8_t *records;
};

/* Another record, zero; NULL: there is no room, and that is the status. */
uint8_t *sa_add(struct sa_answer *answer);

/* Answer @packet, a request of one segment that @port has sent; of @answer the records
 * are used up if they are a table, and else still the caller's.
 */
void sa_respond(struct gsi_port *port, const struct mad_packet *packet,
		struct sa_answer *answer);

/* What a vport sent to the SA. */
enum gsi_drop sa_receive(struct gsi_port *from, const struct mad_packet *packet);

/* The handlers. Records come with the size that the attribute has in sa.c. */
typedef void sa_handler(const struct sa_request *request, struct sa_answer *answer);

sa_handler sa_class_port_info;
sa_handler sa_inform_info;
sa_handler sa_inform_info_record;
sa_handler sa_node_record;
sa_handler sa_port_info_record;
sa_handler sa_pkey_table_record;
sa_handler sa_guid_info_record;
sa_handler sa_sm_info_record;
sa_handler sa_no_record;
sa_handler sa_path_record;
sa_handler sa_multi_path_record;
sa_handler sa_mcmember_record;
sa_handler sa_service_record;

#endif
