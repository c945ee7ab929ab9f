// SPDX-License-Identifier: GPL-2.0-or-later
#include "control/vport.h"

#include <endian.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <xen-ib/xenstore.h>

#include "control/nodes.h"
#include "engine/port_view.h"
#include "device_limits.h"

/* IBTA vol. 1 §4.1.1: the default subnet prefix is the link-local one. */
static const uint64_t default_subnet_prefix = 0xfe80000000000000;

struct reading {
	struct xenport *xp;
	const char *dir;
	char value[XENPORT_VALUE_MAX];
	char *why;
	size_t size;
};

static int next(struct reading *r, const char *key)
{
	return node_read_valid(r->xp, r->dir, SCHEMA_BACKEND, key, r->value, r->why,
			       r->size);
}

/* The parsers cannot fail on what schema_check() has passed; if they do, say so. */
static int disagree(struct reading *r, const char *key)
{
	snprintf(r->why, r->size, "%s: not understood", key);
	return -1;
}

static int read_guid(struct reading *r, const char *key, uint64_t *guid)
{
	if (next(r, key) < 0)
		return -1;
	return schema_parse_guid(r->value, guid, NULL) < 0 ? disagree(r, key) : 0;
}

static int read_quota(struct reading *r, const char *key, uint32_t *quota)
{
	uint64_t value;

	if (next(r, key) < 0)
		return -1;
	if (schema_parse_uint(r->value, 0, UINT32_MAX, &value, NULL) < 0)
		return disagree(r, key);
	*quota = (uint32_t)value;
	return 0;
}

static int read_rate(struct reading *r, uint64_t *rate)
{
	if (next(r, VIB_BE_RATE) < 0)
		return -1;
	return schema_parse_rate(r->value, 0, UINT64_MAX, rate, NULL) < 0
		       ? disagree(r, VIB_BE_RATE)
		       : 0;
}

/* Is the node there, which may be absent? */
static bool is_there(struct reading *r, const char *key)
{
	char path[XENPORT_PATH_MAX];

	snprintf(path, sizeof(path), "%s/%s", r->dir, key);
	return xenport_read(r->xp, XENPORT_NO_TRANSACTION, path, r->value,
			    sizeof(r->value)) >= 0 ||
	       errno != ENOENT;
}

static int read_prereg(struct reading *r, uint32_t *pages)
{
	uint64_t bytes;

	*pages = VPORT_PREREG_ANY;
	if (!is_there(r, VIB_BE_PREREG))
		return 0;
	if (next(r, VIB_BE_PREREG) < 0)
		return -1;
	if (schema_parse_size(r->value, 0, UINT32_MAX * (uint64_t)VIB_PAGE_SIZE, &bytes,
			      NULL) < 0)
		return disagree(r, VIB_BE_PREREG);
	if (bytes != SCHEMA_SIZE_ALL)
		*pages = (uint32_t)(bytes / VIB_PAGE_SIZE);
	return 0;
}

static int read_pkeys(struct reading *r, struct vport_attr *attr)
{
	int num;

	if (next(r, VIB_BE_PKEY) < 0)
		return -1;
	num = schema_parse_pkeys(r->value, attr->pkeys, VIB_MAX_PKEYS, NULL);
	if (num < 0)
		return disagree(r, VIB_BE_PKEY);
	attr->num_pkeys = (size_t)num;
	return 0;
}

/* GID 0 from the port GUID, then those of the node, which may be absent. */
static int read_gids(struct reading *r, struct vport_attr *attr)
{
	uint64_t prefix = htobe64(default_subnet_prefix);
	uint64_t guid = htobe64(attr->port_guid);
	uint8_t(*raw)[16];
	int num;

	memcpy(attr->gids[0].raw, &prefix, 8);
	memcpy(attr->gids[0].raw + 8, &guid, 8);
	attr->num_gids = 1;

	if (!is_there(r, VIB_BE_GID))
		return 0;
	if (next(r, VIB_BE_GID) < 0)
		return -1;
	/* struct vib_gid is its 16 bytes and nothing else. */
	raw = (uint8_t(*)[16])attr->gids;
	num = schema_parse_gids(r->value, &raw[1], VIB_MAX_GIDS - 1, NULL);
	if (num < 0)
		return disagree(r, VIB_BE_GID);
	attr->num_gids += (size_t)num;
	return 0;
}

static int read_link(struct reading *r, enum vport_link *link)
{
	if (next(r, VIB_BE_LINK) < 0)
		return -1;
	if (strcmp(r->value, "up") == 0)
		*link = VPORT_LINK_UP;
	else if (strcmp(r->value, "down") == 0)
		*link = VPORT_LINK_DOWN;
	else
		*link = VPORT_LINK_AUTO;
	return 0;
}

static int read_names(struct reading *r, struct vport_attr *attr)
{
	char path[XENPORT_PATH_MAX];

	/* For people only: what cannot be read is left empty. */
	snprintf(path, sizeof(path), "%s/%s", r->dir, VIB_BE_DOMAIN);
	if (xenport_read(r->xp, XENPORT_NO_TRANSACTION, path, attr->domain,
			 sizeof(attr->domain)) < 0)
		attr->domain[0] = '\0';

	if (next(r, VIB_BE_FABRIC) < 0)
		return -1;
	snprintf(attr->fabric, sizeof(attr->fabric), "%.*s", FABRIC_NAME_MAX - 1,
		 r->value);
	return 0;
}

int vport_attr_read(struct xenport *xp, const char *dir, struct vport_attr *attr,
		    char *why, size_t size)
{
	struct reading r = { .xp = xp, .dir = dir, .why = why, .size = size };

	memset(attr, 0, sizeof(*attr));
	if (read_names(&r, attr) < 0 ||
	    read_guid(&r, VIB_BE_NODE_GUID, &attr->node_guid) < 0 ||
	    read_guid(&r, VIB_BE_PORT_GUID, &attr->port_guid) < 0 ||
	    read_gids(&r, attr) < 0 || read_pkeys(&r, attr) < 0 ||
	    read_link(&r, &attr->link) < 0 || read_rate(&r, &attr->rate) < 0 ||
	    read_quota(&r, VIB_BE_MAX_QP, &attr->max_qp) < 0 ||
	    read_quota(&r, VIB_BE_MAX_CQ, &attr->max_cq) < 0 ||
	    read_quota(&r, VIB_BE_MAX_MR, &attr->max_mr) < 0 ||
	    read_quota(&r, VIB_BE_MAX_PD, &attr->max_pd) < 0 ||
	    read_quota(&r, VIB_BE_MAX_SRQ, &attr->max_srq) < 0 ||
	    read_quota(&r, VIB_BE_MAX_AH, &attr->max_ah) < 0 ||
	    read_quota(&r, VIB_BE_MAX_MEM, &attr->max_mem) < 0 ||
	    read_prereg(&r, &attr->prereg) < 0)
		return -1;
	return 0;
}

const char *vport_attr_fixed(const struct vport_attr *a, const struct vport_attr *b)
{
	const struct {
		const char *key;
		bool differs;
	} fixed[] = {
		{ VIB_BE_FABRIC, strcmp(a->fabric, b->fabric) != 0 },
		{ VIB_BE_NODE_GUID, a->node_guid != b->node_guid },
		{ VIB_BE_PORT_GUID, a->port_guid != b->port_guid },
		{ VIB_BE_PREREG, a->prereg != b->prereg },
	};

	for (size_t i = 0; i < sizeof(fixed) / sizeof(fixed[0]); i++)
		if (fixed[i].differs)
			return fixed[i].key;
	return NULL;
}

static bool quotas_differ(const struct vport_attr *a, const struct vport_attr *b)
{
	return a->max_qp != b->max_qp || a->max_cq != b->max_cq ||
	       a->max_mr != b->max_mr || a->max_pd != b->max_pd ||
	       a->max_srq != b->max_srq || a->max_ah != b->max_ah ||
	       a->max_mem != b->max_mem;
}

unsigned int vport_attr_diff(const struct vport_attr *a, const struct vport_attr *b)
{
	unsigned int changed = 0;

	if (a->link != b->link)
		changed |= VPORT_CHANGED_PORT;
	if (memcmp(a->gids, b->gids, sizeof(a->gids)) != 0)
		changed |= VPORT_CHANGED_GID;
	if (memcmp(a->pkeys, b->pkeys, sizeof(a->pkeys)) != 0)
		changed |= VPORT_CHANGED_PKEY;
	if (a->rate != b->rate)
		changed |= VPORT_CHANGED_RATE;
	if (quotas_differ(a, b))
		changed |= VPORT_CHANGED_QUOTA;
	if (vport_attr_fixed(a, b))
		changed |= VPORT_CHANGED_FIXED;
	return changed;
}

/* Bytes of the MTU in force: of a wire, its own, as it was seen last. */
static uint32_t mtu_of(const struct vport *vport)
{
	return vport->fabric && vport->fabric->mtu ? vport->fabric->mtu : ACTIVE_MTU;
}

/* PortInfo's code of it: 1 is 256 bytes. */
static uint8_t mtu_code(uint32_t bytes)
{
	return (uint8_t)(__builtin_ctz(bytes) - 7);
}

void vport_port_attr(const struct vport *vport, struct vib_port_attr *attr)
{
	bool up = vport_link_is_up(vport);

	*attr = (struct vib_port_attr){
		.port_guid = htobe64(vport->attr.port_guid),
		.state = up ? VIB_PORT_ACTIVE : VIB_PORT_DOWN,
		.phys_state = up ? VIB_PHYS_LINK_UP : VIB_PHYS_DISABLED,
		.max_mtu = MTU_4096,
		.active_mtu = mtu_code(mtu_of(vport)),
		.lid = vport->lid,
		.cap_mask = PORT_CAPS | vport->added_caps,
		.sm_lid = vport->on_wire.is ? vport->on_wire.sm_lid : LID_SA,
		.sm_sl = vport->on_wire.sm_sl,
		.max_vl_num = 1,
		.subnet_timeout = SUBNET_TIMEOUT,
		.active_width = WIDTH_4X,
		.active_speed = SPEED_EDR,
		.gid_tbl_len = VIB_MAX_GIDS,
		.pkey_tbl_len = VIB_MAX_PKEYS,
		.max_msg_sz = MAX_MESSAGE_SIZE,
	};
}

void vport_view(const struct vport *vport, struct port_view *view)
{
	*view = (struct port_view){
		.fabric = vport->fabric,
		.up = vport_link_is_up(vport),
		.cut = vport->attr.link == VPORT_LINK_DOWN,
		.lid = vport->lid,
		.mtu = mtu_of(vport),
	};
	vport_gids(vport, view->gids);
	memcpy(view->pkeys, vport->attr.pkeys, sizeof(view->pkeys));
}
