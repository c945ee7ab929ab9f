/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a GSI and a port of it are, for its own files. */
#ifndef XEN_IB_IBBACK_GSI_STATE_H
#define XEN_IB_IBBACK_GSI_STATE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include <bsd/sys/tree.h>

#include "engine/timer.h"
#include "gsi/gsi.h"
#include "gsi/limits.h"

/* LIDs from here on name multicast groups (IBTA vol. 1 §4.1.3), up to 0xfffe. */
#define MLID_FIRST       0xc000
#define MLIDS            (0xffff - MLID_FIRST)

/* How many counters PortCounters and PortCountersExtended have. */
#define PMA_COUNTERS     5
#define PMA_COUNTERS_EXT 8

struct group;
struct member;
struct service;
struct subscription;
struct report;
struct rmpp_send;
struct rmpp_receive;

LIST_HEAD(member_list, member);

/* A GID of a port, in the fabric's tree of them. */
struct gid_entry {
	RB_ENTRY(gid_entry) entry;
	struct vib_gid gid;
	struct gsi_port *port; /* NULL: not in the tree */
};

struct gsi_port {
	struct gsi *gsi;
	void *owner;
	struct gsi_port_attr attr;

	LIST_ENTRY(gsi_port) entry;
	RB_ENTRY(gsi_port) by_lid;
	bool has_lid; /* it is in the tree of LIDs */
	struct gid_entry gids[VIB_MAX_GIDS];

	struct member_list members;
	unsigned int num_members;
	LIST_HEAD(, group) created;
	unsigned int num_created;
	LIST_HEAD(, service) services;
	unsigned int num_services;
	LIST_HEAD(, subscription) subscriptions;
	unsigned int num_subscriptions;
	LIST_HEAD(, report) reports;
	unsigned int num_reports;
	LIST_HEAD(, rmpp_send) sends;
	unsigned int num_sends;
	LIST_HEAD(, rmpp_receive) receives;
	unsigned int num_receives;

	struct gsi_port_stats stats;

	/* Counters as they were when a Set cleared them, by their places in pma.c. */
	uint64_t cleared[PMA_COUNTERS], cleared_ext[PMA_COUNTERS_EXT];
};

RB_HEAD(gid_tree, gid_entry);
RB_HEAD(lid_tree, gsi_port);
RB_HEAD(group_tree, group);

struct gsi {
	const struct gsi_ops *ops;
	void *arg;
	struct gsi_config config;
	struct timers timers;

	LIST_HEAD(, gsi_port) ports;
	struct gid_tree gids;
	struct lid_tree lids;

	struct group_tree groups;
	unsigned int num_groups, num_members;
	uint8_t mlids[(MLIDS + 7) / 8]; /* a bit each: taken */
	uint32_t next_mgid;             /* of those that the SA chooses */

	uint16_t holders[0x8000]; /* how many ports have a P_Key, by its lower 15 bits */
	uint32_t next_report;     /* transaction id */
};

static inline uint64_t gsi_now(const struct gsi *gsi)
{
	return gsi->ops->now(gsi->arg);
}

/* Hand @packet to @port. */
void gsi_deliver(struct gsi_port *port, const struct mad_packet *packet);

/* Count what did not reach @port, or came from it. */
void gsi_dropped(struct gsi_port *port, enum gsi_drop why);

#endif
