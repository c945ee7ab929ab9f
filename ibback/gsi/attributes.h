/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a port is, as attributes of subnet management (IBTA vol. 1 §14.2.5). SMPs carry
 * them, and records of the SA have them inside.
 */
#ifndef XEN_IB_IBBACK_GSI_ATTRIBUTES_H
#define XEN_IB_IBBACK_GSI_ATTRIBUTES_H

#include "gsi/state.h"

#define NODE_INFO_SIZE     40
#define NODE_DESC_SIZE     64
#define PORT_INFO_SIZE     64
#define PKEY_BLOCK_SIZE    64
#define GUID_BLOCK_SIZE    64
#define SM_INFO_SIZE       24

/* Entries of a block, and how many blocks a port has. */
#define PKEYS_PER_BLOCK    32
#define PKEY_BLOCKS        (VIB_MAX_PKEYS / PKEYS_PER_BLOCK)
#define GUIDS_PER_BLOCK    8
#define GUID_BLOCKS        (VIB_MAX_GIDS / GUIDS_PER_BLOCK)

/* Offsets in PortInfo. */
#define PORT_INFO_CAP_MASK 20

/* Each writes all of @out. A block is below the number of blocks. */
void node_info(const struct gsi_port *port, uint8_t out[NODE_INFO_SIZE]);
void node_desc(const struct gsi_port *port, uint8_t out[NODE_DESC_SIZE]);
void port_info(const struct gsi_port *port, uint8_t out[PORT_INFO_SIZE]);
void pkey_block(const struct gsi_port *port, unsigned int block,
		uint8_t out[PKEY_BLOCK_SIZE]);
/* GUIDs of GIDs with another prefix are 0: there they are no aliases of the port's. */
void guid_block(const struct gsi_port *port, unsigned int block,
		uint8_t out[GUID_BLOCK_SIZE]);
/* Of the fabric's one manager, which is where its administrator is. */
void sm_info(const struct gsi *gsi, uint8_t out[SM_INFO_SIZE]);

#endif
