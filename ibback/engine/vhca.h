/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A vHCA: the adapter of one connected vib, as pollers see it. It owns what the
 * guest made; keys and numbers are looked up here, so that no guest's can name
 * another's.
 *
 * The control thread makes and changes it. Of what it contains, pollers read
 * the tables of MRs, windows and SRQs, what its kernel lent and the port under RCU, and
 * raise events.
 */
#ifndef XEN_IB_IBBACK_VHCA_H
#define XEN_IB_IBBACK_VHCA_H

#include <sys/queue.h>

#include "engine/async.h"
#include "engine/bucket.h"
#include "engine/dma.h"
#include "engine/drops.h"
#include "engine/mad.h"
#include "engine/port_view.h"
#include "engine/table.h"

struct engine;
struct poller;
struct qp;
struct vhca_wire;
struct wire_pd;
struct xenport;

/* How much of everything a vib may have. */
struct vhca_limits {
	uint32_t max_qp;
	uint32_t max_cq;
	uint32_t max_srq;
	uint32_t max_mr; /* windows count as such */
	uint32_t max_pd;
	uint32_t max_pages;     /* mapped, of 4096 bytes */
	uint32_t max_dma_pages; /* of these, that its kernel lends */
	uint64_t rate; /* bits a second that its requests may cost; 0: no limit */
};

/* A protection domain is a number that MRs and QPs share. */
struct pd {
	struct table_node node;
	uint32_t users; /* objects in it */
	struct wire_pd *wire;
};

struct vhca {
	struct engine *engine;
	struct poller *poller;
	struct xenport *events; /* the poller's, of the Xen the guest is on */
	struct xenport *xen;    /* that Xen's, if it copies what is granted; or NULL */
	uint16_t domid;         /* of the guest, with that */
	struct port_view *view; /* RCU */
	struct async_list async;
	const char *broken;     /* why the device is lost; set by any thread, once */
	struct table *qp_table; /* of its fabric, by QPN */
	struct vhca_wire *wire; /* what it has of an HCA; NULL: it has none */
	struct table mrs;
	struct table mws;  /* by the upper 24 bits of their keys */
	uint64_t mr_epoch; /* another one, never used before, when an MR ends or changes,
			    * or a region of dma comes or goes; atomic
			    */
	struct dma dma;
	struct mads mads;

	/* its poller's thread alone, see poller.h */
	TAILQ_HEAD(, doorbell) doorbells_polled;
	struct doorbell *next_doorbell; /* where the next look begins */
	TAILQ_ENTRY(vhca) polled;       /* of the poller's, while it has doorbells */
	unsigned int num_hot;           /* of the poller's hot QPs */
	struct bucket bucket;
	struct drops drops;   /* others only read it */
	uint64_t token_waits; /* how often a QP had to wait in line; the same, atomic */
	TAILQ_HEAD(, qp) in_line;          /* for tokens, see tokens.h */
	TAILQ_ENTRY(vhca) short_of_tokens; /* of the poller's, while there are such */

	/* the control thread's alone */
	struct vhca_limits limits;
	uint32_t pages; /* mapped */
	uint32_t mappings;
	uint32_t memberships; /* of its QPs in multicast groups */
	struct table pds;
	struct table xrcds; /* as many as PDs */
	struct table doorbells;
	struct table eqs;
	struct table cqs;
	struct table srqs;
	LIST_HEAD(, qp) qps;
	uint32_t num_qps;
	struct vib_rsp_counters ended; /* what QPs that have ended had, see counters.h */
};

/*
 * A new vHCA of @engine with nothing in it, for a guest on Xen @xen of
 * engine_add_xen(), with its port as in @view (copied).
 * @raised is called with @arg, by any thread, when there is an asynchronous
 * event or when it broke. NULL and errno.
 */
struct vhca *vhca_new(struct engine *engine, unsigned int xen,
		      const struct vhca_limits *limits, const struct port_view *view,
		      void (*raised)(void *arg), void *arg);

/* Free an empty vHCA, after a grace period since its last use. */
void vhca_free(struct vhca *vhca);

/* The port has changed. -1 and ENOMEM: it is as it was. */
int vhca_set_port(struct vhca *vhca, const struct port_view *view);

/*
 * Its guest is domain @domid of @xen, which outlives it: pages that are granted and not
 * mapped can be reached, if @xen can copy. Before it has objects.
 */
void vhca_reach_grants(struct vhca *vhca, struct xenport *xen, uint16_t domid);

/*
 * Its fabric has a wire: @wire is its own at that, and outlives it. Numbers of QPs and
 * keys of MRs are the HCA's. Before it has objects.
 */
void vhca_set_wire(struct vhca *vhca, struct vhca_wire *wire);

/* Another vhca_limits.rate, from now on. The control thread. */
void vhca_set_rate(struct vhca *vhca, uint64_t rate);

/*
 * Other limits than it had, rate apart, from now on: one that has more by then keeps it,
 * and gets no more. The control thread.
 */
void vhca_set_quotas(struct vhca *vhca, const struct vhca_limits *limits);

/* The guest's kernel broke the protocol: the device is to be closed. @cause is
 * a literal. Any thread.
 */
void vhca_break(struct vhca *vhca, const char *cause);

/* An MR has ended or changed, or memory of the kernel: hints of MRs hold no more. */
void vhca_new_epoch(struct vhca *vhca);

/* Why, or NULL. */
static inline const char *vhca_broken(const struct vhca *vhca)
{
	return __atomic_load_n(&vhca->broken, __ATOMIC_ACQUIRE);
}

/* The QP @qpn of its fabric, or NULL. A reader of RCU. */
struct qp *vhca_find_qp(const struct vhca *vhca, uint32_t qpn);

/* The port, valid until the caller's next quiescent state. */
static inline const struct port_view *vhca_view(const struct vhca *vhca)
{
	return rcu_dereference(vhca->view);
}

#endif
