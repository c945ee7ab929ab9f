/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a guest sends and pollers let go no further, by cause: what it forged, or may not
 * say, or has no right to reach. Each is counted at the vHCA that sent it, whoever it was
 * for; of the first of a cause the control thread is told, for its log.
 */
#ifndef XEN_IB_IBBACK_DROPS_H
#define XEN_IB_IBBACK_DROPS_H

#include <stdint.h>

struct vhca;

enum drop {
	DROP_NONE,
	DROP_MAD_LINK_DOWN,
	DROP_MAD_QPN,  /* not of QP0 to QP0, or of QP1 to QP1 */
	DROP_MAD_QKEY, /* another than that QP's */
	DROP_MAD_PKEY, /* an index that has no P_Key */
	DROP_MAD_SGID, /* an index that has no GID */
	DROP_PKEY,     /* a message to a QP in another partition */
	DROP_QKEY,     /* a datagram to a QP with another Q_Key */
	DROP_SGID,     /* a datagram with an index that has no GID */
	DROP_QPN,      /* a datagram to QP0 or QP1, which only their like reach */
	DROPS,         /* how many there are, and the unused 0 */
};

struct drops {
	uint64_t count[DROPS]; /* the vHCA's poller's; atomic */
};

/* A word for programs, and a line for people. */
const char *drop_name(enum drop why);
const char *drop_text(enum drop why);

/* One more, of what @vhca sent. Its poller. */
void drop_count(struct vhca *vhca, enum drop why);

/* Any thread. */
uint64_t drop_counted(const struct vhca *vhca, enum drop why);

#endif
