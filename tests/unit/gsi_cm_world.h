/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Messages of CM between vports of a world of the GSI and peers on its wire. Offsets are
 * of IBTA vol. 1 §12.6 to §12.11, counted from the beginning of the MAD.
 */
#ifndef XEN_IB_TESTS_GSI_CM_WORLD_H
#define XEN_IB_TESTS_GSI_CM_WORLD_H

#include "gsi_world.h"

/* The test's. */
extern struct gsi_world w;

enum { REQ = 0x10, MRA, REJ, REP, RTU, DREQ, DREP, SIDR_REQ, SIDR_REP, LAP, APR };
enum { LOCAL = 24, REMOTE = 28, REASON = 34, TID = 8 };
enum { CA_GUID_OF_REQ = 40, CA_GUID_OF_REP = 52, CA_GUID_OF_REJ = 36 };
enum { TIMEOUT = 4, CONSUMER = 28 };

/* Of vport @from to remote @peer. */
struct mad_packet out(unsigned int from, unsigned int peer, uint16_t attribute,
		      uint32_t local, uint32_t remote);
/* Of remote @peer to vport @to. */
struct mad_packet in(unsigned int peer, unsigned int to, uint16_t attribute,
		     uint32_t local, uint32_t remote);

/* The same when it has passed the wire; it does. */
struct mad_packet passes_out(unsigned int from, const struct mad_packet *packet);
struct mad_packet passes_in(unsigned int to, const struct mad_packet *packet);

uint32_t id_of(const struct mad_packet *packet, size_t at);
/* Vport @from calls remote 9 with its id @guest: the id on the wire. */
uint32_t call_out(unsigned int from, uint32_t guest);
struct mad_packet rej(struct mad_packet packet, uint16_t reason);

/* The world has 3 vports and an InfiniBand wire. */
int begin_infiniband(void **state);

#define TEST_INFINIBAND(name) world_test(name, begin_infiniband, &w)
#define TEST(name)            world_test(name, world_with_wire, &w)

#endif
