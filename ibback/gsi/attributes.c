// SPDX-License-Identifier: GPL-2.0-or-later
#include "gsi/attributes.h"

#include "gsi/be.h"
#include "gsi/ports.h"

/* NodeInfo.NodeType: a channel adapter. */
#define NODE_TYPE_CA 1

/* Offsets in NodeInfo, §14.2.5.3 table 133. */
enum {
	NI_BASE_VERSION = 0,
	NI_CLASS_VERSION = 1,
	NI_TYPE = 2,
	NI_PORTS = 3,
	NI_SYSTEM_GUID = 4,
	NI_NODE_GUID = 12,
	NI_PORT_GUID = 20,
	NI_PARTITION_CAP = 28,
	NI_DEVICE_ID = 30,
	NI_REVISION = 32,
	NI_PORT_VENDOR = 36, /* 8 bits of port, 24 of vendor */
};

void node_info(const struct gsi_port *port, uint8_t out[NODE_INFO_SIZE])
{
	const struct gsi_port_attr *a = &port->attr;

	memset(out, 0, NODE_INFO_SIZE);
	out[NI_BASE_VERSION] = 1;
	out[NI_CLASS_VERSION] = 1;
	out[NI_TYPE] = NODE_TYPE_CA;
	out[NI_PORTS] = 1;
	put_be64(out + NI_SYSTEM_GUID, a->node_guid);
	put_be64(out + NI_NODE_GUID, a->node_guid);
	put_be64(out + NI_PORT_GUID, be64toh(a->port.port_guid));
	put_be16(out + NI_PARTITION_CAP, VIB_MAX_PKEYS);
	put_be16(out + NI_DEVICE_ID, a->device_id);
	put_be32(out + NI_REVISION, a->revision);
	put_be32(out + NI_PORT_VENDOR, VIB_PORT << 24 | (a->vendor_id & 0xffffff));
}

void node_desc(const struct gsi_port *port, uint8_t out[NODE_DESC_SIZE])
{
	_Static_assert(sizeof(port->attr.node_desc) == NODE_DESC_SIZE, "as in the MAD");
	memcpy(out, port->attr.node_desc, NODE_DESC_SIZE);
}

/* Offsets in PortInfo, §14.2.5.6 table 136. */
enum {
	PI_PREFIX = 8,
	PI_LID = 16,
	PI_SM_LID = 18,
	PI_CAP_MASK = PORT_INFO_CAP_MASK,
	PI_LOCAL_PORT = 28,
	PI_WIDTH_ENABLED = 29,
	PI_WIDTH_SUPPORTED = 30,
	PI_WIDTH_ACTIVE = 31,
	PI_SPEED_STATE = 32,       /* supported, PortState */
	PI_PHYS_DOWN_DEFAULT = 33, /* PortPhysicalState, LinkDownDefaultState */
	PI_LMC = 34,
	PI_SPEED_ACTIVE_ENABLED = 35,
	PI_MTU_SM_SL = 36, /* NeighborMTU, MasterSMSL */
	PI_VL_CAP = 37,
	PI_MTU_CAP = 41,
	PI_OPERATIONAL_VLS = 43,
	PI_PKEY_VIOLATIONS = 46,
	PI_QKEY_VIOLATIONS = 48,
	PI_GUID_CAP = 50,
	PI_SUBNET_TIMEOUT = 51,
	PI_RESPONSE_TIME = 52,
	PI_SPEED_EXT = 62, /* active, supported */
	PI_SPEED_EXT_ENABLED = 63,
};

#define DOWN_DEFAULT_POLLING 2
/* RespTimeValue: 4.096 us * 2^16, a quarter of a second. */
#define RESPONSE_TIME        16

/* A speed and all below it, as masks of LinkSpeed and LinkSpeedExt have them. */
static uint8_t and_below(uint8_t bit)
{
	return bit ? (uint8_t)(2 * bit - 1) : 0;
}

/*
 * Speeds from FDR on are extended ones, and then LinkSpeedActive is QDR. Verbs'
 * active_speed is LinkSpeedActive up to QDR, and LinkSpeedExtActive * 16 from FDR on.
 */
static void put_speed(const struct vib_port_attr *p, uint8_t *out)
{
	uint8_t ext = p->active_speed >= 16 ? (uint8_t)(p->active_speed >> 4) : 0;
	uint8_t speed = p->active_speed > 4 ? 4 : (uint8_t)p->active_speed;

	out[PI_SPEED_STATE] = (uint8_t)(and_below(speed) << 4 | (p->state & 0xf));
	out[PI_SPEED_ACTIVE_ENABLED] = (uint8_t)(speed << 4 | and_below(speed));
	out[PI_SPEED_EXT] = (uint8_t)(ext << 4 | and_below(ext));
	out[PI_SPEED_EXT_ENABLED] = and_below(ext);
}

static uint16_t at_most_16_bits(uint64_t count)
{
	return count > UINT16_MAX ? UINT16_MAX : (uint16_t)count;
}

static void put_violations(const struct gsi_port *port, uint8_t *out)
{
	struct vib_rsp_counters c = { 0 };

	port->gsi->ops->counters(port->gsi->arg, port->owner, &c);
	put_be16(out + PI_PKEY_VIOLATIONS, at_most_16_bits(c.pkey_violations));
	put_be16(out + PI_QKEY_VIOLATIONS, at_most_16_bits(c.qkey_violations));
}

void port_info(const struct gsi_port *port, uint8_t out[PORT_INFO_SIZE])
{
	const struct vib_port_attr *p = &port->attr.port;

	memset(out, 0, PORT_INFO_SIZE);
	put_be64(out + PI_PREFIX, port->gsi->config.subnet_prefix);
	put_be16(out + PI_LID, p->lid);
	put_be16(out + PI_SM_LID, p->sm_lid);
	put_be32(out + PI_CAP_MASK, p->cap_mask);
	out[PI_LOCAL_PORT] = VIB_PORT;
	out[PI_WIDTH_ENABLED] = and_below(p->active_width);
	out[PI_WIDTH_SUPPORTED] = and_below(p->active_width);
	out[PI_WIDTH_ACTIVE] = p->active_width;
	put_speed(p, out);
	out[PI_PHYS_DOWN_DEFAULT] = (uint8_t)(p->phys_state << 4 | DOWN_DEFAULT_POLLING);
	out[PI_LMC] = p->lmc & 7;
	out[PI_MTU_SM_SL] = (uint8_t)(p->active_mtu << 4 | (p->sm_sl & 0xf));
	out[PI_VL_CAP] = (uint8_t)(p->max_vl_num << 4);
	out[PI_MTU_CAP] = p->max_mtu & 0xf;
	out[PI_OPERATIONAL_VLS] = (uint8_t)(p->max_vl_num << 4);
	put_violations(port, out);
	out[PI_GUID_CAP] = VIB_MAX_GIDS;
	out[PI_SUBNET_TIMEOUT] = p->subnet_timeout & 0x1f;
	out[PI_RESPONSE_TIME] = RESPONSE_TIME;
}

void pkey_block(const struct gsi_port *port, unsigned int block,
		uint8_t out[PKEY_BLOCK_SIZE])
{
	for (unsigned int i = 0; i < PKEYS_PER_BLOCK; i++)
		put_be16(out + 2 * i, port->attr.pkeys[block * PKEYS_PER_BLOCK + i]);
}

void guid_block(const struct gsi_port *port, unsigned int block,
		uint8_t out[GUID_BLOCK_SIZE])
{
	memset(out, 0, GUID_BLOCK_SIZE);
	for (unsigned int i = 0; i < GUIDS_PER_BLOCK; i++) {
		const uint8_t *gid = port->attr.gids[block * GUIDS_PER_BLOCK + i].raw;

		if (be64_at(gid) == port->gsi->config.subnet_prefix)
			memcpy(out + 8 * i, gid + 8, 8);
	}
}

/* Offsets in SMInfo, §14.2.5.13 table 153: its SM_Key and ActCount are 0. */
#define SMI_GUID           0
#define SMI_PRIORITY_STATE 20 /* 4 bits each */
#define SM_STATE_MASTER    3

void sm_info(const struct gsi *gsi, uint8_t out[SM_INFO_SIZE])
{
	struct vib_gid gid = sa_gid(gsi);

	memset(out, 0, SM_INFO_SIZE);
	memcpy(out + SMI_GUID, gid.raw + 8, 8);
	out[SMI_PRIORITY_STATE] = SM_STATE_MASTER;
}
