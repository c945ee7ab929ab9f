/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a GSI and a port of it are, for its own files. */
#ifndef XEN_IB_IBBACK_GSI_STATE_H
#define XEN_IB_IBBACK_GSI_STATE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include <bsd/sys/tree.h>

#include "engine/timer.h"
#include "gsi/lid_turns.h"
#include "gsi/gsi.h"
#include "gsi/limits.h"

/* LIDs from here on name multicast groups (IBTA vol. 1 §4.1.3), up to 0xfffe. */
#define MLID_FIRST       0xc000
#define MLIDS            (0xffff - MLID_FIRST)

/* How many counters PortCounters and PortCountersExtended have. */
#define PMA_COUNTERS     5
#define PMA_COUNTERS_EXT 8

struct group;
struct group_changes;
struct member;
struct service;
struct subscription;
struct report;
struct rmpp_send;
struct rmpp_receive;
struct remote;
struct remote_ref;
struct cm_id;
struct cm_call;
struct connection;
struct farewell;
struct wire_tid;
struct wire_farewell;
struct sa_query;
struct proxied;
struct wire_member;
struct wire_inform;
struct alias_block;

LIST_HEAD(member_list, member);

/* A GID of a port, in the fabric's tree of them. */
struct gid_entry {
	RB_ENTRY(gid_entry) entry;
	struct vib_gid gid;
	struct gsi_port *port; /* NULL: not in the tree */
};

/* Why a vport has a GID beyond the wire: it asked for it, or was called from there. */
enum remote_why { REMOTE_ASKED, REMOTE_CALLED, REMOTE_WHYS };

RB_HEAD(cm_id_tree, cm_id);
RB_HEAD(connection_tree, connection);
RB_HEAD(farewell_tree, farewell);
TAILQ_HEAD(connection_queue, connection);

/* What became of a vport's GUID at the subnet's administrator: alias.h. */
enum alias_state {
	ALIAS_NONE,  /* there is none to ask */
	ALIAS_WAITS, /* for its answer */
	ALIAS_AGAIN, /* the same; it was confirmed before */
	ALIAS_CONFIRMED,
	ALIAS_SHARED, /* the vport has the port's own GID */
	ALIAS_REFUSED,
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

	/* Those that it called for: in one of the queues each, the oldest first. */
	struct connection_tree connections;
	struct connection_queue calling, connected;
	unsigned int num_connections;
	LIST_HEAD(, connection) called; /* those that it answered */
	unsigned int num_called;
	struct farewell_tree farewells_by_id;
	TAILQ_HEAD(, farewell) farewells; /* the oldest first */
	unsigned int num_farewells;

	TAILQ_HEAD(remote_refs, remote_ref) remotes[REMOTE_WHYS]; /* the last used last */
	unsigned int num_remotes[REMOTE_WHYS];

	struct cm_id_tree cm_ids; /* by the guest's id */
	TAILQ_HEAD(, cm_id) cm_ending;
	unsigned int num_cm_ids;
	TAILQ_HEAD(, cm_call) cm_calls; /* the latest last */
	unsigned int num_cm_calls;
	TAILQ_HEAD(, wire_tid) tids; /* the last used last */
	unsigned int num_tids;

	/* Of an InfiniBand wire. */
	LIST_HEAD(, proxied) proxied;
	unsigned int num_proxied;
	enum alias_state alias;
	int alias_slot; /* -1: none */

	/* Trap 144: nobody is told while the timer runs, and of what changed then. */
	struct timer cap_mask_timer;
	bool cap_mask_untold;

	/* Traps 66 and 67 of groups that it made or ended lately; NULL: none. */
	struct group_changes *group_changes;

	struct gsi_port_stats stats;

	/* Counters as they were when a Set cleared them, by their places in pma.c. */
	uint64_t cleared[PMA_COUNTERS], cleared_ext[PMA_COUNTERS_EXT];
};

RB_HEAD(gid_tree, gid_entry);
RB_HEAD(lid_tree, gsi_port);
RB_HEAD(group_tree, group);
RB_HEAD(remote_gid_tree, remote);
RB_HEAD(remote_lid_tree, remote);
RB_HEAD(wire_id_tree, cm_id);
RB_HEAD(wire_tid_tree, wire_tid);
RB_HEAD(wire_farewell_tree, wire_farewell);
RB_HEAD(wire_member_tree, wire_member);

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
	LIST_HEAD(, group_changes) group_changes;

	uint16_t holders[0x8000]; /* how many ports have a P_Key, by its lower 15 bits */
	uint32_t next_report;     /* transaction id */
	uint64_t next_farewell;   /* the same */

	bool has_wire;
	bool proxy; /* its wire is InfiniBand, or was when there was one last */
	struct gsi_wire wire;
	struct gsi_config wanted; /* the configuration without regard to the wire */
	struct gsi_wire_stats wire_stats;
	struct remote_gid_tree remotes_by_gid;
	struct remote_lid_tree remotes_by_lid;
	unsigned int num_remotes, num_remote_refs;
	struct lid_turns lid_turns; /* of theirs */
	struct wire_id_tree wire_ids;
	uint32_t next_wire_id;
	struct wire_tid_tree wire_tids;
	uint32_t next_wire_tid;
	struct wire_farewell_tree wire_farewells_by_id;
	TAILQ_HEAD(, wire_farewell) wire_farewells; /* the oldest first */
	unsigned int num_wire_farewells;

	/* Of an InfiniBand wire, whose administrator is another. */
	LIST_HEAD(, sa_query) queries;
	struct wire_member_tree wire_members;
	LIST_HEAD(, wire_member)
	nameless_members; /* to groups whose MGID the SA chooses */
	LIST_HEAD(, wire_inform) wire_informs;
	struct aliases {
		struct alias_block *blocks;
		unsigned int num_blocks, known; /* the first ones of them */
		struct timer tidy;
		bool unsupported;
	} aliases;
};

/* Is its administrator another, so that this is a proxy of it? */
static inline bool gsi_is_proxy(const struct gsi *gsi)
{
	return gsi->has_wire && gsi->wire.infiniband;
}

static inline uint64_t gsi_now(const struct gsi *gsi)
{
	return gsi->ops->now(gsi->arg);
}

/* Hand @packet to @port. */
void gsi_deliver(struct gsi_port *port, const struct mad_packet *packet);

/* Count what did not reach @port, or came from it. */
void gsi_dropped(struct gsi_port *port, enum gsi_drop why);

#endif
