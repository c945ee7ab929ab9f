/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The GSI QPs of two guests: what their kernels' MADs go through. */
#ifndef XEN_IB_TESTS_TWO_GSIS_H
#define XEN_IB_TESTS_TWO_GSIS_H

#include "two_guests.h"

#define DMA_ADDR 0x40000

/* Pages behind DATA, each with a purpose. */
enum { PAGE_MAD = DATA, PAGE_CQ, PAGE_SQ, PAGE_RQ, PAGE_BUFFER };

/* Where in PAGE_BUFFER receives are, of 512 bytes each. */
#define RECEIVE_AT   512
#define MAX_RECEIVES 7

/* @count pages at DMA_ADDR. */
struct vib_control_request reg_dma(struct peer *p, uint32_t count);

/* A guest with a GSI QP in RTS. */
struct its_gsi {
	struct peer *p;
	struct vib_queue cq, sq, rq;
	unsigned int posted; /* receives */
};

struct its_gsi its_gsi(struct peer *p);

/* Send @mad to @dlid. */
void its_gsi_send(struct its_gsi *g, const uint8_t mad[VIB_MAD_BYTES], uint16_t dlid);

/* Post a receive, of which at most MAX_RECEIVES are outstanding. */
void its_gsi_post(struct its_gsi *g);

/* Have @mad received, if there is one; false: there is none. */
bool its_gsi_take(struct its_gsi *g, uint8_t mad[VIB_MAD_BYTES]);

/* The poller does its work. */
void passes(struct world *w);

#endif
