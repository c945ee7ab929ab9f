/* SPDX-License-Identifier: GPL-2.0-or-later */
/* IBTA vol. 1 §8.3: what stands before the data of a datagram. */
#ifndef XEN_IB_IBBACK_GRH_H
#define XEN_IB_IBBACK_GRH_H

#include <endian.h>
#include <stdint.h>

#include <xen-ib/queue.h>

struct grh {
	__be32 version_tclass_flow;
	__be16 payload_length;
	uint8_t next_header;
	uint8_t hop_limit;
	struct vib_gid sgid;
	struct vib_gid dgid;
};
VIB_ASSERT_SIZE(struct grh, 40);

#define GRH_VERSION     6
#define GRH_NEXT_HEADER 0x1b /* IBA transport */
/* What counts as payload of the GRH besides the data, padded to 4: BTH, DETH and
 * the invariant CRC, and immediate data if there are.
 */
#define BTH_DETH_ICRC   (12 + 8 + 4)
#define IMMDT           4

/*
 * The header of a datagram of @bytes of data and @imm of immediate data to @av, of a port
 * with the table @gids. All zero if @av has none.
 */
static inline struct grh grh_of(const struct vib_av *av, const struct vib_gid *gids,
				uint64_t bytes, unsigned int imm)
{
	uint64_t payload = (bytes + 3) / 4 * 4 + BTH_DETH_ICRC + imm;
	uint32_t word = (uint32_t)GRH_VERSION << 28 | (uint32_t)av->traffic_class << 20 |
			(av->flow_label & 0xfffff);

	if (!(av->flags & VIB_AV_GRH))
		return (struct grh){ 0 };
	return (struct grh){
		.version_tclass_flow = htobe32(word),
		.payload_length = htobe16((uint16_t)payload),
		.next_header = GRH_NEXT_HEADER,
		.hop_limit = av->hop_limit,
		.sgid = gids[av->sgid_index],
		.dgid = av->dgid,
	};
}

#endif
