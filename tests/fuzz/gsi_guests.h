/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A fabric's GSI and hostile guests on it, for fuzzers: whatever they send and whatever
 * changes meanwhile, what is delivered keeps the rules.
 */
#ifndef XEN_IB_TESTS_FUZZ_GSI_GUESTS_H
#define XEN_IB_TESTS_FUZZ_GSI_GUESTS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

#include "gsi/gsi.h"

#define EXPECT(condition)         \
	do {                      \
		if (!(condition)) \
			abort();  \
	} while (0)

#define GUESTS 4

struct guest {
	struct gsi_port *port; /* NULL: it is not there */
	struct gsi_port_attr attr;
	struct mad_packet last; /* that was delivered to it */
	bool named;             /* its GIDs may be in what anybody sent */
	bool cm_ids[256];       /* that it connects by, their last bytes */
};

extern struct guest guests[GUESTS];

/* A GSI with all guests, and no guest any more. The latter checks that nothing is left.
 */
void guests_begin(void);
void guests_end(void);

void guest_add(unsigned int i);
void guest_remove(unsigned int i);
/* Its connection is over. */
void guest_reset(unsigned int i);
/* Its attr is another. */
void guest_change(unsigned int i);

struct vib_gid guest_gid(unsigned int i);

/* @packet is sent by @i, with the source that an engine fills in. */
void guest_send(unsigned int i, struct mad_packet *packet);
/* A request of @i to the SA of the fabric, without data. */
struct mad_packet guest_asks(unsigned int i, uint8_t method, uint16_t attribute,
			     uint64_t mask);
/* PROCESS_MAD. */
void guest_process(unsigned int i, const uint8_t mad[VIB_MAD_BYTES]);

/* The fabric has a wire, of that MTU; 0: none any more. */
void guests_wire(uint8_t mtu);
struct vib_gid remote_gid_of(unsigned int i);
/* @packet comes in from it. */
void wire_receive(const struct mad_packet *packet);
/* What went out there last; its length is 0 if nothing did. */
extern struct mad_packet wire_last;

/* Time passes. */
void guests_pass(uint64_t ns);

#endif
