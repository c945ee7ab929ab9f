// SPDX-License-Identifier: GPL-2.0-or-later
#include "gsi/smp.h"

#include <infiniband/umad_sm.h>

#include "gsi/attributes.h"
#include "gsi/mad.h"

#define SMP_CLASS_VERSION 1
#define SMP_HOP_COUNT     offsetof(struct umad_smp, hop_cnt)
#define SMP_MKEY          offsetof(struct umad_smp, mkey)
#define SMP_DATA          offsetof(struct umad_smp, data)
#define SMP_INITIAL_PATH  offsetof(struct umad_smp, initial_path)

static uint16_t get_port_info(const struct gsi_port *port, uint32_t modifier,
			      uint8_t *out)
{
	/* §14.2.5.6: 0 is the port that received it; the upper bits are options. */
	uint8_t number = modifier & 0xff;

	if (number != 0 && number != VIB_PORT)
		return UMAD_STATUS_INVALID_ATTR_VALUE;
	port_info(port, out);
	return 0;
}

/* Blocks are counted in the lower 16 bits; the upper ones are a switch's port. */
static uint16_t
get_block(const struct gsi_port *port, uint32_t modifier, unsigned int blocks,
	  void (*put)(const struct gsi_port *port, unsigned int block, uint8_t *out),
	  uint8_t *out)
{
	uint16_t block = modifier & 0xffff;

	if (block >= blocks)
		return UMAD_STATUS_INVALID_ATTR_VALUE;
	put(port, block, out);
	return 0;
}

static uint16_t get(const struct gsi_port *port, const uint8_t *in, uint8_t *out)
{
	uint32_t modifier = mad_modifier(in);

	switch (mad_attribute(in)) {
	case UMAD_SM_ATTR_NODE_DESC:
		node_desc(port, out);
		return 0;
	case UMAD_SM_ATTR_NODE_INFO:
		node_info(port, out);
		return 0;
	case UMAD_SM_ATTR_PORT_INFO:
		return get_port_info(port, modifier, out);
	case UMAD_SM_ATTR_PKEY_TABLE:
		return get_block(port, modifier, PKEY_BLOCKS, pkey_block, out);
	case UMAD_SM_ATTR_GUID_INFO:
		return get_block(port, modifier, GUID_BLOCKS, guid_block, out);
	default:
		return UMAD_STATUS_ATTR_NOT_SUPPORTED;
	}
}

/* All is as it came but for method, M_Key, which is 0 (§14.2.4), data and status. */
static void begin_answer(const uint8_t *in, uint8_t *out)
{
	memcpy(out, in, SMP_DATA);
	memcpy(out + SMP_INITIAL_PATH, in + SMP_INITIAL_PATH,
	       VIB_MAD_BYTES - SMP_INITIAL_PATH);
	mad_set_method(out, UMAD_METHOD_GET_RESP);
	put_be64(out + SMP_MKEY, 0);
}

bool smp_answer(const struct gsi_port *port, const uint8_t *in, uint8_t *out)
{
	bool directed = mad_class(in) == UMAD_CLASS_SUBN_DIRECTED_ROUTE;
	uint16_t status;

	if (!directed && mad_class(in) != UMAD_CLASS_SUBN_LID_ROUTED)
		return false;
	/* §14.2.2.1: a route with hops leaves by the port, behind which is nobody. */
	if (directed && in[SMP_HOP_COUNT] != 0)
		return false;
	if (mad_method(in) != UMAD_METHOD_GET)
		return false;

	begin_answer(in, out);
	status = mad_class_version(in) == SMP_CLASS_VERSION
			 ? get(port, in, out + SMP_DATA)
			 : UMAD_STATUS_BAD_VERSION;
	/* §14.2.1.2: the D bit says that it is on the way back. */
	mad_set_status(out, directed ? status | UMAD_SMP_DIRECTION : status);
	return true;
}

bool smp_manager_answer(const struct gsi *gsi, const uint8_t *in, uint8_t *out)
{
	if (mad_class(in) != UMAD_CLASS_SUBN_LID_ROUTED ||
	    mad_class_version(in) != SMP_CLASS_VERSION ||
	    mad_method(in) != UMAD_METHOD_GET ||
	    mad_attribute(in) != UMAD_SM_ATTR_SM_INFO)
		return false;
	begin_answer(in, out);
	sm_info(gsi, out + SMP_DATA);
	mad_set_status(out, 0);
	return true;
}
