/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Subscribers of a world of the GSI, what they are told, and groups to be told of.
 * Offsets are of IBTA vol. 1 §13.4.8, in InformInfo and in a Notice.
 */
#ifndef XEN_IB_TESTS_GSI_INFORM_WORLD_H
#define XEN_IB_TESTS_GSI_INFORM_WORLD_H

#include "gsi_world.h"

/* The test's. */
extern struct gsi_world w;

enum { SET = 0x02, REPORT = 0x06, DELETE = 0x15 };
enum {
	LID_BEGIN = 16,
	GENERIC = 22,
	SUBSCRIBE = 23,
	TYPE = 24,
	TRAP = 26,
	PRODUCER = 33
};
enum { NOTICE_TRAP = 4, NOTICE_GID = 16 };

/* A request as srp_daemon subscribes to @trap, or no longer does. */
struct mad_packet inform(unsigned int from, bool subscribe, uint16_t trap);
void subscribe(unsigned int from, uint16_t trap);

/* The answer of @from to a Report. */
struct mad_packet respond_to(const struct mad_packet *report, unsigned int from);

/* The next delivery is a Report of that trap to @to, which it answers. */
struct mad_packet take_report(unsigned int to, uint16_t trap);

/* Port @from makes a group of its first P_Key (SET) or leaves it (DELETE). */
void change_group(unsigned int from, uint8_t method, struct vib_gid mgid);

#endif
