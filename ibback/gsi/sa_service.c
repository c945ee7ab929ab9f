// SPDX-License-Identifier: GPL-2.0-or-later
/* ServiceRecord (IBTA vol. 1 §15.2.5.14). */
#include "gsi/components.h"
#include "gsi/ports.h"
#include "gsi/sa.h"
#include "gsi/services.h"

/* By bit of the component mask, table 203. */
static const struct component components[] = {
	{ 8 * SR_ID, 64 },
	{ 8 * SR_GID, 128 },
	{ 8 * SR_PKEY, 16 },
	{ 0, 0 },
	{ 8 * SR_LEASE, 32 },
	{ 8 * SR_KEY, 128 },
	{ 8 * SR_NAME, 512 },
#define DATA8(n)                          \
	{                                 \
		8 * SR_DATA8 + 8 * (n), 8 \
	}
	DATA8(0),
	DATA8(1),
	DATA8(2),
	DATA8(3),
	DATA8(4),
	DATA8(5),
	DATA8(6),
	DATA8(7),
	DATA8(8),
	DATA8(9),
	DATA8(10),
	DATA8(11),
	DATA8(12),
	DATA8(13),
	DATA8(14),
	DATA8(15),
#define DATA16(n)                            \
	{                                    \
		8 * SR_DATA16 + 16 * (n), 16 \
	}
	DATA16(0),
	DATA16(1),
	DATA16(2),
	DATA16(3),
	DATA16(4),
	DATA16(5),
	DATA16(6),
	DATA16(7),
#define DATA32(n)                            \
	{                                    \
		8 * SR_DATA32 + 32 * (n), 32 \
	}
	DATA32(0),
	DATA32(1),
	DATA32(2),
	DATA32(3),
#define DATA64(n)                            \
	{                                    \
		8 * SR_DATA64 + 64 * (n), 64 \
	}
	DATA64(0),
	DATA64(1),
};
#define COMPONENTS (sizeof(components) / sizeof(components[0]))

enum service_component {
	SERVICE_ID = 1 << 0,
	SERVICE_GID = 1 << 1,
	SERVICE_PKEY = 1 << 2,
	SERVICE_LEASE = 1 << 4,
};

/* A record as others may see it: the ServiceKey is for who is trusted. */
static void answer_record(struct sa_answer *answer, const uint8_t *record)
{
	uint8_t *out = sa_add(answer);

	if (!out)
		return;
	memcpy(out, record, SERVICE_RECORD_SIZE);
	memset(out + SR_KEY, 0, SR_KEY_SIZE);
}

/*
 * What a request registers or removes: what it leaves out is of the P_Key that it came
 * with, and lasts. false: it has not what names a service, or names another's port.
 */
static bool take_record(const struct sa_request *request, uint8_t *record,
			struct sa_answer *answer)
{
	const struct gsi_port *port = request->port;
	struct vib_gid gid;

	if (!(request->mask & SERVICE_ID) || !(request->mask & SERVICE_GID)) {
		answer->status = SA_STATUS(INSUF_COMPS);
		return false;
	}
	memcpy(record, request->data, SERVICE_RECORD_SIZE);
	if (!(request->mask & SERVICE_PKEY))
		put_be16(record + SR_PKEY, request->packet->pkey);
	if (!(request->mask & SERVICE_LEASE))
		put_be32(record + SR_LEASE, LEASE_FOR_EVER);
	memcpy(&gid, record + SR_GID, sizeof(gid));
	if (!port_has_gid(port, &gid) ||
	    !pkey_entry(port->attr.pkeys, be16_at(record + SR_PKEY))) {
		answer->status = SA_STATUS(REQ_INVALID);
		return false;
	}
	return true;
}

static void set(const struct sa_request *request, struct sa_answer *answer)
{
	uint8_t record[SERVICE_RECORD_SIZE];

	if (!take_record(request, record, answer))
		return;
	if (service_set(request->port, record))
		answer_record(answer, record);
	else
		answer->status = SA_STATUS(NO_RESOURCES);
}

static void delete (const struct sa_request *request, struct sa_answer *answer)
{
	uint8_t record[SERVICE_RECORD_SIZE];
	struct service *s;

	if (!take_record(request, record, answer))
		return;
	s = service_find(request->port, record);
	if (!s)
		return; /* no records */
	answer_record(answer, s->record);
	service_remove(s);
}

static void query(const struct sa_request *request, struct sa_answer *answer)
{
	struct gsi_port *port;
	const struct service *s;

	LIST_FOREACH(port, &request->port->gsi->ports, entry)
	LIST_FOREACH(s, &port->services, of_port)
	if ((port == request->port ||
	     ports_share(request->port, port, service_pkey(s))) &&
	    components_match(components, COMPONENTS, request->mask, request->data,
			     s->record))
		answer_record(answer, s->record);
}

void sa_service_record(const struct sa_request *request, struct sa_answer *answer)
{
	if (request->method == UMAD_METHOD_SET)
		set(request, answer);
	else if (request->method == UMAD_SA_METHOD_DELETE)
		delete (request, answer);
	else
		query(request, answer);
}
