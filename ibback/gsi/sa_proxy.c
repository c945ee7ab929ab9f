// SPDX-License-Identifier: GPL-2.0-or-later
#include "gsi/sa_proxy.h"

#include <stdlib.h>

#include "gsi/alias.h"
#include "gsi/groups.h"
#include "gsi/path_record.h"
#include "gsi/ports.h"
#include "gsi/rmpp.h"
#include "gsi/sa_client.h"

#define SA_ATTR_OFFSET offsetof(struct umad_sa_packet, attr_offset)
#define SA_COMP_MASK   offsetof(struct umad_sa_packet, comp_mask)

/* A question on its way. */
struct proxied {
	LIST_ENTRY(proxied) entry;
	struct gsi_port *port;
	struct mad_packet packet; /* as the vport has sent it */
	struct sa_query *query;
};

/* ---- what may be asked ----------------------------------------------------- */

/* Where a record has its P_Key; §15.2.5.14. */
#define SERVICE_PKEY      24
#define SERVICE_PKEY_MASK (1u << 2)
#define MCM_MASK(name)    UMAD_SA_MCM_COMP_MASK_##name

static bool names_own(const struct gsi_port *port, const struct vib_gid *gid)
{
	return gids_equal(gid, &port->attr.gids[0]);
}

/*
 * From the vport, or to it; in the partition that is named, or else in its first. The SA
 * would take any of the HCA's port.
 */
static bool fit_path(const struct gsi_port *port, uint8_t *mad)
{
	uint64_t mask = be64_at(mad + SA_COMP_MASK);
	struct path_record path;
	uint8_t *data = mad + SA_DATA;

	path_record_get(&path, data);
	if (mask & PATH_SGID && !names_own(port, &path.sgid) &&
	    !(mask & PATH_DGID && names_own(port, &path.dgid)))
		return false;
	if (mask & PATH_SLID && path.slid != port->attr.port.lid &&
	    !(mask & PATH_DLID && path.dlid == port->attr.port.lid))
		return false;
	if (!(mask & PATH_SGID) && !(mask & PATH_DGID && names_own(port, &path.dgid))) {
		mask |= PATH_SGID;
		memcpy(data + PATH_RECORD_SGID, &port->attr.gids[0],
		       sizeof(struct vib_gid));
	}
	if (!(mask & PATH_PKEY)) {
		mask |= PATH_PKEY;
		put_be16(data + PATH_RECORD_PKEY, port->attr.pkeys[0]);
	} else if (pkey_find(port->attr.pkeys, path.pkey) < 0) {
		return false;
	}
	put_be64(mad + SA_COMP_MASK, mask);
	return true;
}

static bool fit_group(const struct gsi_port *port, uint8_t *mad)
{
	uint64_t mask = be64_at(mad + SA_COMP_MASK);
	struct mcm_record r;

	mcm_record_get(&r, mad + SA_DATA);
	return !(mask & MCM_MASK(PORT_GID) && !names_own(port, &r.port_gid)) &&
	       !(mask & MCM_MASK(PKEY) && pkey_find(port->attr.pkeys, r.group.pkey) < 0);
}

static bool fit_service(const struct gsi_port *port, uint8_t *mad)
{
	return !(be64_at(mad + SA_COMP_MASK) & SERVICE_PKEY_MASK &&
		 pkey_find(port->attr.pkeys, be16_at(mad + SA_DATA + SERVICE_PKEY)) < 0);
}

/* ---- what may be told ------------------------------------------------------ */

/*
 * A path of the vport's, in a partition of it: with its own membership, and such that
 * there is a GRH, by which vports are told apart.
 */
static bool tell_path(const struct gsi_port *port, uint8_t *record)
{
	const struct gsi_port *other;
	struct path_record path;
	uint16_t pkey;

	path_record_get(&path, record);
	pkey = pkey_entry(port->attr.pkeys, path.pkey);
	if (!pkey || (!names_own(port, &path.sgid) && !names_own(port, &path.dgid)))
		return false;
	other = port_by_gid(port->gsi,
			    names_own(port, &path.sgid) ? &path.dgid : &path.sgid);
	if (other && !port_sees(port, other))
		return false;
	put_be16(record + PATH_RECORD_PKEY, pkey);
	if (!path.hop_limit)
		record[PATH_RECORD_HOP_LIMIT] = 1;
	return true;
}

static bool tell_group(const struct gsi_port *port, uint8_t *record)
{
	struct mcm_record r;

	mcm_record_get(&r, record);
	return pkey_accepting(port->attr.pkeys, r.group.pkey) >= 0;
}

static bool tell_service(const struct gsi_port *port, uint8_t *record)
{
	return pkey_find(port->attr.pkeys, be16_at(record + SERVICE_PKEY)) >= 0;
}

static bool tell_all(const struct gsi_port *port, uint8_t *record)
{
	(void)port;
	(void)record;
	return true;
}

/* The SA can several paths at a time, and this proxy cannot. */
static bool tell_class_port_info(const struct gsi_port *port, uint8_t *record)
{
	uint8_t *mask = record + offsetof(struct umad_class_port_info, cap_mask);

	(void)port;
	put_be16(mask, be16_at(mask) & (uint16_t)~UMAD_SA_CAP_MASK_IS_MULTIPATH_SUP);
	return true;
}

static const struct proxy {
	uint16_t attribute;
	uint16_t size;         /* of what is looked at in a record */
	bool for_full_members; /* of the default partition, in which every port is */
	/* Make @mad a question that is the vport's to ask; false: nothing is known. */
	bool (*fit)(const struct gsi_port *port, uint8_t *mad);
	bool (*tell)(const struct gsi_port *port, uint8_t *record);
} proxies[] = {
	{ UMAD_ATTR_CLASS_PORT_INFO, 72, false, NULL, tell_class_port_info },
	{ UMAD_SA_ATTR_NODE_REC, 108, true, NULL, tell_all },
	{ UMAD_SA_ATTR_PORT_INFO_REC, 68, true, NULL, tell_all },
	{ UMAD_SA_ATTR_SERVICE_REC, 176, false, fit_service, tell_service },
	{ UMAD_SA_ATTR_PATH_REC, PATH_RECORD_SIZE, false, fit_path, tell_path },
	{ UMAD_SA_ATTR_MCMEMBER_REC, MCM_RECORD_SIZE, false, fit_group, tell_group },
};

static const struct proxy *find_proxy(uint16_t attribute)
{
	for (size_t i = 0; i < sizeof(proxies) / sizeof(proxies[0]); i++)
		if (proxies[i].attribute == attribute)
			return &proxies[i];
	return NULL;
}

/* ---- answers --------------------------------------------------------------- */

static bool is_table(const struct proxied *p)
{
	return mad_method(p->packet.mad) == UMAD_SA_METHOD_GET_TABLE;
}

/* Records as they are in @mad, of @size bytes each, as far as they may be told. */
static void copy_records(const struct proxied *p, const struct proxy *proxy,
			 const uint8_t *mad, size_t length, struct sa_answer *answer)
{
	const size_t size = answer->record_size;
	uint8_t *record;

	for (size_t at = SA_DATA; at + size <= length && !answer->status; at += size) {
		record = sa_add(answer);
		if (record) {
			memcpy(record, mad + at, size);
			if (!proxy->tell(p->port, record))
				answer->count--;
		}
		if (!is_table(p))
			return;
	}
}

static void answer_by(const struct proxied *p, const uint8_t *mad, size_t length)
{
	const struct proxy *proxy = find_proxy(mad_attribute(mad));
	size_t size = 8u * be16_at(mad + SA_ATTR_OFFSET);
	struct sa_answer answer = { .status = mad_status(mad) };

	if (!is_table(p) && !size)
		size = (proxy->size + 7) / 8 * 8;
	/* Of an empty table it may say nothing; what else it says must be true of any. */
	if (!answer.status && size && (size < proxy->size || size > UMAD_LEN_SA_DATA))
		answer.status = SA_STATUS(NO_RESOURCES);
	if (!answer.status && size) {
		answer.record_size = (uint16_t)size;
		copy_records(p, proxy, mad, length, &answer);
		if (!answer.status && !answer.count && !is_table(p))
			answer.status = SA_STATUS(NO_RECORDS);
	}
	sa_respond(p->port, &p->packet, &answer);
	free(answer.records);
}

static void proxied_free(struct proxied *p)
{
	LIST_REMOVE(p, entry);
	p->port->num_proxied--;
	sa_query_cancel(p->query);
	free(p);
}

/* Of what nobody answers the vport hears nothing either, and asks again. */
static void on_answer(void *arg, const uint8_t *mad, size_t length)
{
	struct proxied *p = arg;

	p->query = NULL;
	if (mad)
		answer_by(p, mad, length);
	proxied_free(p);
}

void proxied_purge(struct gsi_port *port)
{
	while (!LIST_EMPTY(&port->proxied))
		proxied_free(LIST_FIRST(&port->proxied));
}

/* ---- questions ------------------------------------------------------------- */

static bool is_repeated(const struct sa_request *request)
{
	const uint8_t *mad = request->packet->mad;
	const struct proxied *p;

	LIST_FOREACH(p, &request->port->proxied, entry)
	if (mad_tid(p->packet.mad) == mad_tid(mad) &&
	    mad_method(p->packet.mad) == mad_method(mad) &&
	    mad_attribute(p->packet.mad) == mad_attribute(mad))
		return true;
	return false;
}

/* A status, or 0: the SA is asked. */
static uint16_t ask(const struct sa_request *request, const struct proxy *proxy)
{
	struct gsi_port *port = request->port;
	uint8_t mad[VIB_MAD_BYTES];
	struct proxied *p;

	if (is_repeated(request))
		return 0;
	if (port->num_proxied >= MAX_PROXIED)
		return SA_STATUS(NO_RESOURCES);
	sa_request_begin(mad, request->method, proxy->attribute, request->mask);
	put_be32(mad + MAD_AT_MODIFIER, request->modifier);
	memcpy(mad + SA_DATA, request->data, UMAD_LEN_SA_DATA);
	if (proxy->fit && !proxy->fit(port, mad))
		return SA_STATUS(NO_RECORDS);
	p = calloc(1, sizeof(*p));
	if (!p)
		return SA_STATUS(NO_RESOURCES);
	p->port = port;
	p->packet = *request->packet;
	LIST_INSERT_HEAD(&port->proxied, p, entry);
	port->num_proxied++;
	p->query = sa_ask(port->gsi, mad, on_answer, p);
	if (p->query)
		return 0;
	proxied_free(p);
	return SA_STATUS(NO_RESOURCES);
}

/* Between vports it needs nobody: what has no partition on the wire has no other SA. */
static bool is_of_this_host(const struct sa_request *request)
{
	struct path_record path;

	/* By LID none of them is known from the others. */
	if (mad_attribute(request->packet->mad) != UMAD_SA_ATTR_PATH_REC ||
	    !(request->mask & PATH_DGID) || request->mask & (PATH_SLID | PATH_DLID))
		return false;
	path_record_get(&path, request->data);
	return port_by_gid(request->port->gsi, &path.dgid);
}

bool sa_proxy(const struct sa_request *request, struct sa_answer *answer)
{
	uint16_t attribute = mad_attribute(request->packet->mad);
	bool asks = request->method == UMAD_METHOD_GET ||
		    request->method == UMAD_SA_METHOD_GET_TABLE;
	const struct proxy *proxy = find_proxy(attribute);

	/* Services end with who has them, and an SA has them for as long as it likes. */
	if (attribute == UMAD_SA_ATTR_MULTI_PATH_REC ||
	    (attribute == UMAD_SA_ATTR_SERVICE_REC && !asks)) {
		answer->status = UMAD_STATUS_ATTR_NOT_SUPPORTED;
		return true;
	}
	if (!proxy || !asks || is_of_this_host(request) ||
	    (proxy->for_full_members && !port_sees_all(request->port)))
		return false;
	answer->status = ask(request, proxy);
	answer->later = !answer->status;
	/* A table of what may not be known is empty. */
	if (answer->status == SA_STATUS(NO_RECORDS) &&
	    request->method == UMAD_SA_METHOD_GET_TABLE)
		answer->status = 0;
	return true;
}
