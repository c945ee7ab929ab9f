/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A guest's driver for fuzzers: it knows what it has made, and turns a few bytes
 * into a command or a work request that is right but for what these bytes want
 * wrong. The bytes may be anything.
 */
#ifndef XEN_IB_TESTS_FUZZ_DRIVER_H
#define XEN_IB_TESTS_FUZZ_DRIVER_H

#include <stdbool.h>
#include <stdint.h>

#include <xen-ib/abi.h>

#include "world.h"

enum kind { DOORBELL, EQ, PD, XRCD, MR, DMA, MW, CQ, SRQ, QP, KINDS };

/* The queues of a thing. */
enum { Q_SEND = 0, Q_RECV = 1, Q_EVENTS = 0 /* of a CQ or EQ */ };

/* What a guest has made. */
struct thing {
	uint32_t number;           /* of a window, its key as the last bind has it */
	struct vib_queue queue[2]; /* the guest's side of it */
	uint32_t page;             /* of a doorbell, an MR's first, a DMA region's */
	uint64_t iova, length; /* the same; of a window, where peers' addresses begin */
	uint32_t offset;       /* of an MR's first byte, in its page */
	uint32_t access;
	uint8_t type; /* QP, SRQ, window; 0: a key of ALLOC_MR, among windows */
	uint8_t max_send_sge, max_recv_sge;
	uint32_t max_inline;
	uint32_t doorbell; /* its number */
	uint32_t db_index;
};

#define MAX_THINGS 96

struct driver {
	struct world_guest *guest;
	uint32_t next_page;
	uint32_t next_port;
	uint32_t next_bell;
	uint32_t qkey;
	bool narrow; /* names no page by its grant that somebody watches */
	unsigned int count[KINDS];
	struct thing things[KINDS][MAX_THINGS];
};

/* One thing a guest does. What is not said means nothing. */
struct move {
	uint8_t what; /* enum move_what */
	uint8_t who;
	uint8_t op; /* enum vib_command or enum vib_opcode, in some way */
	uint8_t repeat;
	uint8_t pick[8]; /* which of the things there are */
	uint8_t arg[8];
	uint8_t at[4]; /* where words of value[] go, if not 0; AT_OTHERS */
	uint32_t value[2];
};
_Static_assert(sizeof(struct move) == 32, "a move has no padding");

/* What pick[] is for. */
enum pick {
	PICK_THING, /* the one that the move is about */
	PICK_PD,
	PICK_CQ,
	PICK_CQ2,
	PICK_EQ,
	PICK_SRQ = PICK_EQ,
	PICK_DOORBELL,
	PICK_GUEST, /* the one at the other end */
	PICK_PEER,  /* its QP, its MR */
	PICK_MR = PICK_PD,
};

/* What arg[] is for: commands. */
enum arg {
	ARG_ORDER,
	ARG_STATE = ARG_ORDER,
	ARG_SGE,
	ARG_RNR_TIMER = ARG_SGE,
	ARG_TYPE,
	ARG_TIMEOUT = ARG_TYPE,
	ARG_ACCESS,
	ARG_RETRIES = ARG_ACCESS,
	ARG_INLINE,
	ARG_OFFSET = ARG_INLINE,
	ARG_ODD = ARG_INLINE, /* MODIFY_QP: other attributes than the transition needs */
	ARG_PAGES,
	ARG_AV = ARG_PAGES,
	ARG_FLAGS,
	ARG_MORE,
	/* Work requests. */
	ARG_WR_FLAGS = 0,
	ARG_NUM_SGE,
	ARG_LENGTH,
	ARG_LOCAL,
	ARG_REMOTE,
	ARG_WR_AV,
	ARG_RING,
	ARG_SRQ, /* of the peer, with XRC; else what an atomic adds, a MAD's P_Key */
};

/* In at[]: odd if a command is to name what another guest has. */
#define AT_OTHERS     2
/* Odd if a work request is to name a window where it could an MR; with its second bit,
 * memory of the kernel; with 0x30, a key of ALLOC_MR for an lkey.
 */
#define AT_WINDOW     3

#define PICK_NONE     0xff

/* The move.op of driver_send() that stands for REG_MR. */
#define DRIVER_REG_MR 11

/* The drivers of the guests, that they may name each other's things. */
extern struct driver drivers[WORLD_GUESTS];

/* Connect @d, which has nothing. */
void driver_begin(struct driver *d);

/* Have its control ring served. false if it is not connected, before or after. */
bool driver_serve(struct driver *d);

/* What the engine has as QP @qpn of @d; NULL: that has none. */
const struct qp *driver_qp(const struct driver *d, uint32_t qpn);

/* The Q_Key that QPs of @type have for @d. */
uint32_t driver_qkey(const struct driver *d, uint8_t type);

/* The thing that a byte picks, or NULL: there is none, or PICK_NONE. */
struct thing *driver_pick(struct driver *d, enum kind kind, uint8_t pick);

/* Its number, or VIB_NO_OBJECT. */
uint32_t driver_number(struct driver *d, enum kind kind, uint8_t pick);

/* From a byte to a number from 0 to @most, or, rarely, to more than that. */
uint32_t driver_choose(uint8_t arg, uint32_t most);

/* The address of guest m->pick[PICK_GUEST], in a form that @how has. */
struct vib_av driver_av(const struct move *m, uint8_t how);

/* Put words of @m where m->at has them among the @words, a power of two, at @at. */
void driver_spoil(const struct move *m, uint32_t *at, uint32_t words);

/*
 * Send @req and note what it made or ended. Returns the response's status, or
 * INT32_MIN if the guest is not connected, before or after.
 */
int32_t driver_command(struct driver *d, const struct vib_control_request *req,
		       struct vib_control_response *rsp);

/* The command m->op, with words of it as m->at has them. */
int32_t driver_make(struct driver *d, const struct move *m,
		    struct vib_control_response *rsp);

/* Bring a QP of @d to @state from where it is, as @m has it. */
void driver_bring_up(struct driver *d, const struct move *m, enum vib_qp_state state);

/* The guest's copy of the memory at @offset of @mr, or NULL if that is not its. */
uint8_t *driver_memory(struct driver *d, const struct thing *mr, uint64_t offset);

/* Slot @index of @q of @d, or NULL if it is beyond the guest's memory. */
uint8_t *driver_slot(const struct driver *d, const struct vib_queue *q, uint32_t index);

/* The request in the next slot of @q, a queue of QP @t, is complete: ring if wanted. */
void driver_produce(struct driver *d, const struct thing *t, struct vib_queue *q,
		    bool always_ring);

/* Ring for @qp. */
void driver_ring(struct driver *d, const struct thing *qp);

/* Post a send or a receive request as @m has it. */
void driver_send(struct driver *d, const struct move *m);
void driver_receive(struct driver *d, const struct move *m);

#endif
