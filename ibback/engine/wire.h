/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A QP whose peers may be behind an HCA. Its requests are fetched, copied and checked
 * like any other's; then they are posted to a QP that it has at the HCA, whose number is
 * its own, and completed in their order when the HCA has done them.
 *
 * What is the HCA's is behind struct wire_ops, so that nothing here knows libibverbs:
 * wire/ embeds struct vhca_wire and struct wire_qp in what it has of each.
 */
#ifndef XEN_IB_IBBACK_WIRE_H
#define XEN_IB_IBBACK_WIRE_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include <xen-ib/queue.h>

#include "engine/async.h"
#include "engine/receive.h"
#include "engine/send.h"
#include "engine/wire_ah.h"
#include "engine/wire_fast.h"

struct mr;
struct poller;
struct port_view;
struct qp;
struct sg;
struct table;
struct wire_channel;
struct wire_qp;

/* What the HCA says of a request. */
struct wire_completion {
	uint64_t id; /* as it was posted */
	uint8_t status;
	/* of receives that succeeded */
	uint8_t opcode; /* enum vib_opcode of the message */
	uint8_t flags;  /* enum vib_cqe_flags */
	__be32 imm;
	uint32_t byte_len;
	uint32_t src_qpn;
	uint16_t slid;
	uint8_t sl;
};

/* A request for the HCA. All it names may be reached through its QP. */
struct wire_request {
	uint64_t id;
	const struct vib_send_wqe *wqe;
	const struct vib_sge *sges; /* or, with VIB_SEND_INLINE, @data */
	const void *data;
	uint32_t slot_bytes; /* or so many of its place's slot, with @ah */
	unsigned int num_sge;
	bool signaled;
	void *ah; /* of datagrams, the HCA's */
	uint32_t qkey;
	/* of REG_MR, which binds the one to the other */
	struct wire_mw *window;
	uint32_t window_key; /* that it has by then */
	const struct wire_mr *mr;
};

/* For the QP's poller, with the QP locked. None sleeps. */
struct wire_ops {
	/*
	 * Have @request be posted, now or by flush(), which has the HCA tell of the last;
	 * what it points to is copied. false: the one with id *@failed could not be, nor
	 * those behind it.
	 */
	bool (*send)(struct wire_qp *qp, const struct wire_request *request,
		     uint64_t *failed);
	bool (*flush)(struct wire_qp *qp, uint64_t *failed);
	/* Post a receive. -1: it cannot be. */
	int (*receive)(struct wire_qp *qp, uint64_t id, const struct vib_sge *sges,
		       unsigned int count);
	/* Post the slot of @id's place as a receive. -1: it cannot be. */
	int (*receive_slot)(struct wire_qp *qp, uint64_t id);
	/* Completions, at most @most; negative: the HCA's queue is broken. */
	int (*poll)(struct wire_qp *qp, struct wire_completion *completions, int most);
	/* Have the channel tell of the next completion. */
	void (*arm)(struct wire_qp *qp);
};

/* A send request that is not completed yet. */
struct wire_send {
	uint64_t wr_id;
	uint32_t index;
	uint32_t byte_len; /* that its completion is to say */
	uint8_t opcode;
	uint8_t status;
	bool wanted; /* its completion */
	bool done;
	uint32_t key; /* of REG_MR and LOCAL_INV that were posted; or 0 */
	struct wire_ah_handle *handle; /* that it uses; NULL: none */
};

/* A receive that the HCA has. */
struct wire_receive {
	uint64_t wr_id;
	uint32_t index;
};

/* What a QP has at the HCA. Under the QP's lock but for what is said otherwise. */
struct wire_qp {
	const struct wire_ops *ops;
	struct qp *qp;      /* NULL before it has one and after; its poller's to read */
	uint32_t number;    /* at the HCA; fixed, as are these */
	uint32_t max_sends; /* powers of two */
	uint32_t max_receives;
	uint32_t max_inline; /* bytes */
	bool datagrams;      /* UD: all goes by slots, memory of ours */
	uint8_t *send_slots; /* one for each place; NULL: none */
	uint32_t send_slot_bytes;
	uint8_t *receive_slots;
	uint32_t receive_slot_bytes;

	bool active;    /* RC and UC: its peer is behind the wire; UD: others may be */
	bool looped;    /* RC: its peer is here, and the HCA connects both: for atomics */
	uint32_t epoch; /* another one after each reset */
	struct wire_send *sends;        /* max_sends of them */
	uint32_t first_send, next_send; /* free-running */
	unsigned int unsignaled;        /* that the HCA is not to tell of, at the end */
	struct wire_receive *receives;  /* max_receives */
	uint32_t first_receive, next_receive;
	bool cut_short;      /* the HCA has refused a send: some before may be silent */
	bool flushed;        /* the HCA says so, of one of an SRQ that has failed */
	uint64_t flushed_at; /* ns: when it is taken to be; 0: nobody waits for that */
	struct receive refused; /* one that names what it must not: fails in its turn */
	bool has_refused;

	/* of struct vhca_wire, under its lock */
	bool failing;
	TAILQ_ENTRY(wire_qp) failed;
};

TAILQ_HEAD(wire_qps, wire_qp);

/* What a vHCA has of an HCA. */
struct vhca_wire {
	struct table *qps; /* of all QPs at the port */
	pthread_spinlock_t lock;
	struct wire_qps failed; /* the HCA is to be told that they have failed */
	struct wire_ahs ahs;
	struct wire_fasts fasts;
	bool ethernet;
	bool atomics;              /* the HCA has some, and all there are are its */
	bool repeats_binds;        /* with what is before them: they have to come last */
	void (*raised)(void *arg); /* wakes the control thread: of vhca->async */
	void *raised_arg;
};

enum wire_channel_news {
	WIRE_CHANNEL_QUIET,
	WIRE_CHANNEL_TOLD,
	WIRE_CHANNEL_LOST, /* the HCA is, and it is not to be asked again */
};

/* Tells of completions of many QPs of one poller. */
struct wire_channel {
	int fd; /* readable when there are events */
	/* Call @heat with @arg for each QP that has completions. */
	enum wire_channel_news (*take)(struct wire_channel *channel,
				       void (*heat)(void *arg, struct wire_qp *qp),
				       void *arg);
	/* the poller's */
	TAILQ_ENTRY(wire_channel) entry;
	bool heeded;
};

void wire_init(struct vhca_wire *wire);
void wire_fini(struct vhca_wire *wire);

/*
 * Post what waits in the receive queue of @qp, or its SRQ, as far as the HCA has room,
 * but no more than @most. Returns how many there were. Locked.
 */
unsigned int wire_post_receives(struct qp *qp, unsigned int most);

/* Complete the first sends, as far as they are done. Its poller, locked. */
void wire_complete_sends(struct poller *poller, struct qp *qp);

/* Complete what the HCA has done for @qp, and give it receives. true if there was work.
 * Its poller, locked.
 */
bool wire_serve(struct poller *poller, struct qp *qp);

/* Execute share->qp->sending: post it. */
enum send_result wire_connected_send(struct share *share);

/*
 * The same of an atomic that was found right, to a peer of this host. The processor's and
 * the HCA's are not atomic to one another, so the HCA does it, from one QP to the other.
 */
enum send_result wire_atomic_send(struct share *share);

/*
 * The same of a datagram with @data and Q_Key @qkey, to nobody of this host. SEND_DONE:
 * nobody is there. There is room.
 */
enum send_result wire_datagram_send(struct share *share, const struct sg *data,
				    uint32_t qkey);
bool wire_has_room(const struct wire_qp *w);

/* The request in progress is done, after what the HCA has. There is room. */
void wire_complete_later(struct qp *qp);

/* A share ends: what was posted goes out. */
void wire_flush(struct share *share);

/* Is its peer behind the wire? The control thread. */
static inline bool wire_is_active(const struct wire_qp *w)
{
	return __atomic_load_n(&w->active, __ATOMIC_RELAXED);
}

/* Does the HCA connect it with its peer here? The control thread. */
static inline bool wire_is_looped(const struct wire_qp *w)
{
	return __atomic_load_n(&w->looped, __ATOMIC_RELAXED);
}

/* Has the HCA sends of @qp that are not completed? */
static inline bool wire_sends_wait(const struct wire_qp *w)
{
	return w && w->first_send != w->next_send;
}

/* Or receives, or one that has to fail in its turn? */
static inline bool wire_receives_wait(const struct wire_qp *w)
{
	return w && !w->datagrams &&
	       (w->first_receive != w->next_receive || w->has_refused);
}

/* May the HCA have more receives of @qp, which is locked? */
bool wire_takes_receives(const struct qp *qp);

/* QP @qp, which is locked, is to be told by event. false: there are completions. */
bool wire_cool(struct poller *poller, struct qp *qp);

/*
 * @qp, which is locked, is as if it were new; the HCA's is yet to be told, and until then
 * has what was posted, with its handles.
 */
void wire_reset(struct qp *qp);

/*
 * What the HCA has completed of @qp, which is locked and at the HCA in RESET or INIT, is
 * of before: receives of an SRQ are to be posted again.
 */
void wire_discard(struct qp *qp);

/* What was posted to @w uses no handles any more: its HCA's QP is no more, or was reset
 * and nothing was posted since. Any thread, while no poller posts.
 */
void wire_drop_handles(struct vhca_wire *wire, struct wire_qp *w);

/* @qp, which is locked, has failed here: the control thread is to tell the HCA. */
void wire_fail(struct qp *qp);

/* The next that has failed, for the control thread; NULL if there is none. */
struct wire_qp *wire_take_failed(struct vhca_wire *wire);

/* The HCA was told that @qp has failed. The control thread. */
void wire_error_is_told(struct qp *qp);
/* The HCA has completed what the QP of @w took of its SRQ. The control thread. */
void wire_is_flushed(struct wire_qp *w);
/* Is it for the HCA to say when @qp, which is locked, takes no more of its SRQ? */
bool wire_tells_when_flushed(const struct qp *qp);

/* Something became of the QP of @w: its guest is told. The control thread. */
void wire_event(struct wire_qp *w, enum vib_async_type type, bool failed);

/*
 * The vport of @qp was @was and is @now. The HCA goes on sending as who it was told to,
 * and answering: a QP that is not that any more, or cut off, fails, or of UD stays within
 * this host until it is brought up anew. The control thread.
 */
void wire_identity(struct qp *qp, const struct port_view *was,
		   const struct port_view *now);

/* The same where it was seen otherwise that @qp, which is locked, is not that any more.
 */
void wire_lose_identity(struct qp *qp);

/* @qp ends, is not found any more and was taken out of its poller's hands. */
void wire_forget(struct qp *qp);

/* Heed @channel, a struct wire_channel, or no more. For poller_call(). */
void poller_add_channel(struct poller *poller, void *channel);
void poller_remove_channel(struct poller *poller, void *channel);

#endif
