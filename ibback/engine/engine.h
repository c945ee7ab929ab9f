/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The engine: the pollers, and what vHCAs have in common, which is the numbers
 * of QPs and the multicast groups. Made and changed by the control thread.
 */
#ifndef XEN_IB_IBBACK_ENGINE_H
#define XEN_IB_IBBACK_ENGINE_H

#include "engine/mcast.h"
#include "engine/poller.h"
#include "engine/table.h"

/* IBTA vol. 1 §3.5.10: QPNs have 24 bits; 0 and 1 are the SMI's and the GSI's. */
#define QPN_FIRST       2
#define QPN_LAST        0xfffffe
/* IBTA vol. 1 §10.2.5: controlled Q_Keys, the GSI's among them; to send, the QP's own. */
#define QKEY_CONTROLLED 0x80000000u

struct xenport;

struct engine {
	struct table qps; /* by QPN, of fabrics without a wire */
	struct mcast mcast;
	uint64_t serial;
	uint32_t mappings;     /* of guests' memory */
	uint32_t max_mappings; /* that the kernel lets this process have */
	uint64_t stream_bytes; /* messages from this size on go past the caches */
	unsigned int num_xens;
	unsigned int num_pollers;
	unsigned int next_poller;
	struct poller *pollers;
};

/* @num_pollers pollers, none of which runs. NULL and errno. */
struct engine *engine_new(unsigned int num_pollers, enum poll_mode mode);

/*
 * Serve guests of @xen too, which outlives the engine. Returns its number for
 * vhca_new(), or -1 and errno. Before engine_start().
 */
int engine_add_xen(struct engine *engine, struct xenport *xen);

/* How long adaptive pollers spin after the last work. Before engine_start(). */
void engine_set_spin(struct engine *engine, const struct spin *spin);

/* Run each poller in a thread; poller i on processor cpus[i], unless @cpus is
 * NULL. -1 and errno; engine_free() ends what runs.
 */
int engine_start(struct engine *engine, const int *cpus);
/* Stop the pollers and free everything; there are no vHCAs any more. */
void engine_free(struct engine *engine);

/* A number never given before. */
static inline uint64_t engine_serial(struct engine *engine)
{
	return ++engine->serial;
}

/*
 * The vm.max_map_count with which a guest that has @has mappings may have @more: it may
 * have as many as are left, so that one alone gets half.
 */
uint32_t engine_map_count(const struct engine *engine, uint32_t has, uint32_t more);

/* May it? */
static inline bool engine_may_map(const struct engine *engine, uint32_t has,
				  uint32_t more)
{
	return (uint64_t)engine->mappings + has + more <= engine->max_mappings;
}

/* The poller of the next vHCA. */
struct poller *engine_choose_poller(struct engine *engine);

/* The QP @qpn of those, or NULL. A reader of RCU. */
struct qp *engine_find_qp(const struct engine *engine, uint32_t qpn);

#endif
