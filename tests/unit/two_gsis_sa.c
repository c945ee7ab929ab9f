// SPDX-License-Identifier: GPL-2.0-or-later
#include "two_gsis_sa.h"

#include <infiniband/umad_sa.h>

#include "control/subnets.h"
#include "control/vib.h"

static void end_subnets(struct world *w)
{
	subnets_stop(w->gsi);
}

struct mad_taker *begin_subnets(struct world *w)
{
	w->gsi = subnets_start(&w->fabrics, w->engine, &w->loop);
	assert_non_null(w->gsi);
	w->end_gsi = end_subnets;
	return subnets_taker(w->gsi);
}

uint64_t new_mad(uint8_t mad[VIB_MAD_BYTES], uint8_t mgmt_class, uint8_t method,
		 uint16_t attribute)
{
	static uint64_t next_tid = 0x1000;

	memset(mad, 0, VIB_MAD_BYTES);
	mad[0] = 1;
	mad[1] = mgmt_class;
	mad[2] = 2;
	mad[3] = method;
	put_be64(mad + MAD_AT_TID, ++next_tid);
	put_be16(mad + MAD_AT_ATTRIBUTE, attribute);
	return next_tid;
}

void ask_sa(struct its_gsi *g, uint8_t mad[VIB_MAD_BYTES])
{
	uint64_t tid = mad_tid(mad);

	its_gsi_post(g);
	its_gsi_send(g, mad, SA_LID);
	fake_loop(g->p->w->xen);
	passes(g->p->w);
	assert_true(its_gsi_take(g, mad));
	assert_true(mad_tid(mad) == tid);
	assert_int_equal(mad_status(mad), 0);
}

const uint8_t broadcast[16] = { 0xff, 0x12,        0x40, 0x1b, 0xff,
				0xff, [12] = 0xff, 0xff, 0xff, 0xff };

void join_broadcast(struct its_gsi *g, uint8_t method, uint8_t join_state)
{
	uint8_t mad[VIB_MAD_BYTES];

	new_mad(mad, UMAD_CLASS_SUBN_ADM, method, UMAD_SA_ATTR_MCMEMBER_REC);
	put_be64(mad + SA_MASK, 1 << 0 | 1 << 1 | 1 << 16);
	memcpy(mad + SA_DATA, broadcast, sizeof(broadcast));
	memcpy(mad + SA_DATA + 16, &vib_of(g->p)->vport.attr.gids[0], 16);
	mad[SA_DATA + 48] = join_state;
	ask_sa(g, mad);
}
