// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Doorbell pages: one for each context, and one for the kernel, and each backend,
 * made with the first QP that needs it.
 */

#include <linux/slab.h>

#include <xen/events.h>

#include "verbs.h"

/*
 * Each costs an event channel, of which a domain has 1023 by default: some are for
 * its other devices, whatever processes do.
 */
#define VIB_MAX_DOORBELLS 512

static int vib_doorbell_map(struct vib_doorbell *db)
{
	struct vib_control_request request = {
		.operation = VIB_CMD_MAP_DOORBELL,
		.u.map_doorbell = {
			.ref = db->memory->refs[0],
			.event_channel = db->evtchn,
		},
	};

	return vib_object_create(db->vib, db->epoch, &request, &db->number);
}

static struct vib_doorbell *vib_doorbell_new(struct vib_bells *bells)
{
	struct vib *vib = bells->vib;
	struct vib_doorbell *db;
	int err;

	db = kzalloc(sizeof(*db), GFP_KERNEL_ACCOUNT);
	if (!db)
		return ERR_PTR(-ENOMEM);
	kref_init(&db->ref);
	db->vib = vib;
	db->epoch = READ_ONCE(vib->epoch);
	db->memory = vib_memory_alloc(vib, VIB_MEMORY_QUEUE,
				      sizeof(struct vib_doorbell_page), true);
	if (IS_ERR(db->memory)) {
		err = PTR_ERR(db->memory);
		goto err_free;
	}
	if (bells->ibucontext)
		db->entry = vib_umap_insert(bells->ibucontext,
					    db->memory->pages, 1, false);
	if (IS_ERR(db->entry)) {
		err = PTR_ERR(db->entry);
		goto err_memory;
	}
	if (atomic_inc_return(&vib->doorbells) > VIB_MAX_DOORBELLS) {
		err = -ENOSPC;
		goto err_count;
	}
	err = vib_evtchn_alloc(vib, &db->evtchn);
	if (err)
		goto err_count;
	err = vib_doorbell_map(db);
	if (err)
		goto err_evtchn;
	return db;

err_evtchn:
	vib_evtchn_free(db->evtchn);
err_count:
	atomic_dec(&vib->doorbells);
	if (db->entry)
		vib_umap_remove(db->entry);
err_memory:
	vib_memory_end(vib, db->memory);
err_free:
	kfree(db);
	return ERR_PTR(err);
}

static void vib_doorbell_end(struct kref *ref)
{
	struct vib_doorbell *db = container_of(ref, struct vib_doorbell, ref);
	struct vib *vib = db->vib;

	vib_object_destroy(vib, db->epoch, VIB_CMD_UNMAP_DOORBELL, db->number);
	vib_evtchn_free(db->evtchn);
	atomic_dec(&vib->doorbells);
	if (db->entry)
		vib_umap_remove(db->entry);
	vib_memory_end(vib, db->memory);
	kfree(db);
}

static void vib_doorbell_drop(struct vib_doorbell *db)
{
	kref_put(&db->ref, vib_doorbell_end);
}

void vib_bells_init(struct vib_bells *bells, struct vib *vib,
		    struct ib_ucontext *ibucontext)
{
	bells->vib = vib;
	bells->ibucontext = ibucontext;
	mutex_init(&bells->lock);
	bells->latest = NULL;
}

/* A page with QPs left stays until the last of these is gone. */
void vib_bells_end(struct vib_bells *bells)
{
	mutex_lock(&bells->lock);
	if (bells->latest)
		vib_doorbell_drop(bells->latest);
	bells->latest = NULL;
	mutex_unlock(&bells->lock);
}

/* Wake what serves the latest page, if its backend is there still. */
void vib_bells_wake(struct vib_bells *bells)
{
	struct vib_doorbell *db;

	mutex_lock(&bells->lock);
	db = bells->latest;
	if (db && db->epoch == READ_ONCE(bells->vib->epoch))
		notify_remote_via_evtchn(db->evtchn);
	mutex_unlock(&bells->lock);
}

/*
 * The doorbell page of a new QP and the QP's place in it, to be returned. Or an
 * ERR_PTR.
 */
struct vib_doorbell *vib_doorbell_take(struct vib_bells *bells, u32 *index)
{
	struct vib_doorbell *db;

	mutex_lock(&bells->lock);
	db = bells->latest;
	if (db && db->epoch != READ_ONCE(bells->vib->epoch)) {
		bells->latest = NULL;
		vib_doorbell_drop(db);
		db = NULL;
	}
	if (!db) {
		db = vib_doorbell_new(bells);
		if (IS_ERR(db))
			goto out;
		bells->latest = db;
	}
	*index = find_first_zero_bit(db->used, VIB_DB_QUEUES);
	if (*index == VIB_DB_QUEUES) {
		db = ERR_PTR(-ENOMEM);
		goto out;
	}
	__set_bit(*index, db->used);
	kref_get(&db->ref);
out:
	mutex_unlock(&bells->lock);
	return db;
}

void vib_doorbell_return(struct vib_bells *bells, struct vib_doorbell *db,
			 u32 index)
{
	mutex_lock(&bells->lock);
	__clear_bit(index, db->used);
	mutex_unlock(&bells->lock);
	vib_doorbell_drop(db);
}
