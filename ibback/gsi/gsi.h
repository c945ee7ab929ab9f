/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The general services of a fabric: what its vports' QP0 and QP1 send is passed on,
 * answered or dropped. A vport's own port answers subnet management and performance
 * management, and the fabric's subnet administrator (SA) all that IPoIB, the connection
 * manager and the usual tools ask. A fabric may have a wire, and communication management
 * then goes out and comes in. On RoCE the SA has paths to any GID of the subnet; on
 * InfiniBand there is one already, and this is its proxy.
 *
 * Everything here is the control thread's. Guests are hostile, and so is what comes from
 * the wire: all of it is checked, and each guest has quotas (limits.h).
 */
#ifndef XEN_IB_IBBACK_GSI_H
#define XEN_IB_IBBACK_GSI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <xen-ib/object.h>
#include <xen-ib/port.h>

#include "engine/mad_packet.h"

struct gsi;
struct gsi_port;

/* Why a MAD went no further. */
enum gsi_drop {
	GSI_DROP_MALFORMED = 1, /* length, base version or QP */
	GSI_DROP_LINK_DOWN,     /* of the sender or of the receiver */
	GSI_DROP_SOURCE,        /* a source LID that is not the sender's */
	GSI_DROP_SGID,          /* a source GID that is not */
	GSI_DROP_PKEY,          /* not of the sender's table */
	GSI_DROP_PARTITION,     /* its own, but not for the receiver */
	GSI_DROP_NO_PORT,       /* nobody at that address */
	GSI_DROP_CLASS,         /* a class or method that does not pass between vports */
	GSI_DROP_SMP,           /* to another port, or nothing that a port answers */
	GSI_DROP_GRH,           /* on an SMP, which has none */
	GSI_DROP_CM_FORGED, /* a CM message that names another's addresses as its own */
	GSI_DROP_SA_CLAIM,  /* a vport that answers as if it were the SA */
	GSI_DROP_RMPP,      /* against the rules of RMPP */
	GSI_DROP_TID,       /* of a transaction that is none of the sender's */
	GSI_DROP_NO_MEMORY,
	GSI_DROP_NO_WIRE,     /* for the wire, to which nothing goes now */
	GSI_DROP_WIRE_CLASS,  /* a class or attribute that does not pass to the wire */
	GSI_DROP_NO_GRH,      /* from the wire, without a GRH */
	GSI_DROP_CM_ID,       /* a communication id that is none of the sender's */
	GSI_DROP_CM_IDS,      /* one too many of them */
	GSI_DROP_UNREACHABLE, /* the wire does not take it: nobody there answers */
	GSI_DROPS             /* how many there are, and the unused 0 */
};

/* A word for programs, and what log lines say. */
const char *gsi_drop_name(enum gsi_drop why);
const char *gsi_drop_text(enum gsi_drop why);

/* How a vport is addressed on an InfiniBand wire. */
enum gsi_addressed {
	GSI_ADDRESSED_NOT_YET, /* the subnet's administrator is asked */
	GSI_ADDRESSED_ALIAS,   /* by its own GUID, which that has confirmed */
	GSI_ADDRESSED_SHARED,  /* by the port's own GID */
	GSI_ADDRESSED_DENIED,  /* that has refused its GUID, and is asked again */
	GSI_ADDRESSED_NEVER,   /* there is no place for its GUID, and it may not share */
};

/* Which of them may be. */
enum gsi_addressing { GSI_ADDRESSING_AUTO, GSI_ADDRESSING_ALIAS, GSI_ADDRESSING_SHARED };

/* What is called back; @port is what gsi_port_add() was given. None of them may call
 * the GSI again.
 */
struct gsi_ops {
	/* Put @packet into QP @packet->qpn of a vport. P_Keys match; see pkeys.h for
	 * the receiver's entry.
	 */
	void (*deliver)(void *arg, void *port, const struct mad_packet *packet);
	/* Something that a vport sent, or that was to be sent to it, was dropped. */
	void (*dropped)(void *arg, void *port, enum gsi_drop why);
	/* To a vport came what GSI_DROP_PARTITION is about. */
	void (*pkey_violation)(void *arg, void *port);
	/* There is a multicast group @mgid now, without members; with @pkey 0 no more. */
	void (*group)(void *arg, const struct vib_gid *mgid, uint16_t pkey);
	/* A vport receives what is sent to that group, or no more. */
	void (*joined)(void *arg, void *port, const struct vib_gid *mgid, bool joined);
	/* The counters of a vport. */
	void (*counters)(void *arg, void *port, struct vib_rsp_counters *counters);
	/* Nanoseconds, CLOCK_MONOTONIC. */
	uint64_t (*now)(void *arg);

	/* The rest is for fabrics that have a wire, and NULL where none ever has. */

	/* @packet of a vport, with a GRH, goes out by the wire. 0, or why it does not. */
	enum gsi_drop (*to_wire)(void *arg, void *port, const struct mad_packet *packet);
	/*
	 * This host's membership in @mgid on the wire is now of the bits of @join_state
	 * (UMAD_SA_MCM_JOIN_STATE_*): those that any vport has; 0: it has none. False:
	 * it is as before, and this is called again when somebody joins or leaves, and
	 * by gsi_wire_room().
	 */
	bool (*wire_join)(void *arg, const struct vib_gid *mgid, uint8_t join_state);
	/* What came from the wire was dropped. */
	void (*wire_dropped)(void *arg, enum gsi_drop why);

	/* And these for an InfiniBand wire, and else never called. */

	/*
	 * @mad, of class SubnAdm and all but the TID's upper half as it is to be, goes to
	 * the subnet's administrator. false: it does not, now.
	 */
	bool (*to_sa)(void *arg, const uint8_t mad[VIB_MAD_BYTES]);
	/* How a vport is addressed on the wire from now on. */
	void (*addressed)(void *arg, void *port, enum gsi_addressed how);
	/* The subnet lost what a vport had registered: its guest is to do it anew. */
	void (*forgotten)(void *arg, void *port);
};

struct gsi_config {
	uint16_t sa_lid;        /* where the SA answers, beside its well-known GID */
	uint64_t subnet_prefix; /* host order */
	/*
	 * Of every partition's IPoIB broadcast group, and so of all IPoIB. A join states
	 * no attributes (RFC 4391 §5), so the group is there beforehand.
	 */
	uint8_t ipoib_mtu;  /* 1…5: 256…4096 bytes */
	uint8_t ipoib_rate; /* IBTA vol. 1 §15.2.5.16 table; no more than any port's */
	uint32_t ipoib_qkey;
	uint8_t packet_life; /* of every path: 4.096 us * 2^n */
	/*
	 * Where numbers begin that are not to be those of before, or of another host. Who
	 * is told some is not to tell others by them.
	 */
	struct gsi_seeds {
		uint32_t mgid, wire_id, wire_tid;
	} seeds;
};

/*
 * As ibback runs it. The MTU is 4096: every packet of the fabric is a copy in memory
 * and costs the same whatever its size, so fewer are better, and no guest's port has
 * less. Guests allocate IPoIB's receive buffers by their port's MTU, not the group's.
 * The Q_Key and the packet lifetime are OpenSM's, which ULPs are used to.
 */
extern const struct gsi_config gsi_default_config;

/* What a vport is. */
struct gsi_port_attr {
	struct vib_port_attr port; /* as QUERY_PORT answers it; ACTIVE is up */
	uint64_t node_guid;        /* host order */
	uint32_t vendor_id;
	uint16_t device_id;
	uint32_t revision;
	char node_desc[64];                /* for people; need not end with a zero */
	struct vib_gid gids[VIB_MAX_GIDS]; /* zero where there is none */
	uint16_t pkeys[VIB_MAX_PKEYS];     /* the same */
};

/* @ops is kept; @config is copied, NULL is the default. NULL and errno (ENOMEM). */
struct gsi *gsi_new(const struct gsi_ops *ops, void *arg,
		    const struct gsi_config *config);

/* All ports are gone. NULL is harmless. */
void gsi_free(struct gsi *gsi);

/*
 * A vport that is attached; its LID and its GIDs are no other's. @owner is handed to
 * the callbacks. NULL and errno (ENOMEM). Subscribers hear of it if it is up.
 */
struct gsi_port *gsi_port_add(struct gsi *gsi, const struct gsi_port_attr *attr,
			      void *owner);

/* Anything of it changed: what it has at the SA and has no right to any more ends. */
void gsi_port_change(struct gsi_port *port, const struct gsi_port_attr *attr);

/*
 * Its guest is no longer connected: what it has at the SA ends, as if it had been down,
 * and whom it had connections to is told that these have ended.
 */
void gsi_port_reset(struct gsi_port *port);

/* It is gone, with all that it has at the SA; after a reset, if others are to be told of
 * connections.
 */
void gsi_port_remove(struct gsi_port *port);

/*
 * The P_Key of multicast group @mgid, 0 if there is none, and whether @port receives
 * what is sent to it: changes of either are called back.
 */
uint16_t gsi_group(const struct gsi_port *port, const struct vib_gid *mgid, bool *joined);

/*
 * Does only who has joined receive what is sent to @mgid? Not if whoever creates a group
 * could thereby silence others, who attach QPs to an MGID of their own: so it is one with
 * a P_Key in it, or one that the SA chose.
 */
bool gsi_asks_for_joins(const struct vib_gid *mgid);

/* @packet, a copy, was sent by QP @packet->qpn of @from. */
void gsi_receive(struct gsi_port *from, const struct mad_packet *packet);

/*
 * PROCESS_MAD: what @port itself answers to @in. true if there is an answer, in @out,
 * which is then all written.
 */
bool gsi_process(struct gsi_port *port, const uint8_t in[VIB_MAD_BYTES],
		 uint8_t out[VIB_MAD_BYTES]);

/* P_Keys that an HCA's port has, at most; more are not used. */
#define GSI_WIRE_PKEYS 128

/* What a fabric's wire is. */
struct gsi_wire {
	bool infiniband;                /* else RoCE */
	bool cm;                        /* communication management passes */
	uint8_t mtu;                    /* of its port, 1…5: 256…4096 bytes */
	uint8_t active_width;           /* of its port, as in vib_port_attr */
	uint16_t active_speed;          /* the same */
	uint16_t pkeys[GSI_WIRE_PKEYS]; /* of its port; zero where there is none */

	/* Of InfiniBand. */
	uint16_t lid, sm_lid;
	struct vib_gid gid; /* the port's own */
	unsigned int guids; /* that its table has room for, its own included */
	enum gsi_addressing addressing;
};

/*
 * The fabric has a wire that is like @wire now; NULL: none any more. On RoCE IPoIB's
 * groups have no more than its MTU and rate: where that changes them they begin anew. On
 * InfiniBand the SA is the subnet's, of which this is a proxy; another LID of it or of
 * the port is as gsi_reregister(). The ops for a wire are all there.
 */
void gsi_set_wire(struct gsi *gsi, const struct gsi_wire *wire);

/* The subnet's manager has forgotten what ports of InfiniBand had registered. */
void gsi_reregister(struct gsi *gsi);

/*
 * @mad, @length bytes of it, came from the subnet's administrator, or says so: an answer,
 * of a table all of it behind one header, or a Report.
 */
void gsi_from_sa(struct gsi *gsi, const uint8_t *mad, size_t length);

/* What wire_join() has refused may be tried again. */
void gsi_wire_room(struct gsi *gsi);

/*
 * @packet, a copy, came in from the wire: P_Key and GIDs are what it said, and its LIDs
 * do not count.
 */
void gsi_from_wire(struct gsi *gsi, const struct mad_packet *packet);

/* What to_wire() took from @port is lost after all. */
void gsi_wire_lost(struct gsi_port *port, enum gsi_drop why);

/*
 * The GID beyond the wire that @lid stands for: false if it stands for none. A vport may
 * have come to have that GID since.
 */
bool gsi_lid_to_gid(const struct gsi *gsi, uint16_t lid, struct vib_gid *gid);

/* Do what is due: retransmissions, expiry. Returns as gsi_next(). */
uint64_t gsi_tick(struct gsi *gsi);

/* When gsi_tick() is due; UINT64_MAX: never. May change with every call above. */
uint64_t gsi_next(struct gsi *gsi);

/* What a vport has at the SA, for tests and for people. */
struct gsi_holdings {
	unsigned int memberships;
	unsigned int groups; /* that it created */
	unsigned int services;
	unsigned int subscriptions;
	unsigned int reports; /* on their way, not answered */
	unsigned int transactions;
	unsigned int connections; /* to other vports, and calls for some */
	unsigned int farewells;   /* of others, that it is told of */
	unsigned int remotes;     /* LIDs that stand for GIDs beyond the wire */
	unsigned int cm_ids;      /* communication ids on the wire */
};

struct gsi_holdings gsi_port_holdings(const struct gsi_port *port);

/* MADs of a vport, since it was added. */
struct gsi_port_stats {
	uint64_t received; /* of the vport: what follows but the last two */
	uint64_t answered; /* by the port itself or the SA, which may have no words for it
			    */
	uint64_t passed;   /* on, to another vport or the wire */
	uint64_t delivered; /* to it: answers, and what others sent */
	uint64_t dropped[GSI_DROPS];
};

const struct gsi_port_stats *gsi_port_stats(const struct gsi_port *port);

/* MADs from a fabric's wire. */
struct gsi_wire_stats {
	uint64_t received; /* what follows */
	uint64_t delivered;
	uint64_t taken; /* for vports that are gone, to what was said for them */
	uint64_t dropped[GSI_DROPS];
};

const struct gsi_wire_stats *gsi_wire_stats(const struct gsi *gsi);

/* LIDs of the fabric that stand for GIDs beyond the wire. */
unsigned int gsi_remotes(const struct gsi *gsi);

/* Of an InfiniBand wire: memberships that the SA knows of, and subscriptions. */
unsigned int gsi_wire_memberships(const struct gsi *gsi);
unsigned int gsi_wire_subscriptions(const struct gsi *gsi);

/* Multicast groups of the fabric, and memberships in them. */
unsigned int gsi_groups(const struct gsi *gsi);
unsigned int gsi_memberships(const struct gsi *gsi);

#endif
