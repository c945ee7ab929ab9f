// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Records of the nodes and ports that the requester may know of: NodeRecord,
 * PortInfoRecord, GUIDInfoRecord, P_KeyTableRecord, SMInfoRecord (IBTA vol. 1 §15.2.5).
 * Each begins with a LID.
 */
#include "gsi/attributes.h"
#include "gsi/components.h"
#include "gsi/ports.h"
#include "gsi/sa.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

static bool is_wanted(const struct sa_request *request,
		      const struct component *components, size_t count,
		      const uint8_t *record)
{
	return components_match(components, count, request->mask, request->data, record);
}

static void add(struct sa_answer *answer, const uint8_t *record)
{
	uint8_t *out = sa_add(answer);

	if (out)
		memcpy(out, record, answer->record_size);
}

/* ---- NodeRecord, §15.2.5.2 ------------------------------------------------ */

#define NODE_RECORD_SIZE 112
#define NR_NODE_INFO     4
#define NR_NODE_DESC     (NR_NODE_INFO + NODE_INFO_SIZE)
#define NI(byte)         (8 * (NR_NODE_INFO + (byte)))

static const struct component node_components[] = {
	{ 0, 16 },
	{ 0, 0 },
	{ NI(0), 8 }, /* LID, BaseVersion */
	{ NI(1), 8 },
	{ NI(2), 8 },
	{ NI(3), 8 }, /* ClassVersion, Type, NumPorts */
	{ NI(4), 64 },
	{ NI(12), 64 },
	{ NI(20), 64 }, /* GUIDs */
	{ NI(28), 16 },
	{ NI(30), 16 },
	{ NI(32), 32 }, /* PartitionCap, DeviceID, Revision */
	{ NI(36), 8 },
	{ NI(37), 24 }, /* LocalPortNum, VendorID */
	{ 8 * NR_NODE_DESC, 512 },
};

void sa_node_record(const struct sa_request *request, struct sa_answer *answer)
{
	uint8_t record[NODE_RECORD_SIZE] = { 0 };
	struct gsi_port *port;

	LIST_FOREACH(port, &request->port->gsi->ports, entry)
	{
		if (!port_sees(request->port, port))
			continue;
		put_be16(record, port->attr.port.lid);
		node_info(port, record + NR_NODE_INFO);
		node_desc(port, record + NR_NODE_DESC);
		if (is_wanted(request, node_components, COUNT(node_components), record))
			add(answer, record);
	}
}

/* ---- PortInfoRecord, §15.2.5.3 ---------------------------------------------- */

#define PORT_INFO_RECORD_SIZE 72
#define PIR_PORT              2
#define PIR_PORT_INFO         4
#define PI(byte)              (8 * (PIR_PORT_INFO + (byte)))

/* A bit field of PortInfo: byte, first bit, width. */
#define PI_BITS(byte, bit, width)       \
	{                               \
		PI(byte) + (bit), width \
	}

/* EndportLID, PortNum, Options, and PortInfo's from M_Key on. */
static const struct component port_components[] = {
	{ 0, 16 },          { 8 * PIR_PORT, 8 }, { 0, 0 }, PI_BITS(0, 0, 64), /* M_Key */
	PI_BITS(8, 0, 64),                      /* GidPrefix */
	PI_BITS(16, 0, 16),                     /* LID */
	PI_BITS(18, 0, 16),                     /* MasterSMLID */
	PI_BITS(20, 0, 32),                     /* CapabilityMask */
	PI_BITS(24, 0, 16),                     /* DiagCode */
	PI_BITS(26, 0, 16),                     /* M_KeyLeasePeriod */
	PI_BITS(28, 0, 8),                      /* LocalPortNum */
	PI_BITS(29, 0, 8),                      /* LinkWidthEnabled */
	PI_BITS(30, 0, 8),                      /* LinkWidthSupported */
	PI_BITS(31, 0, 8),                      /* LinkWidthActive */
	PI_BITS(32, 0, 4),                      /* LinkSpeedSupported */
	PI_BITS(32, 4, 4),                      /* PortState */
	PI_BITS(33, 0, 4),                      /* PortPhysicalState */
	PI_BITS(33, 4, 4),                      /* LinkDownDefaultState */
	PI_BITS(34, 0, 2),                      /* M_KeyProtectBits */
	{ 0, 0 },           PI_BITS(34, 5, 3),  /* LMC */
	PI_BITS(35, 0, 4),                      /* LinkSpeedActive */
	PI_BITS(35, 4, 4),                      /* LinkSpeedEnabled */
	PI_BITS(36, 0, 4),                      /* NeighborMTU */
	PI_BITS(36, 4, 4),                      /* MasterSMSL */
	PI_BITS(37, 0, 4),                      /* VLCap */
	PI_BITS(37, 4, 4),                      /* InitType */
	PI_BITS(38, 0, 8),                      /* VLHighLimit */
	PI_BITS(39, 0, 8),                      /* VLArbitrationHighCap */
	PI_BITS(40, 0, 8),                      /* VLArbitrationLowCap */
	PI_BITS(41, 0, 4),                      /* InitTypeReply */
	PI_BITS(41, 4, 4),                      /* MTUCap */
	PI_BITS(42, 0, 3),                      /* VLStallCount */
	PI_BITS(42, 3, 5),                      /* HOQLife */
	PI_BITS(43, 0, 4),                      /* OperationalVLs */
	PI_BITS(43, 4, 1),                      /* PartitionEnforcementInbound */
	PI_BITS(43, 5, 1),                      /* PartitionEnforcementOutbound */
	PI_BITS(43, 6, 1),                      /* FilterRawInbound */
	PI_BITS(43, 7, 1),                      /* FilterRawOutbound */
	PI_BITS(44, 0, 16),                     /* M_KeyViolations */
	PI_BITS(46, 0, 16),                     /* P_KeyViolations */
	PI_BITS(48, 0, 16),                     /* Q_KeyViolations */
	PI_BITS(50, 0, 8),                      /* GUIDCap */
	PI_BITS(51, 0, 1),                      /* ClientReregister */
	{ 0, 0 },           PI_BITS(51, 3, 5),  /* SubnetTimeOut */
	{ 0, 0 },           PI_BITS(52, 3, 5),  /* RespTimeValue */
	PI_BITS(53, 0, 4),                      /* LocalPhyErrors */
	PI_BITS(53, 4, 4),                      /* OverrunErrors */
	PI_BITS(54, 0, 16),                     /* MaxCreditHint */
	{ 0, 0 },           PI_BITS(57, 0, 24), /* LinkRoundTripLatency */
	PI_BITS(60, 0, 16),                     /* CapabilityMask2 */
	PI_BITS(62, 0, 4),                      /* LinkSpeedExtActive */
	PI_BITS(62, 4, 4),                      /* LinkSpeedExtSupported */
	{ 0, 0 },           PI_BITS(63, 3, 5),  /* LinkSpeedExtEnabled */
};
#define PORT_CAP_MASK  (1ull << 7)
/* AttributeModifier: the CapabilityMask's bits are to be there, others may be. */
#define CAP_MASK_MATCH (1u << 31)

static bool port_is_wanted(const struct sa_request *request, const uint8_t *record)
{
	const size_t at = PIR_PORT_INFO + PORT_INFO_CAP_MASK;
	uint32_t wanted = be32_at(request->data + at);
	struct sa_request rest = *request;

	if (!(request->modifier & CAP_MASK_MATCH))
		return is_wanted(request, port_components, COUNT(port_components),
				 record);
	rest.mask &= ~PORT_CAP_MASK;
	return (!(request->mask & PORT_CAP_MASK) ||
		(be32_at(record + at) & wanted) == wanted) &&
	       is_wanted(&rest, port_components, COUNT(port_components), record);
}

void sa_port_info_record(const struct sa_request *request, struct sa_answer *answer)
{
	uint8_t record[PORT_INFO_RECORD_SIZE] = { 0 };
	struct gsi_port *port;

	LIST_FOREACH(port, &request->port->gsi->ports, entry)
	{
		if (!port_sees(request->port, port))
			continue;
		put_be16(record, port->attr.port.lid);
		record[PIR_PORT] = VIB_PORT;
		port_info(port, record + PIR_PORT_INFO);
		if (port_is_wanted(request, record))
			add(answer, record);
	}
}

/* ---- GUIDInfoRecord and P_KeyTableRecord, §15.2.5.9, §15.2.5.11 ------------- */

#define BLOCK_RECORD_SIZE 72
#define BLOCK_DATA        8

static const struct component guid_components[] = { { 0, 16 }, { 16, 8 } };
static const struct component pkey_components[] = { { 0, 16 }, { 16, 16 } };

void sa_guid_info_record(const struct sa_request *request, struct sa_answer *answer)
{
	uint8_t record[BLOCK_RECORD_SIZE] = { 0 };
	struct gsi_port *port;

	LIST_FOREACH(port, &request->port->gsi->ports, entry)
	{
		if (!port_sees(request->port, port))
			continue;
		put_be16(record, port->attr.port.lid);
		for (uint8_t block = 0; block < GUID_BLOCKS; block++) {
			record[2] = block;
			guid_block(port, block, record + BLOCK_DATA);
			if (is_wanted(request, guid_components, COUNT(guid_components),
				      record))
				add(answer, record);
		}
	}
}

/* The requester's own: which partitions others are in tells of partitions it is not in.
 */
void sa_pkey_table_record(const struct sa_request *request, struct sa_answer *answer)
{
	const struct gsi_port *port = request->port;
	uint8_t record[BLOCK_RECORD_SIZE] = { 0 };

	put_be16(record, port->attr.port.lid);
	for (uint16_t block = 0; block < PKEY_BLOCKS; block++) {
		put_be16(record + 2, block);
		pkey_block(port, block, record + BLOCK_DATA);
		if (is_wanted(request, pkey_components, COUNT(pkey_components), record))
			add(answer, record);
	}
}

/* ---- SMInfoRecord, §15.2.5.10 ------------------------------------------------ */

#define SM_INFO_RECORD_SIZE 32
#define SMR_SM_INFO         4
#define SMI(byte)           (8 * (SMR_SM_INFO + (byte)))

static const struct component sm_components[] = {
	{ 0, 16 },          { 0, 0 }, { SMI(0), 64 }, /* GUID */
	{ SMI(8), 64 },                               /* SM_Key */
	{ SMI(16), 32 },                              /* ActCount */
	{ SMI(20), 4 },                               /* Priority */
	{ SMI(20) + 4, 4 },                           /* State */
};

void sa_sm_info_record(const struct sa_request *request, struct sa_answer *answer)
{
	const struct gsi *gsi = request->port->gsi;
	uint8_t record[SM_INFO_RECORD_SIZE] = { 0 };

	put_be16(record, gsi->config.sa_lid);
	sm_info(gsi, record + SMR_SM_INFO);
	if (is_wanted(request, sm_components, COUNT(sm_components), record))
		add(answer, record);
}

/* ---- what there is none of ------------------------------------------------------ */

/*
 * A fabric in memory has no links and no switches; its ports have one VL and none of the
 * tables of several. The tables of such records are empty.
 */
void sa_no_record(const struct sa_request *request, struct sa_answer *answer)
{
	(void)request;
	(void)answer;
}
