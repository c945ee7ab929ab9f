/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Memory that a guest's kernel lent, in the rig. */
#ifndef XEN_IB_TESTS_RIG_DMA_H
#define XEN_IB_TESTS_RIG_DMA_H

#include <stdlib.h>

#include "rig_qp.h"

struct dma_memory {
	struct guest *guest;
	uint32_t number;
	uint64_t addr;
	uint8_t *at;
};

static inline struct vib_cmd_reg_dma dma_command(uint64_t addr, uint32_t pages)
{
	return (struct vib_cmd_reg_dma){ .addr = addr, .pages = { pages, 0 } };
}

static inline struct dma_memory dma_new(struct guest *g, uint64_t addr, uint32_t pages)
{
	const struct vib_cmd_reg_dma cmd = dma_command(addr, pages);
	struct memory m = memory_new((size_t)pages * VIB_PAGE_SIZE, pages);
	struct dma_memory dma = { .guest = g, .addr = addr, .at = m.at };

	assert_int_equal(dma_check(g->vhca, &cmd), 0);
	assert_int_equal(dma_create(g->vhca, &cmd, &m, &dma.number), 0);
	return dma;
}

static inline void dma_end(struct dma_memory *dma)
{
	struct memory m;

	assert_int_equal(dma_destroy(dma->guest->vhca, dma->number, &m), 0);
	assert_ptr_equal(m.at, dma->at);
	free(m.at);
}

static inline struct vib_sge dma_sge(uint64_t addr, uint32_t length)
{
	return (struct vib_sge){ addr, length, VIB_LOCAL_DMA_LKEY };
}

#endif
