/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * vib_hostile: a frontend that attacks its backend, for the lab's checks.
 *
 * It takes the place of ibfront in a guest that is to be evil. Each vib has a
 * thread: it shakes hands as it should, has the backend make one of everything
 * (struct world), attacks for some rounds (attack.c), lets a last attack end
 * the connection, and answers the next offer. A second thread flips bits of
 * what the first one points at, so that memory changes while it is read.
 *
 * What it does to itself it avoids: pages that the backend may have mapped are
 * kept until the control page is free again, which the backend unmaps last.
 */
#ifndef VIB_HOSTILE_H
#define VIB_HOSTILE_H

#include <linux/kthread.h>
#include <linux/list.h>
#include <linux/spinlock.h>
#include <linux/types.h>
#include <linux/wait.h>

#include <xen/grant_table.h>
#include <xen/interface/event_channel.h>
#include <xen/xenbus.h>

#include <xen-ib/abi.h>
#include <xen-ib/post.h>
#include <xen-ib/xenstore.h>

#include "chance.h"

struct hostile;

/* ---- memory ----------------------------------------------------------------- */

/* Zeroed pages, each granted. They live as long as the connection, or longer. */
struct area {
	struct list_head entry;
	u32 size;  /* pages */
	u32 count; /* of them, from the first, are granted */
	void *va;
	grant_ref_t *refs;
	bool overwritten; /* its grants' entries do not say whether it is mapped */
	struct area *list; /* a list page with refs, once it was needed */
};

struct area *area_new(struct hostile *h, size_t bytes, bool readonly);
/* How @area is named in a command, as one should. */
struct vib_pages area_pages(struct hostile *h, struct area *area);
void areas_end(struct hostile *h);
void kept_end(bool for_good);

/* ---- the world --------------------------------------------------------------- */

#define WORLD_PDS	2
#define WORLD_CQS	4
#define WORLD_MRS	5
#define WORLD_MWS	2

enum world_cq {
	CQ_EVENTS,	/* has the EQ */
	CQ_QUIET,
	CQ_SMALL,	/* overruns at once */
	CQ_XRC,
};

enum world_mr {
	MR_ALL,		/* all rights */
	MR_READ,	/* granted read-only */
	MR_HIGH,	/* ends just below 2^64 */
	MR_QUEUE,	/* is the memory of a send queue */
	MR_SHORT,	/* some bytes in the middle of a page */
};

enum world_qp {
	QP_RC_A,	/* with QP_RC_B */
	QP_RC_B,
	QP_RC_SRQ,	/* with itself */
	QP_UC,		/* with itself */
	QP_UD,
	QP_UD_SRQ,
	QP_XRC_INI,	/* with QP_XRC_TGT */
	QP_XRC_TGT,
	QP_RC_VICTIM,	/* claims to be connected to the victim */
	QP_UC_VICTIM,
	QP_SMI,
	QP_GSI,
	WORLD_QPS,
};

struct world_cq_state {
	u32 number;
	struct vib_queue queue;
	struct area *area;
};

struct world_mr_state {
	u32 key;
	u64 iova, length;
	struct area *area;
};

struct world_qp_state {
	bool made;
	u8 type;
	u32 number;
	u32 db_index;
	struct area *sq_area, *rq_area;
	struct vib_queue sq, rq; /* hdr NULL: none */
};

struct world {
	u32 pds[WORLD_PDS];
	u32 xrcd;
	u32 doorbell;
	struct vib_doorbell_page *bells;
	evtchn_port_t bell_channel;
	u32 eq;
	struct vib_queue eq_queue;
	evtchn_port_t eq_channel;
	struct world_cq_state cqs[WORLD_CQS];
	u32 srq, xrc_srq;
	struct vib_queue srq_queue, xrc_queue;
	struct world_mr_state mrs[WORLD_MRS];
	u32 mws[WORLD_MWS];
	struct world_qp_state qps[WORLD_QPS];
	struct area *readonly; /* granted so */
	struct area *foreign;  /* granted to another domain */
	struct area *ended;    /* granted no more */
	struct area *spare;
};

/* ---- a vib -------------------------------------------------------------------- */

#define HOSTILE_CHANNELS 64

/* What the second thread flips bits of. */
struct flipped {
	u8 *at;
	u32 bytes;
};

struct hostile {
	struct xenbus_device *xbdev;
	struct task_struct *thread, *flipper;
	wait_queue_head_t wake;
	unsigned long news; /* bit 0: the backend changed something */
	struct chance chance;

	char session[17];	/* the last one answered */
	bool wrong_answer;	/* to the next offer */
	bool closed;
	bool lacking;	/* the attack had no QP, or no memory */
	struct list_head areas;
	struct area *control, *ring_area, *async_area; /* NULL: not connected */
	evtchn_port_t port;
	struct vib_control_front_ring ring;
	struct vib_queue async;
	u16 id;
	bool served;		/* the backend was alive */
	bool lost;		/* the backend does not answer */
	u16 lid;
	__be64 port_guid, node_guid;
	u32 caps; /* the backend's, enum vib_device_cap */
	u32 mads;		/* that were written, all in all */
	u32 pages;		/* of all areas */
	evtchn_port_t channels[HOSTILE_CHANNELS];
	unsigned int num_channels;
	struct world world;

	spinlock_t flip_lock;
	struct flipped flipped[4];
	unsigned int num_flipped;
};

/* connect.c */
bool hostile_alive(const struct hostile *h);
void hostile_answer(struct hostile *h);
void hostile_end(struct hostile *h);
void hostile_state(struct hostile *h, enum xenbus_state state);
int hostile_channel(struct hostile *h, evtchn_port_t *port);
void hostile_channel_close(struct hostile *h, unsigned int i);
static inline bool hostile_goes_on(const struct hostile *h)
{
	return !h->lost && !kthread_should_stop() && hostile_alive(h);
}

/* command.c: all sleep */
struct vib_control_request *ring_slot(struct hostile *h);
void ring_push(struct hostile *h);
/* Make room for @count requests. false if the backend does not answer. */
bool ring_room(struct hostile *h, unsigned int count);
/* Wait until all are answered. */
bool ring_quiet(struct hostile *h);
/* Send it as it is, and do not wait. */
void command_send(struct hostile *h, const struct vib_control_request *request);
/* So many, at most a ring's, and all their answers. */
bool commands(struct hostile *h, struct vib_control_request *requests,
	      struct vib_control_response *responses, unsigned int count);
/* The backend's status, or -ENODEV. */
int command(struct hostile *h, struct vib_control_request *request,
	    struct vib_control_response *response);
int command_create(struct hostile *h, struct vib_control_request *request, u32 *number);
int command_end(struct hostile *h, u16 operation, u32 number);

/* objects.c */
int world_make(struct hostile *h);
int world_cq(struct hostile *h, enum world_cq which);

/* qp.c */
int world_qp(struct hostile *h, enum world_qp which);
/*
 * Have it in RTS, made anew if need be; QP_RC_SRQ in place of XRC's where there are none.
 * NULL if it cannot be.
 */
struct world_qp_state *qp_ready(struct hostile *h, enum world_qp which);
/* The same, and nothing is in its queues. */
struct world_qp_state *qp_fresh(struct hostile *h, enum world_qp which);
void qp_request(struct hostile *h, enum world_qp which,
		struct vib_control_request *request);
void qp_attributes(struct hostile *h, enum world_qp which, u8 state,
		   struct vib_cmd_modify_qp *modify);
void qp_publish(struct hostile *h, struct world_qp_state *qp);
void qp_ring(struct hostile *h, const struct world_qp_state *qp);

/* mad.c */

/* Where a MAD goes, by what it comes there, and how much of it. */
struct mad_to {
	struct vib_av av;
	u32 qpn;
	u32 qkey;
	u16 pkey_index;
	u32 length;
};

#define MAD_SA_LID	1
#define MAD_DATA	24	/* behind the header */
#define MAD_SMP_DATA	64
#define MAD_SA_MASK	48
#define MAD_SA_DATA	56

void put16(u8 *at, u16 value);
void put32(u8 *at, u32 value);
void put64(u8 *at, u64 value);
/* fe80:: with @guid. */
void put_gid(u8 *at, __be64 guid);
/* A victim's port GUID, or our own if none is known. */
__be64 any_victim_guid(struct hostile *h);
/* Where the next MAD is written: VIB_MAD_BYTES, zero, and memory of MR_ALL. */
u8 *mad_new(struct hostile *h);
void mad_head(u8 *mad, u8 class, u8 version, u8 method, u16 attribute, u64 tid);
/* What the SA or another port would accept from @which: all of a MAD. */
struct mad_to mad_to(enum world_qp which, u16 dlid);
/* Nearly that: with a GRH, a P_Key, a Q_Key, a QP that may be wrong. */
struct mad_to mad_to_any(struct hostile *h, enum world_qp which);
void mad_send(struct hostile *h, struct world_qp_state *qp, const u8 *mad,
	      const struct mad_to *to);
/* Those that were sent are looked at. */
void mad_pause(void);
/*
 * Send @count by @which, of which @make makes the nth, from zeroes, and says where it
 * goes; and have them looked at. false: it has no such QP, and none was sent.
 */
bool mads_send(struct hostile *h, enum world_qp which, u32 count,
	       struct mad_to (*make)(struct hostile *h, enum world_qp which, u8 *mad,
				     u32 n));

/* attack.c */
void attack(struct hostile *h);
void flip_begin(struct hostile *h, void *at, u32 bytes);
void flip_end(struct hostile *h);
int flipper_run(void *arg);
void hostile_pause(void);

/* attack_*.c: what attack.c chooses from */
void attack_ring_random(struct hostile *h);
void attack_ring_operations(struct hostile *h);
void attack_ring_stale(struct hostile *h);
void attack_ring_rewritten(struct hostile *h);
void attack_ring_indices(struct hostile *h);
void attack_ring_same_ids(struct hostile *h);
void attack_operands_mutated(struct hostile *h);
void attack_operands_random(struct hostile *h);
void attack_modify_random(struct hostile *h);
void attack_destroy_in_use(struct hostile *h);
void attack_hoard(struct hostile *h);
void attack_pages_counts(struct hostile *h);
void attack_pages_refs(struct hostile *h);
void attack_pages_repeated(struct hostile *h);
void attack_pages_large(struct hostile *h);
void attack_pages_changing(struct hostile *h);
void attack_pages_of_queues(struct hostile *h);
void attack_send_random(struct hostile *h);
void attack_send_crafted(struct hostile *h);
void attack_send_lengths(struct hostile *h);
void attack_send_to_victim(struct hostile *h);
void attack_send_datagrams(struct hostile *h);
void attack_send_multicast(struct hostile *h);
void attack_send_rewritten(struct hostile *h);
void attack_send_generations(struct hostile *h);
void attack_send_header(struct hostile *h);
void attack_send_flood(struct hostile *h);
void attack_send_windows(struct hostile *h);
void attack_fast_keys(struct hostile *h);
void attack_fast_registrations(struct hostile *h);
void attack_fast_invalidations(struct hostile *h);
void attack_fast_reaches(struct hostile *h);
void attack_fast_user(struct hostile *h);
void attack_fast_rewritten(struct hostile *h);
void attack_fast_ends(struct hostile *h);
void attack_dm_operands(struct hostile *h);
void attack_dm_reaches(struct hostile *h);
void attack_recv_random(struct hostile *h);
void attack_recv_crafted(struct hostile *h);
void attack_recv_rewritten(struct hostile *h);
void attack_cq_consumer(struct hostile *h);
void attack_cq_arm(struct hostile *h);
void attack_cq_overrun(struct hostile *h);
void attack_cq_resize(struct hostile *h);
void attack_bells_all(struct hostile *h);
void attack_bells_garbage(struct hostile *h);
void attack_event_storm(struct hostile *h);
void attack_store_values(struct hostile *h);
void attack_store_huge(struct hostile *h);
void attack_store_many(struct hostile *h);
void attack_store_missing(struct hostile *h);
void attack_grants_reused(struct hostile *h);
void attack_grants_ended(struct hostile *h);
void attack_memory_changing(struct hostile *h);
void attack_port_operands(struct hostile *h);
void attack_port_toggle(struct hostile *h);

void attack_gsi_garbage(struct hostile *h);
void attack_gsi_smps(struct hostile *h);
void attack_gsi_cm(struct hostile *h);
void attack_gsi_claims(struct hostile *h);
void attack_gsi_counters(struct hostile *h);
void attack_gsi_flood(struct hostile *h);
void attack_gsi_eavesdrop(struct hostile *h);
void attack_gsi_sa_queries(struct hostile *h);
void attack_gsi_sa_others(struct hostile *h);
void attack_gsi_sa_quotas(struct hostile *h);
void attack_gsi_sa_rmpp(struct hostile *h);

/* Those that end the connection. */
void attack_ring_leap(struct hostile *h);
void attack_ring_backwards(struct hostile *h);
void attack_ring_noise(struct hostile *h);
void attack_async_consumer(struct hostile *h);
void attack_eq_consumer(struct hostile *h);
void attack_all_flipping(struct hostile *h);
void attack_store_states(struct hostile *h);
void attack_store_vanishes(struct hostile *h);
void attack_answer_wrong(struct hostile *h);
void attack_channel_closed(struct hostile *h);

/* main.c: parameters and counts */
enum tally {
	TALLY_LIVES,	/* connections that got as far as having everything */
	TALLY_REFUSED,	/* the backend closed the device */
	TALLY_KEPT,	/* areas the backend had mapped when it said it had none */
	TALLY_ROUNDS,
	TALLY_HEARD,	/* packets of a group that it is no member of */
	TALLY_WRONG,	/* answers and completions that are other than what was to be */
	TALLIES,
};

void tally(enum tally what);
/*
 * Of what is known beforehand: note if it is another. false if it is, if the connection
 * has ended, and if what was to succeed lacks memory.
 */
bool expect(struct hostile *h, const char *what, int want, int got);

/* What is known about the innocent; 0: nothing. */
#define VICTIMS 4
extern unsigned int victim_lid[VICTIMS];
extern unsigned int victim_qpn[VICTIMS];
extern unsigned int victim_rkey[VICTIMS];
extern unsigned long long victim_addr[VICTIMS];
extern unsigned long long victim_guid[VICTIMS];
extern unsigned int rounds;

u32 victim(struct hostile *h, const unsigned int *of);
u64 victim_address(struct hostile *h);

#endif
