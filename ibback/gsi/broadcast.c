// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * IPoIB's broadcast groups, ff12:401b:<P_Key>::ffff:ffff (RFC 4391 §4). An interface
 * joins it without the attributes of which one could be made, and all other groups of
 * IPoIB have its attributes.
 */
#include "gsi/groups.h"
#include "gsi/be.h"
#include "gsi/ports.h"

#define SCOPE_LINK_LOCAL 2

static struct vib_gid broadcast_mgid(uint16_t pkey)
{
	struct vib_gid mgid = { .raw = { 0xff, 0x12, 0x40, 0x1b } };

	put_be16(mgid.raw + 4, pkey);
	put_be32(mgid.raw + 12, 0xffffffff);
	return mgid;
}

/* Without MLIDs or memory for it IPoIB of that partition waits: its join fails. */
static void begin(struct gsi *gsi, uint16_t pkey)
{
	const struct mcm_group attr = {
		.mgid = broadcast_mgid(pkey),
		.qkey = gsi->config.ipoib_qkey,
		.mtu = gsi->config.ipoib_mtu,
		.rate = gsi->config.ipoib_rate,
		.life = gsi->config.packet_life,
		.pkey = pkey,
		.scope = SCOPE_LINK_LOCAL,
	};
	struct group *group = NULL;

	if (!gsi->proxy) /* it is the SA's of InfiniBand */
		group = group_create(gsi, &attr, NULL);
	if (group)
		group->permanent = true;
}

static void end(struct gsi *gsi, uint16_t pkey)
{
	struct vib_gid mgid = broadcast_mgid(pkey);
	struct group *group = group_find(gsi, &mgid);

	if (group && group->permanent)
		group_destroy(gsi, group, NULL);
}

void broadcast_check(struct gsi *gsi)
{
	const struct gsi_config *c = &gsi->config;
	struct group *group, *next;
	uint16_t pkey;

	for (group = group_first(gsi); group; group = next) {
		next = group_next(group);
		if (!group->permanent || (group->attr.mtu == c->ipoib_mtu &&
					  group->attr.rate == c->ipoib_rate))
			continue;
		pkey = group->attr.pkey;
		group_destroy(gsi, group, NULL);
		begin(gsi, pkey); /* of the same MGID: @next is behind it */
	}
}

/* True if entry @i is the first of its partition, so that each counts once. */
static bool counts(const uint16_t pkeys[VIB_MAX_PKEYS], unsigned int i)
{
	uint16_t base = pkeys[i] & PKEY_BASE;

	for (unsigned int j = 0; j < i; j++)
		if ((pkeys[j] & PKEY_BASE) == base)
			return false;
	return base != 0;
}

void broadcast_hold(struct gsi *gsi, const uint16_t pkeys[VIB_MAX_PKEYS])
{
	for (unsigned int i = 0; i < VIB_MAX_PKEYS; i++)
		if (counts(pkeys, i) && gsi->holders[pkeys[i] & PKEY_BASE]++ == 0)
			begin(gsi, pkeys[i] | PKEY_FULL);
}

void broadcast_release(struct gsi *gsi, const uint16_t pkeys[VIB_MAX_PKEYS])
{
	for (unsigned int i = 0; i < VIB_MAX_PKEYS; i++)
		if (counts(pkeys, i) && --gsi->holders[pkeys[i] & PKEY_BASE] == 0)
			end(gsi, pkeys[i] | PKEY_FULL);
}
