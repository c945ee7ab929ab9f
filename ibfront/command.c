// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Commands on the control ring, one answer each, waited for.
 *
 * What is pending is known from the slots alone; nothing the backend writes is
 * believed before it was compared with them. There are as many slots as the
 * ring has, so it is never full.
 */

#include <linux/bitmap.h>
#include <linux/minmax.h>
#include <linux/nospec.h>
#include <linux/sched.h>

#include <xen/events.h>

#include "memory.h"
#include "vib.h"

/*
 * Longer than any command takes, and a page that it maps or unmaps, beside other
 * guests' pages; a backend that needs more is taken for hung.
 */
#define VIB_COMMAND_TIMEOUT (30 * HZ)
#define VIB_PAGE_MS 1

/* The last of xen/errno.h is below, what the kernel has for itself above. */
#define VIB_MAX_STATUS 133

static struct vib_control_sring *vib_sring(struct vib *vib)
{
	return vib_memory_page(vib->shared, VIB_RING_PAGE);
}

void vib_commands_init(struct vib *vib)
{
	unsigned int i;

	BUILD_BUG_ON(__CONST_RING_SIZE(vib_control, VIB_PAGE_SIZE) !=
		     VIB_CONTROL_RING_SIZE);

	init_waitqueue_head(&vib->slot_free);
	for (i = 0; i < VIB_CONTROL_RING_SIZE; i++)
		init_completion(&vib->slots[i].done);
}

/* Make the ring of a new connection. */
void vib_commands_reset(struct vib *vib)
{
	spin_lock_irq(&vib->lock);
	vib->failure = VIB_FINE;
	vib->why = NULL;
	vib->answered = jiffies;
	XEN_FRONT_RING_INIT(&vib->ring, vib_sring(vib), VIB_PAGE_SIZE);
	spin_unlock_irq(&vib->lock);
}

/* From here on a backend that is not alive is a backend that is gone. */
void vib_commands_start(struct vib *vib)
{
	spin_lock_irq(&vib->lock);
	if (vib->failure == VIB_FINE && !vib->removing)
		WRITE_ONCE(vib->up, true);
	spin_unlock_irq(&vib->lock);

	/* Whichever of vib_event() and this comes last sees it die. */
	virt_mb();
	if (!vib_backend_alive(vib))
		vib_fail(vib, VIB_GONE, NULL);
}

/* The connection is complete: verbs may use it. */
void vib_commands_serve(struct vib *vib)
{
	spin_lock_irq(&vib->lock);
	vib->serving = vib->up;
	spin_unlock_irq(&vib->lock);
}

static void vib_slot_answer(struct vib_command_slot *slot, int status)
{
	slot->status = status;
	slot->response = NULL;
	complete(&slot->done);
}

static void vib_commands_stop_locked(struct vib *vib)
{
	unsigned int i;

	lockdep_assert_held(&vib->lock);

	WRITE_ONCE(vib->up, false);
	WRITE_ONCE(vib->serving, false);
	for (i = 0; i < VIB_CONTROL_RING_SIZE; i++)
		if (vib->slots[i].response)
			vib_slot_answer(&vib->slots[i], -ENODEV);
}

/* Fail what is pending, and whatever comes until the next start. */
void vib_commands_stop(struct vib *vib)
{
	spin_lock_irq(&vib->lock);
	vib_commands_stop_locked(vib);
	spin_unlock_irq(&vib->lock);
}

static void vib_fail_locked(struct vib *vib, enum vib_failure failure,
			    const char *why)
{
	lockdep_assert_held(&vib->lock);

	if (vib->failure == VIB_FINE) {
		WRITE_ONCE(vib->failure, failure);
		vib->why = why;
	}
	vib_commands_stop_locked(vib);
	vib_look(vib);
}

/*
 * The connection is over: the lifecycle work will take it down. @why says in
 * what way the backend broke the protocol; it is not copied. Does not sleep.
 */
void vib_fail(struct vib *vib, enum vib_failure failure, const char *why)
{
	unsigned long flags;

	spin_lock_irqsave(&vib->lock, flags);
	vib_fail_locked(vib, failure, why);
	spin_unlock_irqrestore(&vib->lock, flags);
}

/* Returns the id the request got, -EAGAIN if all are taken, or -ENODEV. */
static int vib_command_send(struct vib *vib, u32 epoch,
			    const struct vib_control_request *request,
			    struct vib_control_response *response)
{
	struct vib_command_slot *slot;
	struct vib_control_request *entry;
	int notify, id;

	spin_lock_irq(&vib->lock);
	if (!vib->up || vib->epoch != epoch) {
		id = -ENODEV;
		goto out;
	}
	id = find_first_zero_bit(vib->slots_used, VIB_CONTROL_RING_SIZE);
	if (id == VIB_CONTROL_RING_SIZE) {
		id = -EAGAIN;
		goto out;
	}
	__set_bit(id, vib->slots_used);
	slot = &vib->slots[id];
	reinit_completion(&slot->done);
	slot->operation = request->operation;
	slot->response = response;

	entry = RING_GET_REQUEST(&vib->ring, vib->ring.req_prod_pvt);
	*entry = *request;
	entry->id = id;
	vib->ring.req_prod_pvt++;
	RING_PUSH_REQUESTS_AND_CHECK_NOTIFY(&vib->ring, notify);
	if (notify)
		notify_remote_via_irq(vib->irq);
out:
	spin_unlock_irq(&vib->lock);
	return id;
}

/* Is the backend at memory of the kernel, which can be all there is? */
static bool vib_command_is_of_dma(const struct vib *vib)
{
	const struct vib_command_slot *slot;

	for (slot = vib->slots; slot < vib->slots + VIB_CONTROL_RING_SIZE; slot++)
		if (slot->response && (slot->operation == VIB_CMD_REG_DMA ||
				       slot->operation == VIB_CMD_DEREG_DMA))
			return true;
	return false;
}

/* In jiffies. The lock is held. */
static unsigned long vib_command_patience(const struct vib *vib)
{
	unsigned int pages = vib_grants_count();

	if (!vib_command_is_of_dma(vib))
		pages -= min(pages, vib_grants_count_ram());
	return VIB_COMMAND_TIMEOUT + msecs_to_jiffies(pages * VIB_PAGE_MS);
}

/*
 * While it answers others, it is only slow; and it may be at any of the pages that
 * it is granted, with nothing else answered meanwhile. Those of all memory it maps and
 * unmaps by commands of their own alone.
 */
static void vib_command_timed_out(struct vib *vib, struct vib_command_slot *slot,
				  unsigned long sent)
{
	unsigned long patience;

	spin_lock_irq(&vib->lock);
	patience = vib_command_patience(vib);
	if (slot->response && time_after(jiffies, sent + patience) &&
	    time_after(jiffies, vib->answered + patience))
		vib_fail_locked(vib, VIB_BROKEN, "no answer to a command");
	spin_unlock_irq(&vib->lock);
}

/*
 * Send @request, whose id is set here, to the backend of @epoch and wait for its
 * answer in @response. Returns 0, the backend's negative errno, or -ENODEV when
 * that connection is or comes down. Sleeps, but not for ever: a backend that dies,
 * or answers nothing at all for so long, fails it. Not from the event work,
 * which delivers the answer.
 */
int vib_command(struct vib *vib, u32 epoch,
		struct vib_control_request *request,
		struct vib_control_response *response)
{
	struct vib_command_slot *slot;
	unsigned long sent;
	int id, status;

	wait_event(vib->slot_free,
		   (id = vib_command_send(vib, epoch, request, response)) !=
			   -EAGAIN);
	if (id < 0)
		return id;

	slot = &vib->slots[id];
	sent = jiffies;
	while (!wait_for_completion_timeout(&slot->done, VIB_COMMAND_TIMEOUT))
		vib_command_timed_out(vib, slot, sent);

	spin_lock_irq(&vib->lock);
	status = slot->status;
	__clear_bit(id, vib->slots_used);
	spin_unlock_irq(&vib->lock);
	wake_up(&vib->slot_free);
	return status;
}

static const char *vib_take_response(struct vib *vib,
				     const struct vib_control_response *response)
{
	struct vib_command_slot *slot;

	if (response->id >= VIB_CONTROL_RING_SIZE)
		return "response with an id out of range";
	slot = &vib->slots[array_index_nospec(response->id,
					      VIB_CONTROL_RING_SIZE)];
	if (!slot->response)
		return "response to nothing";
	if (response->operation != slot->operation)
		return "response of another operation";
	if (response->status > 0 || response->status < -VIB_MAX_STATUS)
		return "response with a status that is none";

	*slot->response = *response;
	vib->answered = jiffies;
	/* These two say here that the connection is lost. */
	vib_slot_answer(slot, response->status == -EIO ||
					      response->status == -ENODEV ?
				      -EREMOTEIO :
				      response->status);
	return NULL;
}

/* Returns how many responses there were. Only from the event work. */
int vib_take_responses(struct vib *vib)
{
	struct vib_control_response response;
	const char *why = NULL;
	RING_IDX prod;
	int taken = 0, more;

	spin_lock_irq(&vib->lock);
	do {
		prod = READ_ONCE(vib->ring.sring->rsp_prod);
		virt_rmb(); /* responses are read after the index */
		if (RING_RESPONSE_PROD_OVERFLOW(&vib->ring, prod)) {
			why = "response index out of range";
			break;
		}
		while (vib->ring.rsp_cons != prod && !why) {
			RING_COPY_RESPONSE(&vib->ring, vib->ring.rsp_cons,
					   &response);
			vib->ring.rsp_cons++;
			taken++;
			why = vib_take_response(vib, &response);
		}
		if (why)
			break;
		RING_FINAL_CHECK_FOR_RESPONSES(&vib->ring, more);
	} while (more);
	if (why)
		vib_fail_locked(vib, VIB_BROKEN, why);
	spin_unlock_irq(&vib->lock);
	return taken;
}
