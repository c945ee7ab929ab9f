// SPDX-License-Identifier: GPL-2.0-or-later
/* Any bytes as MADs, from any guest to anywhere. */
#include <string.h>

#include "gsi_guests.h"

/* Who sends where, as what; then a MAD. */
struct letter {
	uint8_t from, to, flags, time;
	uint8_t pkey[2];
	uint8_t mad[VIB_MAD_BYTES];
};
_Static_assert(sizeof(struct letter) == 6 + VIB_MAD_BYTES, "a letter has no padding");

static void post(const struct letter *l)
{
	struct mad_packet packet = {
		.qpn = l->flags & 3,
		.dlid = l->to,
		.pkey = (uint16_t)(l->pkey[0] << 8 | l->pkey[1]),
		.grh = l->flags & 4,
		.dgid = guest_gid(l->to % GUESTS),
		.length = l->flags & 8 ? l->time : VIB_MAD_BYTES,
	};

	if (l->flags & 16)
		packet.pkey = guests[l->from % GUESTS].attr.pkeys[0];
	if (l->flags & 32)
		packet.dlid = (uint16_t)(0x10 + l->to % GUESTS);
	memcpy(packet.mad, l->mad, VIB_MAD_BYTES);
	/* GIDs of guests in what is sent: any, so secrets are no question here. */
	for (unsigned int i = 0; i < GUESTS; i++)
		guests[i].named = true;
	if (l->flags & 64)
		guest_process(l->from % GUESTS, l->mad);
	else
		guest_send(l->from % GUESTS, &packet);
	guests_pass((uint64_t)l->time * 10000000);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct letter l;

	guests_begin();
	for (; size >= sizeof(l); data += sizeof(l), size -= sizeof(l)) {
		memcpy(&l, data, sizeof(l));
		post(&l);
	}
	guests_end();
	return 0;
}
