// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Data that a READ or a connection's receive brings are where its user looks for them once it
 * has completed, and not only when they are unmapped: before that ib_srpt hands what it reads to
 * its disk, and nvmet-rdma what came with a command.
 */

#include <linux/slab.h>

#include "kernel.h"
#include "pool.h"

struct vib_landing {
	int count;
	struct vib_sge sges[];
};

static void vib_sge_land(struct vib *vib, const struct vib_sge *sge, u32 length)
{
	/* With another key the address is no mapping's. */
	if (sge->lkey == VIB_LOCAL_DMA_LKEY)
		vib_dma_land(vib, sge->addr, length);
}

/*
 * The landing of @wr, in @landing; NULL there if it is no READ or has nothing to land. 0, or
 * -ENOMEM. Anywhere.
 */
int vib_landing_new(struct vib *vib, const struct ib_send_wr *wr,
		    struct vib_landing **landing)
{
	int i;

	*landing = NULL;
	if (wr->opcode != IB_WR_RDMA_READ)
		return 0;
	for (i = 0; i < wr->num_sge; i++)
		if (vib_dma_lands(vib, wr->sg_list[i].addr, wr->sg_list[i].length))
			break;
	if (i == wr->num_sge)
		return 0;
	*landing = kmalloc(struct_size(*landing, sges, wr->num_sge), GFP_ATOMIC);
	if (!*landing)
		return -ENOMEM;
	(*landing)->count = wr->num_sge;
	vib_sges_copy((*landing)->sges, wr->sg_list, wr->num_sge);
	return 0;
}

/*
 * @request is outstanding no more; if its data have @landed, its user has them. Only then is
 * what it names still mapped for sure.
 */
void vib_landing_end(struct vib *vib, struct vib_request *request, bool landed)
{
	struct vib_landing *landing = request->landing;
	int i;

	if (!landing)
		return;
	for (i = 0; landed && i < landing->count; i++)
		vib_sge_land(vib, &landing->sges[i], landing->sges[i].length);
	kfree(landing);
	request->landing = NULL;
}

/* Of a receive, @request, into @sges; what is wrong with @cqe is not looked at yet. */
void vib_receive_land(struct vib *vib, const struct vib_cqe *cqe,
		      const struct vib_sge *sges, const struct vib_request *request)
{
	u32 left = min(cqe->byte_len, request->length), i, length;

	if (cqe->status != VIB_WC_SUCCESS || cqe->opcode == VIB_OP_RDMA_WRITE_IMM)
		return;
	for (i = 0; left && i < request->num_sge; i++, left -= length) {
		length = min(left, sges[i].length);
		vib_sge_land(vib, &sges[i], length);
	}
}
