// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Regions as those of device memory are, whose addresses count from 0: lengths and
 * offsets that are wrong, grants that many regions have, addresses beyond the end. To the
 * backend device memory is nothing else; where it has an HCA there are none such.
 */

#include "pair.h"

#define PAGES	4
#define RIGHTS	(VIB_ACCESS_LOCAL_WRITE | VIB_ACCESS_REMOTE_WRITE | VIB_ACCESS_ZERO_BASED)
/* Of a good one, that begins and ends within a page. */
#define OFFSET	100
#define LENGTH	(3 * PAGE_SIZE)

static struct vib_cmd_reg_mr good(struct hostile *h, const struct pair *p,
				  struct area *area)
{
	return (struct vib_cmd_reg_mr){
		.iova = OFFSET,
		.length = LENGTH,
		.pd = p->pd,
		.access = RIGHTS,
		.pages = area_pages(h, area),
	};
}

static int reg(struct hostile *h, const struct vib_cmd_reg_mr *cmd, u32 *key)
{
	struct vib_control_request request = { .operation = VIB_CMD_REG_MR,
					       .u.reg_mr = *cmd };

	return command_create(h, &request, key);
}

static int dereg(struct hostile *h, u32 key)
{
	return command_end(h, VIB_CMD_DEREG_MR, key);
}

/* ---- operands ------------------------------------------------------------------------ */

static const struct operands {
	const char *name;
	u64 iova, length;
	u32 pages, access;
	int want;
} operands[] = {
	{ "a page", 0, PAGE_SIZE, 1, RIGHTS, 0 },
	{ "the last byte of a page", 0xfff, 1, 1, RIGHTS, 0 },
	{ "over the end of a page", 0xfff, 2, 2, RIGHTS, 0 },
	{ "all of it", 0, PAGES * PAGE_SIZE, PAGES, RIGHTS, 0 },
	{ "only read", 1, 1, 1, VIB_ACCESS_REMOTE_READ | VIB_ACCESS_ZERO_BASED, 0 },
	{ "no bytes", 0, 0, 1, RIGHTS, -EINVAL },
	{ "nothing at all", 0, 0, 0, RIGHTS, -EINVAL },
	{ "a page too few", 1, PAGE_SIZE, 1, RIGHTS, -EINVAL },
	{ "a page too many", 0, PAGE_SIZE, 2, RIGHTS, -EINVAL },
	{ "an offset of a page", PAGE_SIZE, 1, 1, RIGHTS, -EINVAL },
	{ "an offset of pages", PAGES * PAGE_SIZE, 1, 1, RIGHTS, -EINVAL },
	{ "the last offset", U64_MAX, 1, 1, RIGHTS, -EINVAL },
	{ "an offset and a length that wrap", 0xfff, -0xfffull, 1, RIGHTS, -EINVAL },
	{ "a length that wraps to a page", 0, -0xffeull, 1, RIGHTS, -EINVAL },
	{ "all bytes there are", 0, U64_MAX, 0, RIGHTS, -EINVAL },
	{ "all pages there are", 0, U64_MAX, U32_MAX, RIGHTS, -EINVAL },
	{ "a byte more than may be", 0, (4ull << 30) + 1, 0x100001, RIGHTS, -EINVAL },
	{ "as many pages modulo 2^32", 0, (1ull << 44) + PAGE_SIZE, 1, RIGHTS, -EINVAL },
	{ "written by others alone", 0, PAGE_SIZE, 1,
	  VIB_ACCESS_REMOTE_WRITE | VIB_ACCESS_ZERO_BASED, -EINVAL },
	{ "a right that is none", 0, PAGE_SIZE, 1, RIGHTS | 1 << 6, -EINVAL },
	{ "all rights there are", 0, PAGE_SIZE, 1, U32_MAX, -EINVAL },
};

static void try_operands(struct hostile *h, const struct pair *p,
			 const struct operands *o)
{
	struct vib_cmd_reg_mr cmd = good(h, p, p->shown_area);
	u32 key;

	cmd.iova = o->iova;
	cmd.length = o->length;
	cmd.access = o->access;
	/* One page is its own root. */
	if (o->pages == 1)
		cmd.pages.root = p->shown_area->refs[0];
	cmd.pages.count = o->pages;
	if (expect(h, o->name, p->wired ? -EOPNOTSUPP : o->want, reg(h, &cmd, &key)) &&
	    !p->wired && !o->want)
		expect(h, "DEREG_MR from 0", 0, dereg(h, key));
}

/* What was made does not become another. */
static void try_to_change(struct hostile *h, const struct pair *p)
{
	struct vib_control_request request = { .operation = VIB_CMD_REREG_MR };
	struct vib_cmd_reg_mr cmd = good(h, p, p->shown_area);
	struct vib_control_response response;
	u32 mask, key;

	/* It is of as many pages. */
	cmd.length = p->shown_area->count * PAGE_SIZE - OFFSET;
	if (!expect(h, "REG_MR from 0", p->wired ? -EOPNOTSUPP : 0, reg(h, &cmd, &key)) ||
	    p->wired)
		return;
	for (mask = 0; mask < 16; mask++) {
		request.u.rereg_mr.key = key;
		request.u.rereg_mr.mask = mask;
		request.u.rereg_mr.mr = cmd;
		expect(h, "REREG_MR from 0", -EINVAL, command(h, &request, &response));
		request.u.rereg_mr.mr.access &= ~VIB_ACCESS_ZERO_BASED;
		expect(h, "REREG_MR to an address", -EINVAL,
		       command(h, &request, &response));
	}
	expect(h, "DEREG_MR from 0", 0, dereg(h, key));
	expect(h, "DEREG_MR from 0, again", -EINVAL, dereg(h, key));
	/* Nor does one with an address. */
	request.u.rereg_mr.key = h->world.mrs[MR_ALL].key;
	request.u.rereg_mr.mask = VIB_REREG_ACCESS;
	request.u.rereg_mr.mr.access = RIGHTS;
	expect(h, "REREG_MR to count from 0", -EINVAL, command(h, &request, &response));
}

void attack_dm_operands(struct hostile *h)
{
	struct pair p;
	unsigned int i;

	if (!pair_make(h, &p, VIB_QPF_KERNEL))
		return;
	for (i = 0; i < ARRAY_SIZE(operands) && hostile_goes_on(h); i++)
		try_operands(h, &p, &operands[i]);
	try_to_change(h, &p);
	pair_finish(h, &p);
}

/* ---- addresses ------------------------------------------------------------------------- */

static const struct reach {
	const char *name;
	u64 addr;
	u32 length;
	int want;
} reaches[] = {
	{ "the first bytes", 0, 8, VIB_WC_SUCCESS },
	{ "a page", OFFSET, PAGE_SIZE, VIB_WC_SUCCESS },
	{ "the last bytes", LENGTH - 8, 8, VIB_WC_SUCCESS },
	{ "a byte too far", LENGTH - 7, 8, VIB_WC_REM_ACCESS_ERR },
	{ "behind the end", LENGTH, 8, VIB_WC_REM_ACCESS_ERR },
	{ "the rest of its last page", LENGTH + OFFSET, 8, VIB_WC_REM_ACCESS_ERR },
	{ "the begin of its first page", -(u64)OFFSET, 8, VIB_WC_REM_ACCESS_ERR },
	{ "a byte in front", U64_MAX, 1, VIB_WC_REM_ACCESS_ERR },
	{ "over 2^64", -4ull, 8, VIB_WC_REM_ACCESS_ERR },
	{ "the middle of all", 1ull << 63, 8, VIB_WC_REM_ACCESS_ERR },
};

static void try_reach(struct hostile *h, struct pair *p, const struct reach *r, u32 key)
{
	if (!pair_connect(h, p))
		return;
	if (expect(h, r->name, r->want, pair_write(h, p, r->addr, r->length, key)) &&
	    r->want)
		expect(h, r->name, VIB_QPS_ERR, pair_state(h, p, PAIR_A));
}

/* One in another's PD, one that has ended, and a victim's: by its number no other. */
static void try_others(struct hostile *h, struct pair *p, struct area *area)
{
	static const struct reach none = { "what is none of its", 0, 8,
					   VIB_WC_REM_ACCESS_ERR };
	struct vib_cmd_reg_mr cmd = good(h, p, area);
	u32 key;

	cmd.pd = p->other_pd;
	if (expect(h, "REG_MR from 0", 0, reg(h, &cmd, &key))) {
		try_reach(h, p, &none, key);
		expect(h, "DEREG_MR from 0", 0, dereg(h, key));
		try_reach(h, p, &none, key);
	}
	try_reach(h, p, &none, victim(h, victim_rkey));
}

/* Two of the same grants, as programs make them of device memory: each by itself. */
static void try_two(struct hostile *h, struct pair *p, struct area *area)
{
	struct vib_cmd_reg_mr cmd = good(h, p, area);
	u32 keys[2];
	unsigned int i;

	if (!expect(h, "REG_MR from 0", 0, reg(h, &cmd, &keys[0])))
		return;
	if (expect(h, "REG_MR from 0, again", 0, reg(h, &cmd, &keys[1])))
		expect(h, "DEREG_MR from 0", 0, dereg(h, keys[1]));
	for (i = 0; i < ARRAY_SIZE(reaches) && hostile_goes_on(h); i++)
		try_reach(h, p, &reaches[i], keys[0]);
	expect(h, "DEREG_MR from 0", 0, dereg(h, keys[0]));
}

void attack_dm_reaches(struct hostile *h)
{
	struct area *area = area_new(h, PAGES * PAGE_SIZE, false);
	struct pair p;

	if (!area || !pair_make(h, &p, VIB_QPF_KERNEL))
		return;
	if (p.wired) {
		struct vib_cmd_reg_mr cmd = good(h, &p, area);
		u32 key;

		expect(h, "REG_MR from 0", -EOPNOTSUPP, reg(h, &cmd, &key));
	} else {
		try_two(h, &p, area);
		try_others(h, &p, area);
	}
	pair_finish(h, &p);
}
