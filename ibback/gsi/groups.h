/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The multicast groups of a fabric and who is a member (IBTA vol. 1 §10.5, §15.2.5.17).
 * A group lasts as long as it has a full member; a partition's IPoIB broadcast group as
 * long as a port has the P_Key. Subscribers hear of groups that come and go.
 */
#ifndef XEN_IB_IBBACK_GSI_GROUPS_H
#define XEN_IB_IBBACK_GSI_GROUPS_H

#include "gsi/mcm_record.h"
#include "gsi/state.h"

struct group {
	RB_ENTRY(group) entry;
	struct mcm_group attr;
	bool permanent;
	bool foreign;             /* it is of the SA of InfiniBand */
	struct gsi_port *creator; /* whose quota it is of; NULL: nobody's */
	LIST_ENTRY(group) of_creator;
	struct member_list members;
	/* How many of them have each bit of JoinState. */
	unsigned int joined[MCM_JOIN_STATES];
	uint8_t on_wire; /* JoinState of this host's membership there */
};

struct member {
	LIST_ENTRY(member) of_group, of_port;
	struct group *group;
	struct gsi_port *port;
	struct vib_gid gid; /* as which it joined */
	uint8_t join_state;
};

struct group *group_find(struct gsi *gsi, const struct vib_gid *mgid);

/* The first group of a fabric, and the one behind; NULL: no more. */
struct group *group_first(struct gsi *gsi);
struct group *group_next(struct group *group);

/*
 * Make a group of @attr, whose MGID is no other's, on account of @creator; its MLID is
 * chosen. NULL: @creator's quota, MLIDs or memory are used up.
 */
struct group *group_create(struct gsi *gsi, const struct mcm_group *attr,
			   struct gsi_port *creator);

/*
 * The one that the SA of InfiniBand says is @attr, MLID and all, on account of @creator,
 * if it may have made it there. NULL: its quota or memory are used up.
 */
struct group *group_create_foreign(struct gsi *gsi, const struct mcm_group *attr,
				   struct gsi_port *creator);

/* End @group, with all memberships, as @by has it; NULL: the fabric itself. */
void group_destroy(struct gsi *gsi, struct group *group, struct gsi_port *by);

/* An MGID that no group has, as the SA chooses them (§15.2.5.17.2). */
struct vib_gid group_new_mgid(struct gsi *gsi, uint8_t scope);

/* The membership of @port as @gid, or NULL. */
struct member *member_find(struct group *group, const struct gsi_port *port,
			   const struct vib_gid *gid);

/* Add the bits of @join_state to a membership, which may begin with it. NULL: @port's
 * quota or memory are used up.
 */
struct member *member_join(struct group *group, struct gsi_port *port,
			   const struct vib_gid *gid, uint8_t join_state);

/* May @port join @group by the request in @packet, whose record is @record? */
bool mcm_may_join(const struct gsi_port *port, const struct mad_packet *packet,
		  const struct mcm_record *record, const struct group *group);

/* Is @port, by any of its GIDs, a member that receives, and not only sends? */
bool member_receives(const struct group *group, const struct gsi_port *port);

/* Take bits from it; without any it ends, and perhaps the group with it. */
void member_leave(struct member *member, uint8_t join_state);

/* End the memberships of @port that it has no right to, for its GIDs and P_Keys. */
void members_check(struct gsi_port *port);

/* End all memberships of @port, and charge it with no group any more. */
void members_purge(struct gsi_port *port);

/* Have no group any more, as the SA is another; who is a member is told. */
void groups_forget(struct gsi *gsi);

/* The fabric's wire is another: each group's membership there is as it is to be. */
void groups_wire_changed(struct gsi *gsi);

/*
 * @port has, or no longer has, the P_Keys of @pkeys: their broadcast groups begin with
 * the first port and end with the last.
 */
void broadcast_hold(struct gsi *gsi, const uint16_t pkeys[VIB_MAX_PKEYS]);
void broadcast_release(struct gsi *gsi, const uint16_t pkeys[VIB_MAX_PKEYS]);

/* Those of another MTU or rate than the configuration's end and begin again. */
void broadcast_check(struct gsi *gsi);

#endif
