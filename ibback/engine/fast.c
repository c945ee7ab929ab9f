// SPDX-License-Identifier: GPL-2.0-or-later
#include "engine/fast.h"

#include <stdlib.h>

#include <xen-ib/barrier.h>

#include "engine/dma.h"
#include "engine/granted.h"
#include "engine/mr.h"
#include "engine/qp.h"
#include "engine/send.h"
#include "engine/sg.h"
#include "engine/vhca.h"

#define WRITES          (VIB_ACCESS_REMOTE_WRITE | VIB_ACCESS_REMOTE_ATOMIC)
#define RIGHTS          (WRITES | VIB_ACCESS_REMOTE_READ | VIB_ACCESS_LOCAL_WRITE)

/* What looking at a page of a list costs, as bytes. */
#define COST_PAGE       16

/* Fields that requests of its own guest read without the lock. */
#define get(field)      __atomic_load_n(&(field), __ATOMIC_RELAXED)
#define set(field, new) __atomic_store_n(&(field), new, __ATOMIC_RELAXED)

struct fast *fast_new(const struct vhca *vhca, uint32_t max_pages)
{
	struct fast *fast = calloc(1, sizeof(*fast) + max_pages * sizeof(fast->page[0]));

	if (!fast)
		return NULL;
	fast->vhca = vhca;
	fast->max_pages = max_pages;
	return fast;
}

void fast_free(struct fast *fast)
{
	set(fast->valid, false);
}

/* ---- memory ------------------------------------------------------------ */

/* @length bytes at @addr, an address for DMA. NULL: they are not there as one. */
static uint8_t *look_up(const struct vhca *vhca, uint64_t addr, uint64_t length)
{
	struct mr_hint none = { 0 };

	return addr_is_granted(addr) ? granted_reach(vhca, addr, length)
				     : dma_reach(vhca, &none, addr, length);
}

static uint64_t page_of(uint64_t offset)
{
	return offset >> VIB_PAGE_SHIFT;
}

/* How many of @length bytes from @offset on are at addresses that follow one another. */
static uint64_t row_from(const struct fast *fast, uint64_t offset, uint64_t length)
{
	uint64_t page = page_of(offset);
	uint64_t n = VIB_PAGE_SIZE - offset % VIB_PAGE_SIZE;

	while (n < length && page + 1 < fast->max_pages &&
	       get(fast->page[page + 1]) == get(fast->page[page]) + VIB_PAGE_SIZE) {
		n += VIB_PAGE_SIZE;
		page++;
	}
	return n < length ? n : length;
}

uint8_t *fast_place(const struct fast *fast, uint64_t offset, uint64_t *length)
{
	uint64_t within = offset % VIB_PAGE_SIZE, n, addr;
	uint8_t *at;

	if (page_of(offset) >= fast->max_pages)
		return NULL;
	addr = get(fast->page[page_of(offset)]) + within;
	n = row_from(fast, offset, *length);
	at = look_up(fast->vhca, addr, n);
	if (!at && n > VIB_PAGE_SIZE - within) {
		/* They may be of two regions. */
		n = VIB_PAGE_SIZE - within;
		at = look_up(fast->vhca, addr, n);
	}
	*length = n;
	return at;
}

/* Where in its pages @length bytes at @addr begin; false: not all are shown. */
static bool place_of(const struct fast *fast, uint64_t addr, uint64_t length,
		     uint64_t *first)
{
	uint64_t iova = get(fast->iova), whole = get(fast->length);
	uint64_t offset = addr - iova; /* huge if addr is below */

	*first = offset + iova % VIB_PAGE_SIZE;
	return offset <= whole && length <= whole - offset;
}

/*
 * @length bytes at @addr as a part of a list: memory itself where they follow one
 * another, else the pages, to be looked up as they are copied.
 */
static bool find(const struct fast *fast, uint64_t addr, uint64_t length, uint32_t access,
		 struct sg_part *part)
{
	uint64_t first;

	if ((get(fast->access) & access) != access ||
	    !place_of(fast, addr, length, &first))
		return false;
	part->length = length;
	if (get(fast->in_row) || page_of(first) == page_of(first + length - 1)) {
		uint64_t n = length;

		part->fast = NULL;
		part->at = fast_place(fast, first, &n);
		if (!part->at || n == length)
			return part->at;
	}
	part->fast = fast;
	part->at = (uint8_t *)(uintptr_t)first;
	return true;
}

/* ---- registering ------------------------------------------------------- */

/* The header of the list at @list with @count addresses behind it, mapped; or NULL. */
static struct vib_page_list *list_at(const struct vhca *vhca, uint64_t list,
				     uint64_t count)
{
	struct mr_hint none = { 0 };

	return (struct vib_page_list *)dma_reach(vhca, &none, list,
						 sizeof(struct vib_page_list) +
							 count * sizeof(uint64_t));
}

/* Copy @count addresses, each of a page that the guest's kernel has lent or may grant. */
static bool copy_pages(struct fast *fast, const struct vib_page_list *list,
		       uint64_t count)
{
	const uint64_t *from = (const uint64_t *)(list + 1);
	bool in_row = true, granted = false;

	for (uint64_t i = 0; i < count; i++) {
		uint64_t addr = get(from[i]);

		if (addr % VIB_PAGE_SIZE || !look_up(fast->vhca, addr, VIB_PAGE_SIZE))
			return false;
		in_row &= i == 0 || addr == fast->page[i - 1] + VIB_PAGE_SIZE;
		granted |= addr_is_granted(addr);
		set(fast->page[i], addr);
	}
	set(fast->granted, granted);
	set(fast->in_row, in_row);
	return true;
}

/* IBTA vol. 1 §10.6.3.3: what has to be right of the request itself. */
static bool operands_ok(const struct mw *mw, const struct qp *qp,
			const struct vib_send_wqe *wqe)
{
	uint32_t access = wqe->u.reg_mr.access;

	return mw->pd == qp->pd && !((wqe->u.reg_mr.key ^ mw->key) >> MW_KEY_BITS) &&
	       !(access & ~(uint32_t)RIGHTS) &&
	       (!(access & WRITES) || access & VIB_ACCESS_LOCAL_WRITE) &&
	       wqe->u.reg_mr.length &&
	       wqe->u.reg_mr.iova + wqe->u.reg_mr.length > wqe->u.reg_mr.iova &&
	       wqe->u.reg_mr.list % VIB_LINE == 0;
}

enum mw_result fast_fill(struct share *share, const struct mw *mw)
{
	const struct vib_send_wqe *wqe = &share->qp->sending.wqe;
	struct fast *fast = mw->fast;
	uint64_t iova = wqe->u.reg_mr.iova, length = wqe->u.reg_mr.length;
	uint64_t count = page_of(iova % VIB_PAGE_SIZE + length + VIB_PAGE_SIZE - 1);
	struct vib_page_list *list;

	if (fast->valid || fast->wire.state != WIRE_FAST_IDLE ||
	    !operands_ok(mw, share->qp, wqe) || count > fast->max_pages)
		return MW_DENIED;
	share_spend(share, count * COST_PAGE);
	list = list_at(fast->vhca, wqe->u.reg_mr.list, count);
	return list && copy_pages(fast, list, count) ? MW_OK : MW_DENIED;
}

void fast_set_valid(struct mw *mw, const struct vib_send_wqe *wqe)
{
	struct fast *fast = mw->fast;

	mw->key = wqe->u.reg_mr.key;
	fast->serial = wqe->u.reg_mr.serial;
	fast->list = wqe->u.reg_mr.list;
	set(fast->key, mw->key);
	set(fast->access, wqe->u.reg_mr.access);
	set(fast->iova, wqe->u.reg_mr.iova);
	set(fast->length, wqe->u.reg_mr.length);
	__atomic_store_n(&fast->valid, true, __ATOMIC_RELEASE);
}

enum mw_result fast_register(struct share *share)
{
	struct qp *qp = share->qp;
	enum mw_result result;
	struct mw *mw;

	/* Addresses for DMA are the kernel's. */
	if (!qp->kernel)
		return MW_DENIED;
	mw = mw_take(qp->vhca, qp->sending.wqe.u.reg_mr.key, &result);
	if (!mw)
		return result;
	result = mw->fast ? fast_fill(share, mw) : MW_DENIED;
	if (result == MW_OK)
		fast_set_valid(mw, &qp->sending.wqe);
	mw_release(mw);
	return result;
}

/* ---- using ------------------------------------------------------------- */

/*
 * The frontend ends a registration, looks whether it is in use, and then gives its memory
 * to others; so we say first that we use it, and look then whether it has ended.
 */
bool fast_enter(struct fast *fast, uint32_t key, uint64_t addr, uint64_t length,
		uint32_t access, struct sg_part *part)
{
	struct vib_page_list *list;

	if (!fast->valid || fast->key != key)
		return false;
	list = list_at(fast->vhca, fast->list, 0);
	if (!list)
		return false;
	fast->in_use = list;
	vib_write32(&list->in_use, 1);
	vib_full_barrier();
	if (!vib_serial_has_ended(fast->serial, vib_read32(&list->ended)) &&
	    find(fast, addr, length, access, part))
		return true;
	fast_leave(fast);
	return false;
}

void fast_leave(struct fast *fast)
{
	vib_publish32(&fast->in_use->in_use, 0);
	fast->in_use = NULL;
}

bool fast_reach(const struct vhca *vhca, uint32_t key, uint32_t pd, uint64_t addr,
		uint64_t length, uint32_t access, struct sg_part *part)
{
	const struct mw *mw = table_get(&vhca->mws, key >> MW_KEY_BITS, mw);

	return mw && mw->fast && mw->pd == pd &&
	       __atomic_load_n(&mw->fast->valid, __ATOMIC_ACQUIRE) &&
	       get(mw->fast->key) == key && find(mw->fast, addr, length, access, part);
}

bool fast_address(const struct fast *fast, uint32_t key, uint64_t addr, uint64_t length,
		  uint64_t *dma)
{
	uint64_t first;

	if (!__atomic_load_n(&fast->valid, __ATOMIC_ACQUIRE) || get(fast->key) != key ||
	    !place_of(fast, addr, length, &first) || page_of(first) >= fast->max_pages ||
	    row_from(fast, first, length) != length)
		return false;
	*dma = get(fast->page[page_of(first)]) + first % VIB_PAGE_SIZE;
	return true;
}
