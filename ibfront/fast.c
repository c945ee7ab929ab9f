// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * MRs whose memory requests choose.
 */

#include <linux/dma-mapping.h>
#include <linux/hash.h>
#include <linux/iopoll.h>
#include <linux/scatterlist.h>
#include <linux/slab.h>

#include <xen-ib/barrier.h>
#include <xen-ib/post.h>

#include "fast.h"
#include "granted.h"
#include "kernel.h"
#include "pool.h"

/* What a share of a request takes, and the processor of a poller that is preempted. */
#define VIB_FAST_WAIT_US 20000

#define VIB_FAST_ACCESS (VIB_ACCESS_LOCAL_WRITE | VIB_ACCESS_REMOTE_WRITE | \
			 VIB_ACCESS_REMOTE_READ | VIB_ACCESS_REMOTE_ATOMIC)

u32 vib_fast_max_pages(const struct vib_device_attr *attr)
{
	return attr->cap_flags & VIB_CAP_FRWR ?
		       min(attr->max_fast_reg_pages, VIB_FAST_MOST) : 0;
}

/* ---- the list ------------------------------------------------------------ */

/* In memory that is lent: the backend looks at it without a copy. */
static int vib_fast_alloc_list(struct vib *vib, struct vib_fast *fast)
{
	struct device *dev = &vib->xbdev->dev;

	fast->bytes = sizeof(*fast->list) + fast->max_pages * sizeof(u64);
	fast->list = dma_alloc_coherent(dev, fast->bytes, &fast->addr, GFP_KERNEL);
	if (!fast->list)
		return -ENOMEM;
	if (!vib_granted_has(fast->addr))
		return 0;
	dma_free_coherent(dev, fast->bytes, fast->list, fast->addr);
	return -ENOMEM;
}

static u64 *vib_fast_entries(const struct vib_fast *fast)
{
	return (u64 *)(fast->list + 1);
}

static int vib_fast_set_page(struct ib_mr *ibmr, u64 addr)
{
	struct vib_fast *fast = to_vib_fast(ibmr);
	u64 *entries = vib_fast_entries(fast);

	if (fast->pages == fast->max_pages)
		return -ENOMEM;
	/* As if the MR were full: what is behind the gap is another's. */
	if (fast->pages && addr != entries[fast->pages - 1] + PAGE_SIZE &&
	    vib_fast_wants_row(to_vib(ibmr->device)))
		return -ENOMEM;
	entries[fast->pages++] = addr;
	return 0;
}

/* ---- what is shown ------------------------------------------------------- */

static struct hlist_head *vib_fast_bucket(struct vib *vib,
					  const struct scatterlist *from)
{
	return &vib->kernel.shown[hash_ptr(from, VIB_SHOWN_BITS)];
}

/*
 * It has ended; whoever came by the key before is gone when this returns. A backend that
 * is not, in that time, has lost its processor for long, or is wrong.
 */
static void vib_fast_wait(struct vib *vib, const struct vib_fast *fast)
{
	u32 in_use;

	if (read_poll_timeout_atomic(vib_read32, in_use,
				     !in_use || !READ_ONCE(vib->up), 1,
				     VIB_FAST_WAIT_US, false, &fast->list->in_use))
		dev_warn_ratelimited(&vib->xbdev->dev,
				     "memory was taken back while a peer's request used it\n");
}

/* It shows something. Who ends an MR waits for the lock. */
static void vib_fast_end(struct vib *vib, struct vib_fast *fast)
{
	hlist_del_init(&fast->shown);
	vib_write32(&fast->list->ended, fast->serial);
	vib_full_barrier();
	if (vib_read32(&fast->list->in_use))
		vib_fast_wait(vib, fast);
}

/*
 * A registration of its own, of memory that @from maps. The one before is over, though
 * SRP, which has posted its LOCAL_INV, may be about to unmap it only now.
 */
static void vib_fast_show(struct vib *vib, struct vib_fast *fast,
			  const struct scatterlist *from)
{
	unsigned long flags;

	spin_lock_irqsave(&vib->kernel.shown_lock, flags);
	if (!hlist_unhashed(&fast->shown))
		vib_fast_end(vib, fast);
	fast->serial++;
	fast->from = from;
	hlist_add_head(&fast->shown, vib_fast_bucket(vib, from));
	spin_unlock_irqrestore(&vib->kernel.shown_lock, flags);
}

static void vib_fast_hide(struct vib *vib, struct vib_fast *fast)
{
	unsigned long flags;

	spin_lock_irqsave(&vib->kernel.shown_lock, flags);
	hlist_del_init(&fast->shown);
	spin_unlock_irqrestore(&vib->kernel.shown_lock, flags);
}

/* All that was mapped from @from on. */
static void vib_fast_end_all(struct vib *vib, const struct scatterlist *from)
{
	struct vib_fast *fast;
	struct hlist_node *next;

	hlist_for_each_entry_safe(fast, next, vib_fast_bucket(vib, from), shown)
		if (fast->from == from)
			vib_fast_end(vib, fast);
}

void vib_fast_unmap(struct vib *vib, const struct scatterlist *list, int nents)
{
	unsigned long flags;
	int i;

	/* Of most lists no MR is mapped. */
	for (i = 0; i < nents; i++, list = sg_next((struct scatterlist *)list)) {
		if (hlist_empty(vib_fast_bucket(vib, list)))
			continue;
		spin_lock_irqsave(&vib->kernel.shown_lock, flags);
		vib_fast_end_all(vib, list);
		spin_unlock_irqrestore(&vib->kernel.shown_lock, flags);
	}
}

/* ---- verbs --------------------------------------------------------------- */

/* At the backend: with @key, or with any if that is 0. Its key is in fast->mr then. */
static int vib_fast_connect(struct vib *vib, struct vib_fast *fast, u32 key)
{
	struct vib_control_request request = {
		.operation = VIB_CMD_ALLOC_MR,
		.u.alloc_mr = {
			.pd = vib->kernel.pd,
			.max_pages = fast->max_pages,
			.key = key,
		},
	};
	u32 made;
	int err;

	fast->mr.epoch = READ_ONCE(vib->epoch);
	err = vib_object_create(vib, fast->mr.epoch, &request, &made);
	if (err) {
		fast->mr.epoch = 0; /* of none: no backend is to be told of it */
		return err;
	}
	if (!key) {
		fast->mr.ibmr.lkey = made;
		fast->mr.ibmr.rkey = made;
	} else if (made != key) {
		vib_fail(vib, VIB_BROKEN, "another key than was asked for");
		return -EIO;
	}
	return 0;
}

static int vib_fast_make(struct vib *vib, struct vib_fast *fast)
{
	int err;

	vib_kernel_lock(vib);
	err = vib_fast_connect(vib, fast, 0);
	if (!err)
		list_add_tail(&fast->entry, &vib->kernel.mrs);
	vib_kernel_unlock(vib);
	return err;
}

struct ib_mr *vib_verb_alloc_mr(struct ib_pd *ibpd, enum ib_mr_type type,
				u32 max_num_sg)
{
	struct vib_ibdev *dev = to_vib_ibdev(ibpd->device);
	struct vib *vib = dev->vib;
	struct vib_fast *fast;
	u32 most;
	int err;

	spin_lock(&dev->lock);
	most = vib_fast_max_pages(&dev->info.device);
	spin_unlock(&dev->lock);
	if (type != IB_MR_TYPE_MEM_REG || !to_vib_pd(ibpd)->kernel || !most)
		return ERR_PTR(-EOPNOTSUPP);
	if (!max_num_sg || max_num_sg > most)
		return ERR_PTR(-EINVAL);
	fast = kzalloc(sizeof(*fast), GFP_KERNEL);
	if (!fast)
		return ERR_PTR(-ENOMEM);
	INIT_HLIST_NODE(&fast->shown);
	fast->mr.fast = true;
	fast->max_pages = max_num_sg;
	err = vib_fast_alloc_list(vib, fast);
	if (err)
		goto err_free;
	err = vib_fast_make(vib, fast);
	if (err)
		goto err_list;
	return &fast->mr.ibmr;

err_list:
	dma_free_coherent(&vib->xbdev->dev, fast->bytes, fast->list, fast->addr);
err_free:
	kfree(fast);
	return ERR_PTR(err);
}

void vib_fast_dereg(struct vib_fast *fast)
{
	struct vib *vib = to_vib(fast->mr.ibmr.device);

	vib_kernel_lock(vib);
	list_del(&fast->entry);
	vib_object_destroy(vib, fast->mr.epoch, VIB_CMD_DEREG_MR,
			   fast->mr.ibmr.lkey);
	vib_kernel_unlock(vib);
	vib_fast_hide(vib, fast);
	dma_free_coherent(&vib->xbdev->dev, fast->bytes, fast->list, fast->addr);
	kfree(fast);
}

/* Peers read it without another word from here. */
static void vib_fast_copy(struct vib *vib, struct scatterlist *list, int nents)
{
	struct scatterlist *sg;
	int i;

	for_each_sg(list, sg, nents, i)
		vib_dma_copy_now(vib, sg_dma_address(sg), sg_dma_len(sg));
}

int vib_verb_map_mr_sg(struct ib_mr *ibmr, struct scatterlist *sg, int nents,
		       unsigned int *offset)
{
	struct vib_fast *fast = to_vib_fast(ibmr);
	int mapped;

	BUILD_BUG_ON(PAGE_SIZE != VIB_PAGE_SIZE);

	if (!fast->mr.fast || ibmr->page_size != PAGE_SIZE)
		return -EINVAL;
	fast->pages = 0;
	mapped = ib_sg_to_pages(ibmr, sg, nents, offset, vib_fast_set_page);
	if (mapped > 0) {
		/* Of the one behind a part may be in it. */
		vib_fast_copy(to_vib(ibmr->device), sg, min(mapped + 1, nents));
		vib_fast_show(to_vib(ibmr->device), fast, sg);
	}
	return mapped;
}

int vib_fast_check(const struct vib_qp *qp, const struct ib_reg_wr *wr)
{
	struct vib_fast *fast = to_vib_fast(wr->mr);
	u32 access = wr->access & ~IB_ACCESS_OPTIONAL; /* hints */

	if (!fast->mr.fast || wr->wr.num_sge ||
	    wr->wr.send_flags & IB_SEND_INLINE || access & ~VIB_FAST_ACCESS ||
	    wr->mr->length > U32_MAX)
		return -EINVAL;
	/* One that is lost, and its key perhaps another's. */
	return READ_ONCE(fast->mr.epoch) == qp->epoch ? 0 : -EINVAL;
}

void vib_fast_put(struct vib_send_wqe *slot, const struct ib_reg_wr *wr)
{
	struct vib_fast *fast = to_vib_fast(wr->mr);

	vib_put_reg_mr(slot, wr->mr->iova, wr->mr->length, fast->addr,
		       READ_ONCE(fast->serial), wr->key,
		       wr->access & VIB_FAST_ACCESS);
}

/* ---- backends come and go ------------------------------------------------ */

void vib_fast_init(struct vib *vib)
{
	INIT_LIST_HEAD(&vib->kernel.mrs);
	spin_lock_init(&vib->kernel.shown_lock);
	hash_init(vib->kernel.shown);
}

/* One that was killed leaves what it was at in use. */
void vib_fast_lose(struct vib *vib)
{
	struct vib_fast *fast;

	list_for_each_entry(fast, &vib->kernel.mrs, entry)
		vib_write32(&fast->list->in_use, 0);
}

/* What the next backend does not make is lost: its user has others made. */
void vib_fast_revive(struct vib *vib)
{
	struct vib_fast *fast;
	unsigned int lost = 0;
	int err, last = 0;

	vib_fast_lose(vib); /* one that was not killed may have gone on */
	list_for_each_entry(fast, &vib->kernel.mrs, entry) {
		err = vib_fast_connect(vib, fast, fast->mr.ibmr.rkey);
		if (!READ_ONCE(vib->up))
			return;
		if (!err)
			continue;
		last = err;
		lost++;
	}
	if (lost)
		dev_info(&vib->xbdev->dev,
			 "%u MRs of the kernel are lost with their backend: the next one cannot make them (%d)\n",
			 lost, last);
}
