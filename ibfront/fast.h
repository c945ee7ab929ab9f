/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Fast registration: MRs of IB_MR_TYPE_MEM_REG, with which storage does its I/O. A key
 * is made by a command, and shows pages by a request (IB_WR_REG_MR). Their DMA addresses
 * stand in a list that the backend reads in the pool.
 *
 * Users unmap what they did I/O with before its key is invalidated (SRP), or while nobody
 * is about to do so (iSER). So it ends here, when its list is unmapped: the backend lets
 * no peer through any more, and what still is at work is waited for. An MR is found by the
 * first entry of the list that it was mapped from, which is the one that is unmapped;
 * addresses would not do, as two may have mapped one page.
 *
 * An MR outlives its backend, as its user may: the next one makes the key again, free.
 *
 * What these users ask of a device, in Linux 6.1 and 6.12:
 *
 *	ib_srp		IB_DEVICE_MEM_MGT_EXTENSIONS; max_fast_reg_page_list_len, of which
 *			it uses up to 512; page_size_cap of 4 KiB; LOCAL_INV without
 *			waiting for it; REG_MR with LOCAL_WRITE and REMOTE_ both
 *	ib_iser		the same; the lkey, too, for data that go unasked; SEND_WITH_INV
 *			from its target; REG_MR behind the LOCAL_INV of the last, in a chain
 *	nvme-rdma	the same, of 257 pages; a pool of MRs for each queue (ib_mr_pool);
 *			LOCAL_INV unless the target's SEND_WITH_INV was seen
 *	rtrs, rds_rdma, smbdirect
 *			the same
 *	xprtrdma	max_fast_reg_page_list_len above 0; max_send_sge of 3 and more; an
 *			iova whose upper half is its own; SEND_WITH_INV; LOCAL_INV and
 *			REG_MR in chains, of which the last is signaled
 *	svcrdma, nvmet-rdma, ib_isert, ib_srpt
 *			rdma_rw: local_dma_lkey, max_sge_rd, max_send_sge; no MRs, as
 *			max_sgl_rd is 0; max_srq_sge of 2 and more. Not rdma_rw's force_mr,
 *			which is for tests: it maps what is not read from the disk yet;
 *			SEND_WITH_INV only with IB_DEVICE_MEM_MGT_EXTENSIONS (svcrdma)
 */
#ifndef IBFRONT_FAST_H
#define IBFRONT_FAST_H

#include <linux/list.h>

#include <rdma/ib_verbs.h>

#include "verbs.h"

/* Pages of one, at most, whatever a backend says; what SRP has. */
#define VIB_FAST_MOST 512u

struct vib_fast {
	struct vib_mr mr;
	struct list_head entry; /* in vib->kernel.mrs */
	u32 max_pages;
	u32 pages; /* in the list */
	struct vib_page_list *list;
	dma_addr_t addr; /* of the list */
	size_t bytes; /* of it */

	/* guarded by vib->kernel.shown_lock */
	struct hlist_node shown; /* in vib->kernel.shown */
	const struct scatterlist *from; /* what it was mapped from */
	u32 serial;
};

static inline struct vib_fast *to_vib_fast(struct ib_mr *ibmr)
{
	return container_of(to_vib_mr(ibmr), struct vib_fast, mr);
}

/* The longest list that a device has, or 0: it has none. */
u32 vib_fast_max_pages(const struct vib_device_attr *attr);

/*
 * Must the pages of one follow one another? An HCA of the backend's has what they show
 * from one piece of its memory. So lists are mapped to be such (dma.c).
 */
static inline bool vib_fast_wants_row(const struct vib *vib)
{
	return READ_ONCE(vib->info.device.cap_flags) & VIB_CAP_FRWR_ROW;
}

struct ib_mr *vib_verb_alloc_mr(struct ib_pd *ibpd, enum ib_mr_type type,
				u32 max_num_sg);
int vib_verb_map_mr_sg(struct ib_mr *ibmr, struct scatterlist *sg, int nents,
		       unsigned int *offset);
void vib_fast_dereg(struct vib_fast *fast);

/* Can @wr be posted to @qp? An errno. */
int vib_fast_check(const struct vib_qp *qp, const struct ib_reg_wr *wr);
void vib_fast_put(struct vib_send_wqe *slot, const struct ib_reg_wr *wr);

/*
 * @list is about to be unmapped: what was mapped from it shows nothing from now on. Any
 * context.
 */
void vib_fast_unmap(struct vib *vib, const struct scatterlist *list, int nents);

void vib_fast_init(struct vib *vib);

/* The backend is gone; the next one is there. vib_kernel_lock() is held. */
void vib_fast_lose(struct vib *vib);
void vib_fast_revive(struct vib *vib);

#endif
