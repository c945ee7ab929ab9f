// SPDX-License-Identifier: GPL-2.0-or-later
/* InformInfo and InformInfoRecord (IBTA vol. 1 §13.4.8.3, §15.2.5.12). */
#include "gsi/components.h"
#include "gsi/ports.h"
#include "gsi/sa.h"
#include "gsi/subscriptions.h"

/* o13-17.1.1: an issuer that is named is one that the subscriber may know of. */
static bool issuer_is_seen(const struct gsi_port *port, const struct inform_info *info)
{
	struct vib_gid sa = sa_gid(port->gsi);
	const struct gsi_port *issuer;

	if (gid_is_zero(&info->gid) || gids_equal(&info->gid, &sa))
		return true;
	issuer = port_by_gid(port->gsi, &info->gid);
	return issuer && port_sees(port, issuer);
}

static uint16_t subscribe(const struct sa_request *request,
			  const struct inform_info *info)
{
	struct gsi_port *port = request->port;

	if ((info->generic && notice_is_of_security(info->trap)) ||
	    !issuer_is_seen(port, info))
		return SA_STATUS(REQ_INVALID);
	if (subscription_find(port, info))
		return 0;
	return subscription_add(port, info, request->packet) ? 0
							     : SA_STATUS(NO_RESOURCES);
}

static uint16_t unsubscribe(struct gsi_port *port, const struct inform_info *info)
{
	struct subscription *s = subscription_find(port, info);

	if (!s)
		return SA_STATUS(REQ_INVALID);
	subscription_remove(port, s);
	return 0;
}

/* o13-12.1.1: what was asked for is confirmed by a copy. */
void sa_inform_info(const struct sa_request *request, struct sa_answer *answer)
{
	struct inform_info info;
	uint8_t *record;

	inform_info_get(&info, request->data);
	if (info.subscribe > 1)
		answer->status = SA_STATUS(REQ_INVALID);
	else if (info.subscribe)
		answer->status = subscribe(request, &info);
	else
		answer->status = unsubscribe(request->port, &info);
	if (answer->status)
		return;
	record = sa_add(answer);
	if (record)
		memcpy(record, request->data, INFORM_INFO_SIZE);
}

/* Offsets in InformInfoRecord. */
enum {
	IIR_SUBSCRIBER_GID = 0,
	IIR_ENUM = 16,
	IIR_INFORM_INFO = 24,
};
#define IIR_SIZE 64
#define II(byte) (8 * (IIR_INFORM_INFO + (byte)))

static const struct component components[] = {
	{ 8 * IIR_SUBSCRIBER_GID, 128 },
	{ 8 * IIR_ENUM, 16 },
	{ 0, 0 },
	{ II(0), 128 }, /* GID */
	{ II(16), 16 }, /* LIDRangeBegin, LIDRangeEnd */
	{ II(18), 16 },
	{ 0, 0 },
	{ II(22), 8 }, /* IsGeneric, Subscribe */
	{ II(23), 8 },
	{ II(24), 16 }, /* Type, TrapNumber */
	{ II(26), 16 },
	{ II(28), 24 }, /* QPN */
	{ 0, 0 },
	{ II(31) + 3, 5 }, /* RespTimeValue */
	{ 0, 0 },
	{ II(33), 24 }, /* ProducerType */
};

/* Subscriptions of the requester; others' are not its affair. */
void sa_inform_info_record(const struct sa_request *request, struct sa_answer *answer)
{
	const struct gsi_port *port = request->port;
	const struct subscription *s;
	uint8_t record[IIR_SIZE], *out;
	uint16_t number = 0;

	LIST_FOREACH(s, &port->subscriptions, of_port)
	{
		memset(record, 0, sizeof(record));
		memcpy(record + IIR_SUBSCRIBER_GID, &port->attr.gids[0],
		       sizeof(struct vib_gid));
		put_be16(record + IIR_ENUM, number++);
		inform_info_put(record + IIR_INFORM_INFO, &s->info);
		if (!components_match(components,
				      sizeof(components) / sizeof(components[0]),
				      request->mask, request->data, record))
			continue;
		out = sa_add(answer);
		if (out)
			memcpy(out, record, sizeof(record));
	}
}
