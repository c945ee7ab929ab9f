/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The engine without Xen and without threads: guests whose memory is the
 * test's own, both sides of their queues, pollers driven pass by pass, and a
 * clock that stands still until it is moved. All memory has its exact size, so
 * that a sanitizer sees a byte too many; a vHCA's end frees what it was given,
 * so that a sanitizer also sees what was forgotten.
 */
#ifndef XEN_IB_TESTS_RIG_H
#define XEN_IB_TESTS_RIG_H

#include "cm.h"

#include <unistd.h>

#include "engine/clock.h"
#include "engine/counters.h"
#include "engine/engine.h"
#include "engine/objects.h"
#include "xenport/ops.h"

#define US 1000ull
#define MS 1000000ull

/* Of a multicast group that the SA does not have. */
static const struct mcast_rule free_for_all __attribute__((unused));

/* What the engine's clock_ns() is. */
extern uint64_t rig_clock;
uint64_t __wrap_clock_ns(void);

/* Pages that guests grant and that are not mapped; their references count from 0 on. */
#define RIG_GRANTS 64
/* All guests are the same domain to Xen. */
#define RIG_DOMID  5

struct rig_grant {
	uint8_t *page; /* NULL: it is not granted */
	bool read_only;
};

/* The pollers' Xen port: it counts what it is told, and copies grants. */
struct bells {
	struct xenport xp;
	unsigned int notified;
	uint32_t port; /* the last one */
	struct rig_grant grants[RIG_GRANTS];
	unsigned int copies; /* calls */
	unsigned int copied; /* parts of pages */
};

struct rig {
	struct engine *engine;
	struct bells bells;
	struct guest *guests;
	int fabric; /* its address is one */
};

struct guest {
	struct rig *rig;
	struct guest *next;
	struct vhca *vhca;
	struct port_view view;
	uint32_t pd;
	uint32_t doorbell;
	struct vib_doorbell_page *page;
	uint16_t next_bell;
	unsigned int raised; /* calls of vhca->async.raised */
	unsigned int mads;   /* and of vhca->mads.waiting */
};

/* cmocka's group fixtures: this thread reads under RCU. */
int rig_enter(void **state);
int rig_leave(void **state);

struct rig *rig_new(unsigned int num_pollers);
/* End all guests and the engine. */
void rig_free(struct rig *rig);

/* One pass of each poller. true if one had work. */
bool rig_pass(struct rig *rig);
void rig_passes(struct rig *rig, unsigned int count);
/* Passes until nothing is left to do that needs no time. */
void rig_run(struct rig *rig);
/* The same after so much time. */
void rig_wait(struct rig *rig, uint64_t ns);
/* Passes until every QP has cooled. */
void rig_cool(struct rig *rig);

/* Guests get pollers in turn, LIDs from 1 on, a GID, P_Key 0xffff, MTU 4096, a PD
 * and a doorbell page.
 */
struct guest *guest_new(struct rig *rig);
/* The same with other quotas and without PD and doorbell. */
struct guest *guest_bare(struct rig *rig, const struct vhca_limits *limits);
void guest_end(struct guest *g);
/* Put @g->view into force. */
void guest_set_port(struct guest *g);

/* What the port of @g has counted. */
struct vib_rsp_counters counters_of(const struct guest *g);

/* The event that is next in @g; 0 if there is none. */
uint16_t take_async(struct guest *g, uint32_t *number);

#define assert_async(g, type, object)                            \
	do {                                                     \
		uint32_t number_ = 0;                            \
		assert_int_equal(take_async(g, &number_), type); \
		assert_int_equal(number_, object);               \
	} while (0)
#define assert_no_async(g)                                    \
	do {                                                  \
		uint32_t number_ = 0;                         \
		assert_int_equal(take_async(g, &number_), 0); \
	} while (0)

/* Zeroed memory of @bytes, as if it were that many @pages. */
struct memory memory_new(size_t bytes, uint32_t pages);
struct memory queue_memory(uint32_t order, uint32_t stride);

/* A memory region. Byte i is at address iova + i, and at + i here. */
struct region {
	struct guest *guest;
	uint32_t key;
	uint64_t iova;
	uint64_t length;
	uint8_t *at;
};

#define LOCAL_ONLY VIB_ACCESS_LOCAL_WRITE
#define ALL_RIGHTS                                                                   \
	(VIB_ACCESS_LOCAL_WRITE | VIB_ACCESS_REMOTE_WRITE | VIB_ACCESS_REMOTE_READ | \
	 VIB_ACCESS_REMOTE_ATOMIC)

struct vib_cmd_reg_mr region_command(struct guest *g, uint64_t iova, uint64_t length,
				     uint32_t access);
struct region region_at(struct guest *g, uint64_t iova, uint64_t length, uint32_t access);
/* With all rights, at an address that is no multiple of a page. */
struct region region_new(struct guest *g, uint64_t length);
void region_end(struct region *r);

/* Bytes that differ from place to place and from @seed to @seed. */
void fill(uint8_t *at, uint64_t length, unsigned int seed);
bool is_filled(const uint8_t *at, uint64_t length, unsigned int seed);
bool is_all(const uint8_t *at, uint64_t length, uint8_t byte);

/* The piece of @r from @offset on. */
struct vib_sge sge_of(const struct region *r, uint64_t offset, uint32_t length);

/* A completion queue's consumer. */
struct ccq {
	struct guest *guest;
	uint32_t number;
	struct vib_queue queue;
};

/* @eq: VIB_NO_OBJECT for none. */
struct ccq ccq_new(struct guest *g, uint32_t order, uint32_t eq);
bool ccq_poll(struct ccq *cq, struct vib_cqe *cqe);

/* The next entry is of @id with @status; returns it. */
#define take_cqe(cq, id, status_) take_cqe_at(cq, id, status_, __FILE__, __LINE__)
struct vib_cqe take_cqe_at(struct ccq *cq, uint64_t id, uint8_t status, const char *file,
			   int line);
#define assert_no_cqe(cq)                          \
	do {                                       \
		struct vib_cqe cqe_;               \
		assert_false(ccq_poll(cq, &cqe_)); \
	} while (0)

/* A completion event queue's consumer. */
struct ceq {
	struct guest *guest;
	uint32_t number;
	struct vib_queue queue;
};

struct ceq ceq_new(struct guest *g, uint32_t order, uint32_t port);
/* The CQ of the next event, or VIB_NO_OBJECT. */
uint32_t ceq_poll(struct ceq *eq);

/* A shared receive queue's producer. */
struct psrq {
	struct guest *guest;
	uint32_t number;
	struct vib_queue queue;
};

struct psrq psrq_new(struct guest *g, uint32_t pd, uint32_t order, uint32_t sges);
/* With @flags of enum vib_srq_flags. */
struct psrq psrq_with(struct guest *g, uint32_t pd, uint32_t order, uint32_t sges,
		      uint32_t flags);
/* One of XRC, that completes into @cq. */
struct psrq xsrq_new(struct guest *g, uint32_t pd, uint32_t xrcd, const struct ccq *cq,
		     uint32_t order);
void psrq_post(struct psrq *srq, uint64_t id, const struct vib_sge *sges, uint32_t count);

#endif
