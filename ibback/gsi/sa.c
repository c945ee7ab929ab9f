// SPDX-License-Identifier: GPL-2.0-or-later
#include "gsi/sa.h"

#include <stdlib.h>

#include "gsi/reply.h"
#include "gsi/rmpp.h"
#include "gsi/sa_proxy.h"
#include "gsi/subscriptions.h"

/* Offsets in a MAD of SubnAdm (§15.2.1). */
#define SA_ATTR_OFFSET offsetof(struct umad_sa_packet, attr_offset)
#define SA_COMP_MASK   offsetof(struct umad_sa_packet, comp_mask)

enum methods {
	GET = 1 << 0,
	SET = 1 << 1,
	TABLE = 1 << 2,
	DELETE = 1 << 3,
	MULTI = 1 << 4,
};

/* What the SA has, and what may be done with it (§15.2.5 table 192). */
static const struct attribute {
	uint16_t id;
	uint16_t record_size; /* a multiple of 8, but for InformInfo */
	unsigned int methods;
	sa_handler *handler;
} attributes[] = {
	{ UMAD_ATTR_CLASS_PORT_INFO, 72, GET, sa_class_port_info },
	{ UMAD_ATTR_INFORM_INFO, INFORM_INFO_SIZE, SET, sa_inform_info },
	{ UMAD_SA_ATTR_NODE_REC, 112, GET | TABLE, sa_node_record },
	{ UMAD_SA_ATTR_PORT_INFO_REC, 72, GET | TABLE, sa_port_info_record },
	{ UMAD_SA_ATTR_SLVL_REC, 16, GET | TABLE, sa_no_record },
	{ UMAD_SA_ATTR_SWITCH_INFO_REC, 24, GET | TABLE, sa_no_record },
	{ UMAD_SA_ATTR_LINEAR_FT_REC, 72, GET | TABLE, sa_no_record },
	{ UMAD_SA_ATTR_RANDOM_FT_REC, 72, GET | TABLE, sa_no_record },
	{ UMAD_SA_ATTR_MCAST_FT_REC, 72, GET | TABLE, sa_no_record },
	{ UMAD_SA_ATTR_SM_INFO_REC, 32, GET | TABLE, sa_sm_info_record },
	{ UMAD_SA_ATTR_INFORM_INFO_REC, 64, GET | TABLE, sa_inform_info_record },
	{ UMAD_SA_ATTR_LINK_REC, 8, GET | TABLE, sa_no_record },
	{ UMAD_SA_ATTR_GUID_INFO_REC, 72, GET | TABLE, sa_guid_info_record },
	{ UMAD_SA_ATTR_SERVICE_REC, 176, GET | TABLE | SET | DELETE, sa_service_record },
	{ UMAD_SA_ATTR_PKEY_TABLE_REC, 72, GET | TABLE, sa_pkey_table_record },
	{ UMAD_SA_ATTR_PATH_REC, 64, GET | TABLE, sa_path_record },
	{ UMAD_SA_ATTR_VL_ARB_REC, 72, GET | TABLE, sa_no_record },
	{ UMAD_SA_ATTR_MCMEMBER_REC, 56, GET | TABLE | SET | DELETE, sa_mcmember_record },
	{ UMAD_SA_ATTR_MULTI_PATH_REC, 64, MULTI, sa_multi_path_record },
};

static unsigned int method_bit(uint8_t method)
{
	switch (method) {
	case UMAD_METHOD_GET:
		return GET;
	case UMAD_METHOD_SET:
		return SET;
	case UMAD_SA_METHOD_GET_TABLE:
		return TABLE;
	case UMAD_SA_METHOD_DELETE:
		return DELETE;
	case UMAD_SA_METHOD_GET_MULTI:
		return MULTI;
	default:
		return 0;
	}
}

static const struct attribute *find_attribute(uint16_t id)
{
	for (size_t i = 0; i < sizeof(attributes) / sizeof(attributes[0]); i++)
		if (attributes[i].id == id)
			return &attributes[i];
	return NULL;
}

uint8_t *sa_add(struct sa_answer *a)
{
	if (a->count == a->room) {
		size_t room = a->room ? 2 * a->room : 8;
		uint8_t *records = NULL;

		if (room * a->record_size <= MAX_TABLE_BYTES)
			records = realloc(a->records, room * a->record_size);
		if (!records) {
			a->status = SA_STATUS(NO_RESOURCES);
			return NULL;
		}
		a->records = records;
		a->room = room;
	}
	return memset(a->records + a->count++ * a->record_size, 0, a->record_size);
}

static void dispatch(const struct sa_request *request, struct sa_answer *answer)
{
	const uint8_t *mad = request->packet->mad;
	const struct attribute *a = find_attribute(mad_attribute(mad));
	unsigned int method = method_bit(request->method);

	if (mad_class_version(mad) != UMAD_SA_CLASS_VERSION)
		answer->status = UMAD_STATUS_BAD_VERSION;
	else if (!method)
		answer->status = UMAD_STATUS_METHOD_NOT_SUPPORTED;
	else if (!a || !(a->methods & method))
		answer->status = UMAD_STATUS_ATTR_NOT_SUPPORTED;
	if (answer->status)
		return;
	answer->record_size = a->record_size;
	if (!gsi_is_proxy(request->port->gsi) || !sa_proxy(request, answer))
		a->handler(request, answer);
	if (answer->status || answer->later || method & (TABLE | MULTI))
		return;
	/* C15-0.1.30: other methods answer one record. */
	if (answer->count == 0)
		answer->status = SA_STATUS(NO_RECORDS);
	else if (answer->count > 1)
		answer->status = SA_STATUS(TOO_MANY_RECORDS);
}

/* o15-0.2.7: the answer to a MultiPathRecord is a table of PathRecords. */
static uint16_t attribute_of_answer(const struct sa_request *request)
{
	uint16_t id = mad_attribute(request->packet->mad);

	return id == UMAD_SA_ATTR_MULTI_PATH_REC ? UMAD_SA_ATTR_PATH_REC : id;
}

/* All of the answer but data and the RMPP header; the SM_Key is 0 (C15-0.1.5). */
static void begin_answer(const struct sa_request *request, const struct sa_answer *answer,
			 struct mad_packet *head)
{
	uint8_t *mad;

	/* The SA is a full member of every partition. */
	reply_begin(head, request->packet, request->port->gsi->config.sa_lid,
		    request->packet->pkey | 0x8000);
	mad = head->mad;
	memcpy(mad, request->packet->mad, MAD_HEADER);
	put_be64(mad + SA_COMP_MASK, request->mask);
	mad_set_method(mad, mad_response_method(request->method));
	mad_set_status(mad, answer->status);
	put_be16(mad + MAD_AT_ATTRIBUTE, attribute_of_answer(request));
	/* In units of 8 bytes. */
	if (!answer->status && answer->count)
		put_be16(mad + SA_ATTR_OFFSET, (answer->record_size + 7) / 8);
}

/* §15.4: only what answers GetTable and GetMulti goes by RMPP, whatever its size. */
static void respond(const struct sa_request *request, struct sa_answer *answer)
{
	struct mad_packet head;

	begin_answer(request, answer, &head);
	if (!answer->status && method_bit(request->method) & (TABLE | MULTI)) {
		uint8_t *records = answer->records;

		answer->records = NULL;
		if (rmpp_send(request->port, &head, records,
			      answer->count * answer->record_size))
			return;
		answer->status = SA_STATUS(NO_RESOURCES);
		begin_answer(request, answer, &head);
	}
	if (!answer->status)
		memcpy(head.mad + SA_DATA, answer->records, answer->record_size);
	else if (!(method_bit(request->method) & (TABLE | MULTI)))
		memcpy(head.mad + SA_DATA, request->data, UMAD_LEN_SA_DATA);
	gsi_deliver(request->port, &head);
}

static struct sa_request request_of(struct gsi_port *from,
				    const struct mad_packet *packet, const uint8_t *data,
				    size_t length)
{
	return (struct sa_request){
		.port = from,
		.packet = packet,
		.method = mad_method(packet->mad),
		.modifier = mad_modifier(packet->mad),
		.mask = be64_at(packet->mad + SA_COMP_MASK),
		.data = data,
		.length = length,
	};
}

void sa_respond(struct gsi_port *port, const struct mad_packet *packet,
		struct sa_answer *answer)
{
	const struct sa_request request =
		request_of(port, packet, packet->mad + SA_DATA, UMAD_LEN_SA_DATA);

	respond(&request, answer);
}

static void serve(struct gsi_port *from, const struct mad_packet *packet,
		  const uint8_t *data, size_t length)
{
	const struct sa_request request = request_of(from, packet, data, length);
	struct sa_answer answer = { 0 };

	dispatch(&request, &answer);
	if (!answer.later)
		respond(&request, &answer);
	free(answer.records);
}

static enum gsi_drop receive_segment(struct gsi_port *from,
				     const struct mad_packet *packet)
{
	struct rmpp_request *request;
	enum gsi_drop why = rmpp_receive(from, packet, &request);

	if (request) {
		serve(from, &request->first, request->data, request->length);
		free(request);
	}
	return why;
}

/*
 * Packets about the answer and about the request of a transaction have the request's
 * method both; STOP and ABORT go to the one that there is.
 */
static enum gsi_drop receive_rmpp(struct gsi_port *from, const struct mad_packet *packet)
{
	const uint8_t *mad = packet->mad;

	if (mad[RMPP_VERSION] != UMAD_RMPP_VERSION) {
		rmpp_answer(from, packet, RMPP_ABORT, RMPP_BAD_VERSION, 0, 0);
		return GSI_DROP_RMPP;
	}
	switch (mad[RMPP_TYPE]) {
	case RMPP_DATA:
		return receive_segment(from, packet);
	case RMPP_ACK:
		return rmpp_send_acked(from, packet);
	case RMPP_STOP:
	case RMPP_ABORT:
		return rmpp_receive_ended(from, packet) ? 0
							: rmpp_send_ended(from, packet);
	default:
		rmpp_answer(from, packet, RMPP_ABORT, RMPP_BAD_TYPE, 0, 0);
		return GSI_DROP_RMPP;
	}
}

/* Methods that are no request of the SA's clients (§15.2.2 table 188). */
static bool is_request(uint8_t method)
{
	return method != UMAD_METHOD_SEND && method != UMAD_METHOD_TRAP &&
	       method != UMAD_METHOD_REPORT && method != UMAD_METHOD_TRAP_REPRESS;
}

enum gsi_drop sa_receive(struct gsi_port *from, const struct mad_packet *packet)
{
	const uint8_t *mad = packet->mad;
	uint8_t method = mad_method(mad);

	if (mad_class(mad) != UMAD_CLASS_SUBN_ADM)
		return GSI_DROP_CLASS;
	if (method == UMAD_METHOD_REPORT_RESP)
		return report_answered(from, mad_tid(mad)) ? 0 : GSI_DROP_TID;
	if (method & MAD_IS_RESPONSE)
		return GSI_DROP_SA_CLAIM;
	if (!is_request(method))
		return GSI_DROP_CLASS;
	if (rmpp_is_active(mad))
		return receive_rmpp(from, packet);
	/* A request is sent again while its answer is on its way. */
	if (!rmpp_is_sending(from, mad_tid(mad), method))
		serve(from, packet, mad + SA_DATA, UMAD_LEN_SA_DATA);
	return 0;
}
