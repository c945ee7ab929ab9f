// SPDX-License-Identifier: GPL-2.0-or-later
#include "setup.h"

#include <string.h>

#include "engine/fast.h"

#define CANARY 0xa5

/* ---- objects ----------------------------------------------------------- */

static void make(struct driver *d, const struct move *m)
{
	struct vib_control_response rsp;

	EXPECT(driver_make(d, m, &rsp) == 0);
}

static void make_queues(struct driver *d)
{
	make(d, &(struct move){ .op = VIB_CMD_MAP_DOORBELL });
	make(d, &(struct move){ .op = VIB_CMD_CREATE_EQ });
	make(d, &(struct move){ .op = VIB_CMD_ALLOC_PD });
	/* One with events, one without; 32 entries fill more than a page. */
	make(d, &(struct move){ .op = VIB_CMD_CREATE_CQ, .arg[ARG_ORDER] = 5 });
	make(d, &(struct move){ .op = VIB_CMD_CREATE_CQ,
				.arg[ARG_ORDER] = 4,
				.pick[PICK_EQ] = PICK_NONE });
	make(d, &(struct move){ .op = VIB_CMD_CREATE_SRQ,
				.arg = { [ARG_ORDER] = 2, [ARG_SGE] = 2 } });
	make(d, &(struct move){ .op = VIB_CMD_ALLOC_XRCD });
	make(d, &(struct move){ .op = VIB_CMD_CREATE_SRQ,
				.pick[PICK_CQ] = SETUP_CQ_EVENTS,
				.arg = { [ARG_ORDER] = 2,
					 [ARG_SGE] = 2,
					 [ARG_TYPE] = VIB_SRQT_XRC } });
}

/* Eight SGEs of the large ones are as much as is copied in one pass. */
static uint8_t mr_pages(unsigned int i)
{
	return i % 2 ? 8 : 1;
}

static void make_mrs(struct driver *d)
{
	static const uint8_t access[SETUP_MRS] = {
		VIB_ACCESS_LOCAL_WRITE | VIB_ACCESS_REMOTE_WRITE |
			VIB_ACCESS_REMOTE_READ | VIB_ACCESS_REMOTE_ATOMIC,
		VIB_ACCESS_LOCAL_WRITE | VIB_ACCESS_MW_BIND,
		VIB_ACCESS_REMOTE_READ | VIB_ACCESS_MW_BIND,
		VIB_ACCESS_LOCAL_WRITE | VIB_ACCESS_REMOTE_WRITE,
		VIB_ACCESS_LOCAL_WRITE | VIB_ACCESS_REMOTE_WRITE | VIB_ACCESS_REMOTE_READ,
	};

	for (uint8_t i = 0; i < SETUP_MRS; i++)
		make(d, &(struct move){ .op = VIB_CMD_REG_MR,
					.arg = { [ARG_ORDER] = SETUP_MR_SHORT,
						 [ARG_OFFSET] = SETUP_MR_OFFSET / 13,
						 [ARG_ACCESS] = access[i],
						 [ARG_PAGES] = mr_pages(i) - 1,
						 [ARG_MORE] = i },
					/* The last as of device memory. */
					.at[AT_WINDOW] = i == SETUP_MRS - 1 ? 7 : 0 });
}

/* Of each type; not bound. */
static void make_windows(struct driver *d)
{
	for (uint8_t i = 0; i < SETUP_MWS; i++)
		make(d, &(struct move){ .op = VIB_CMD_ALLOC_MW, .arg[ARG_TYPE] = i % 2 });
	make(d, &(struct move){ .op = VIB_CMD_ALLOC_MR, .arg[ARG_PAGES] = 8 });
}

static void make_dma(struct driver *d)
{
	make(d, &(struct move){
			.op = VIB_CMD_REG_DMA,
			.arg = { [ARG_PAGES] = SETUP_DMA_PAGES - 1, [ARG_MORE] = 1 } });
}

/* RC twice, the second with the SRQ; UC; UD twice, the same; XRC's two; SMI and GSI. The
 * second RC QP and the second UD QP are its kernel's.
 */
static void make_qps(struct driver *d)
{
	static const struct {
		uint8_t type, srq;
	} all[] = {
		{ 0, PICK_NONE }, { 0, 0 },         { 1, PICK_NONE },
		{ 2, PICK_NONE }, { 2, 0 },         { 3, PICK_NONE },
		{ 4, PICK_NONE }, { 5, PICK_NONE }, { 6, PICK_NONE },
	};

	static const uint8_t flags[SETUP_QPS] = { [SETUP_RC] = VIB_QPF_SIG_ALL,
						  [SETUP_RC_SRQ] = VIB_QPF_KERNEL,
						  [SETUP_UD_SRQ] = VIB_QPF_KERNEL };

	for (uint8_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		make(d, &(struct move){ .op = VIB_CMD_CREATE_QP,
					.pick = { [PICK_CQ] = i & 1,
						  [PICK_CQ2] = i >> 1 & 1,
						  [PICK_SRQ] = all[i].srq },
					.arg = { [ARG_ORDER] = 1 | 1 << 2,
						 [ARG_SGE] = 8,
						 [ARG_TYPE] = all[i].type,
						 [ARG_INLINE] = 32,
						 [ARG_FLAGS] = flags[i] } });
}

/* The QP that one is connected to, both by their places. */
static uint8_t other_end(uint8_t qp)
{
	switch (qp) {
	case SETUP_XRC_INI:
		return SETUP_XRC_TGT;
	case SETUP_XRC_TGT:
		return SETUP_XRC_INI;
	default:
		return qp;
	}
}

void setup_bring_up(struct driver *d, unsigned int peer)
{
	for (uint8_t i = 0; i < d->count[QP]; i++)
		driver_bring_up(d,
				&(struct move){ .pick = { i, [PICK_GUEST] = (uint8_t)peer,
							  [PICK_PEER] = other_end(i) },
						.arg = { [ARG_RNR_TIMER] = 1,
							 [ARG_TIMEOUT] = 5,
							 [ARG_RETRIES] = 2 | 3 << 3,
							 [ARG_MORE] = 4 } },
				VIB_QPS_RTS);
}

void setup_bind_windows(struct driver *d)
{
	static const uint8_t access[] = { 7, 15 }; /* all, and ZERO_BASED: fill_bind() */

	for (uint8_t i = 0; i < sizeof(access); i++)
		driver_send(
			d, &(struct move){
				   .op = VIB_OP_BIND_MW,
				   .pick = { [PICK_MR] = 1, [PICK_PEER] = i },
				   .arg = { [ARG_REMOTE] = access[i], [ARG_RING] = 1 } });
	world_pass(8, 0);
}

void setup_register(struct driver *d)
{
	const struct mw *mw;
	uint32_t key;

	driver_send(
		d,
		&(struct move){
			.op = DRIVER_REG_MR,
			.pick = { [PICK_THING] = SETUP_RC_SRQ, [PICK_PEER] = SETUP_FAST },
			.arg = { [ARG_NUM_SGE] = 3, [ARG_REMOTE] = 7, [ARG_RING] = 1 } });
	world_pass(8, 0);
	key = driver_number(d, MW, SETUP_FAST);
	mw = table_get(&d->guest->conn.guest.vhca->mws, key >> MW_KEY_BITS, mw);
	EXPECT(mw && mw->fast && mw->fast->valid && mw->key == key);
}

void setup_guest(struct driver *d, struct world_guest *g, uint32_t qkey)
{
	d->guest = g;
	d->qkey = qkey;
	driver_begin(d);
	d->narrow = true;
	make_queues(d);
	make_mrs(d);
	make_dma(d);
	make_windows(d);
	make_qps(d);
	EXPECT(d->next_page > d->things[MR][0].page); /* no page was taken twice */
}

/* ---- memory ------------------------------------------------------------ */

/* What nobody may write. */
struct hole {
	uint8_t *at;
	size_t size;
	uint8_t byte;
};
static struct hole holes[WORLD_GUESTS * (3 * SETUP_MRS + 1)];
static unsigned int num_holes;

static void add_hole(uint8_t *at, size_t size)
{
	/* Each has its own byte, so that none is filled with another's unnoticed. */
	uint8_t byte = (uint8_t)(CANARY + num_holes);

	holes[num_holes++] = (struct hole){ at, size, byte };
	memset(at, byte, size);
}

void setup_forget_holes(void)
{
	num_holes = 0;
}

/* Around each MR, all of one without the right, and pages of no object. */
void setup_holes(const struct driver *d)
{
	for (unsigned int i = 0; i < SETUP_MRS; i++) {
		uint8_t *at = d->guest->pages[d->things[MR][i].page];
		size_t size = mr_pages(i) * VIB_PAGE_SIZE;

		if (!(d->things[MR][i].access & VIB_ACCESS_LOCAL_WRITE)) {
			add_hole(at, size);
			continue;
		}
		add_hole(at, SETUP_MR_OFFSET);
		add_hole(at + size - SETUP_MR_SHORT, SETUP_MR_SHORT);
	}
	add_hole(d->guest->pages[d->next_page],
		 (size_t)(WORLD_PAGES - d->next_page) * VIB_PAGE_SIZE);
}

void setup_check_holes(void)
{
	/* All bytes are the same if each is what the one before it is. */
	for (const struct hole *h = holes; h < holes + num_holes; h++)
		EXPECT(h->at[0] == h->byte && memcmp(h->at, h->at + 1, h->size - 1) == 0);
}
