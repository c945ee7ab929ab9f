// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * The xenbus side of a vib's life.
 *
 * The backend offers itself by writing a session it has never used before and
 * state InitWait. The frontend answers by sharing fresh pages and an event
 * channel, naming them and the session in one transaction, and by state
 * Initialised. The backend maps them, sets its alive byte, goes to Connected;
 * the frontend asks what the device is and goes to Connected as well.
 *
 * A backend whose alive byte is cleared, which the kernel of its domain does
 * if it cannot, or who is back at Initialising, is gone: the port goes down,
 * everything shared is taken back, and the frontend waits for another offer.
 * Closing or Closed take the ib_device away; so does a backend with which what the
 * kernel has cannot go on, and then another one is registered with the next offer.
 */

#include <linux/ctype.h>
#include <linux/delay.h>
#include <linux/jiffies.h>
#include <linux/kernel.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>
#include <linux/string.h>

#include <xen/events.h>
#include <xen/page.h>

#include "kernel.h"
#include "mad.h"
#include "pool.h"
#include "ram.h"

/* A backend that broke the protocol will do so again: not at full speed. */
#define VIB_SHUN_TIME (30 * HZ)

/* Connections whose pages backends may keep when they are over. */
#define VIB_KEPT_CONNECTIONS 4
/* As many as they can have had in commands; one that creates a QP has two. */
#define VIB_KEPT_LISTS (VIB_KEPT_CONNECTIONS * 2 * VIB_CONTROL_RING_SIZE)

/* How long a backend that is alive is given to go. */
#define VIB_PARTING_TIME HZ

/*
 * And one that can write to all memory, where what its users free is somebody else's then.
 * It unmaps a million pages in some seconds.
 */
#define VIB_PARTING_TIME_RAM (300 * HZ)

/* What this domain lacked to answer an offer, memory or grants, may come back. */
#define VIB_RETRY_TIME (5 * HZ)

/* How long a backend may keep memory that is to be lent anew. */
#define VIB_RAM_TIME (30 * HZ)

/*
 * A backend that never unmaps could make this domain share pages until it has
 * neither memory nor grants. So there is a next set only while few are kept.
 */
static bool vib_keeps_too_much(struct vib *vib)
{
	return vib_memory_kept(vib, VIB_MEMORY_CONNECTION) >= VIB_KEPT_CONNECTIONS ||
	       vib_memory_kept(vib, VIB_MEMORY_LIST) >= VIB_KEPT_LISTS;
}

/*
 * There are hardly grants for all memory twice: what an earlier backend has of it is waited
 * for, or there would be a pool instead of the next. Not for ever.
 */
static bool vib_waits_for_ram(struct vib *vib)
{
	if (!vib_memory_kept(vib, VIB_MEMORY_RAM)) {
		vib->ram_until = 0;
		return false;
	}
	if (!vib->ram_until)
		vib->ram_until = (jiffies + VIB_RAM_TIME) ?: 1;
	return time_before(jiffies, vib->ram_until);
}

static int vib_share(struct vib *vib, evtchn_port_t *evtchn)
{
	unsigned int offered;
	int err;

	offered = xenbus_read_unsigned(vib->xbdev->otherend, VIB_BE_MAX_EQS, 1);
	vib->num_eqs = min(offered, vib->max_eqs);
	vib->shared = vib_memory_alloc(vib, VIB_MEMORY_CONNECTION,
				       (VIB_SHARED_PAGES + vib->num_eqs) *
					       VIB_PAGE_SIZE, true);
	if (IS_ERR(vib->shared))
		return PTR_ERR(vib->shared);
	vib_commands_reset(vib);

	err = xenbus_alloc_evtchn(vib->xbdev, evtchn);
	if (err)
		goto err_memory;
	err = vib_events_start(vib, *evtchn);
	if (err)
		goto err_evtchn;
	return 0;

err_evtchn:
	xenbus_free_evtchn(vib->xbdev, *evtchn);
err_memory:
	vib_memory_end(vib, vib->shared);
	return err;
}

static void vib_unshare(struct vib *vib)
{
	vib_eqs_stop(vib);
	vib_events_stop(vib);
	vib_memory_end(vib, vib->shared);
	vib->shared = NULL;
}

static int vib_write_nodes(struct vib *vib, struct xenbus_transaction xbt,
			   evtchn_port_t evtchn)
{
	const char *dir = vib->xbdev->nodename;
	int err;

	err = xenbus_printf(xbt, dir, VIB_FE_VERSION, "%u",
			    VIB_PROTOCOL_VERSION);
	if (!err)
		err = xenbus_printf(xbt, dir, VIB_FE_SESSION, "%s",
				    vib->session);
	if (!err)
		err = xenbus_printf(xbt, dir, VIB_FE_CONTROL_REF, "%u",
				    vib->shared->refs[VIB_CONTROL_PAGE]);
	if (!err)
		err = xenbus_printf(xbt, dir, VIB_FE_RING_REF, "%u",
				    vib->shared->refs[VIB_RING_PAGE]);
	if (!err)
		err = xenbus_printf(xbt, dir, VIB_FE_ASYNC_REF, "%u",
				    vib->shared->refs[VIB_ASYNC_PAGE]);
	if (!err)
		err = xenbus_printf(xbt, dir, VIB_FE_EVENT_CHANNEL, "%u",
				    evtchn);
	return err;
}

static int vib_publish(struct vib *vib, evtchn_port_t evtchn)
{
	struct xenbus_transaction xbt;
	int err;

	do {
		err = xenbus_transaction_start(&xbt);
		if (err)
			return err;
		err = vib_write_nodes(vib, xbt, evtchn);
		if (err) {
			xenbus_transaction_end(xbt, 1);
			return err;
		}
		err = xenbus_transaction_end(xbt, 0);
	} while (err == -EAGAIN);
	return err;
}

/* Is ours among the versions the backend lists, separated by commas? */
static bool vib_version_offered(struct vib *vib)
{
	bool offered = false;
	unsigned int version;
	char *list, *rest, *word;

	list = xenbus_read(XBT_NIL, vib->xbdev->otherend, VIB_BE_VERSIONS,
			   NULL);
	if (IS_ERR(list))
		return false;
	rest = list;
	while ((word = strsep(&rest, ",")))
		if (!kstrtouint(strim(word), 10, &version) &&
		    version == VIB_PROTOCOL_VERSION)
			offered = true;
	kfree(list);
	return offered;
}

/* Reads the backend's session; false if it has none worth the name. */
static bool vib_read_session(struct vib *vib, char session[17])
{
	unsigned int len, i;
	char *text;

	text = xenbus_read(XBT_NIL, vib->xbdev->otherend, VIB_BE_SESSION,
			   &len);
	if (IS_ERR(text))
		return false;
	for (i = 0; i < len && isxdigit(text[i]); i++)
		;
	if (len == 16 && i == 16)
		memcpy(session, text, 17);
	kfree(text);
	return len == 16 && i == 16;
}

static void vib_port_down(struct vib *vib)
{
	if (!vib->ibdev)
		return;
	vib_port_lower(&vib->info);
	vib_port_publish(vib->ibdev, &vib->info);
}

/*
 * This side closes or begins anew, and its state says so: let the backend see it and
 * go, before users are told that it has. It need not: then a lost request can still be
 * executed. Not while the lifecycle work can run elsewhere.
 */
void vib_part(struct vib *vib)
{
	unsigned long end = jiffies + (vib->kernel.ram ? VIB_PARTING_TIME_RAM :
							 VIB_PARTING_TIME);

	if (vib->phase == VIB_IDLE)
		return;
	vib_commands_stop(vib);
	vib_port_down(vib);
	/* The event that says so may have been switched off by the failure. */
	while (vib_backend_alive(vib) && time_before(jiffies, end))
		msleep(20);
	if (vib->kernel.ram && vib_backend_alive(vib))
		dev_err(&vib->xbdev->dev,
			"the backend does not go, and can still write to all memory\n");
}

/*
 * Take the connection down, if there is one: the port first, so that nobody
 * is told of a device that no longer answers.
 */
void vib_disconnect(struct vib *vib)
{
	if (vib->phase == VIB_IDLE)
		return;
	vib_commands_stop(vib);
	vib_port_down(vib);
	vib_objects_lost(vib);
	vib_unshare(vib);
	vib->news = 0;
	vib->phase = VIB_IDLE;
}

void vib_unregister(struct vib *vib)
{
	if (vib->ibdev)
		vib_ibdev_unregister(vib->ibdev);
	vib->ibdev = NULL;
	vib_pool_close(vib);
}

/* The connection failed; say so, and wait for the next offer. */
static void vib_bury(struct vib *vib, enum vib_failure failure,
		     const char *why)
{
	struct xenbus_device *xbdev = vib->xbdev;
	bool online = vib->phase == VIB_ONLINE;

	/* An offer that came to nothing may stand, and can be answered again. */
	if (vib->phase == VIB_PUBLISHED)
		vib->session[0] = '\0';
	if (failure == VIB_BROKEN) {
		vib->shun_until = (jiffies + VIB_SHUN_TIME) ?: 1;
		xenbus_dev_fatal(xbdev, -EPROTO, "backend: %s", why);
		vib_part(vib);
		vib_disconnect(vib);
		return;
	}
	vib_disconnect(vib);
	if (online)
		dev_info_ratelimited(&xbdev->dev, "backend is gone, port is down\n");
	xenbus_switch_state(xbdev, XenbusStateInitialising);
}

/* The offer stands, and is answered when this domain has what it takes. */
static void vib_answer_later(struct vib *vib, const char *before, int err,
			     const char *what)
{
	strscpy(vib->session, before, sizeof(vib->session));
	xenbus_dev_error(vib->xbdev, err, "%s, will try again", what);
	queue_delayed_work(vib->wq, &vib->work, VIB_RETRY_TIME);
}

static void vib_answer_offer(struct vib *vib)
{
	struct xenbus_device *xbdev = vib->xbdev;
	unsigned long now = jiffies;
	evtchn_port_t evtchn;
	char session[17], before[17];
	int err;

	/* The state is written last: without a session it is not an offer. */
	if (!vib_read_session(vib, session) || !strcmp(session, vib->session))
		return;
	if (vib->shun_until && time_before(now, vib->shun_until)) {
		queue_delayed_work(vib->wq, &vib->work, vib->shun_until - now);
		return;
	}
	vib->shun_until = 0;

	vib_disconnect(vib);
	/* Answered, for better or worse: the same offer is not taken up twice. */
	strscpy(before, vib->session, sizeof(before));
	strscpy(vib->session, session, sizeof(vib->session));
	xenbus_switch_state(xbdev, XenbusStateInitialising);

	if (!vib_version_offered(vib)) {
		xenbus_dev_fatal(xbdev, -EPROTONOSUPPORT,
				 "backend does not speak version %u",
				 VIB_PROTOCOL_VERSION);
		return;
	}
	if (vib_keeps_too_much(vib) || vib_waits_for_ram(vib))
		err = -EBUSY;
	else
		err = vib_share(vib, &evtchn);
	if (err) {
		vib_answer_later(vib, before, err, "sharing pages");
		return;
	}
	vib->phase = VIB_PUBLISHED;

	err = vib_publish(vib, evtchn);
	if (err) {
		vib_disconnect(vib);
		vib_answer_later(vib, before, err, "writing to xenstore");
		return;
	}
	xenbus_switch_state(xbdev, XenbusStateInitialised);
}

static int vib_register(struct vib *vib)
{
	struct vib_info down = vib->info;

	vib_port_lower(&down);
	vib->ibdev = vib_ibdev_register(vib, &down);
	if (IS_ERR(vib->ibdev)) {
		int err = PTR_ERR(vib->ibdev);

		vib->ibdev = NULL;
		vib_pool_close(vib);
		return err;
	}
	return 0;
}

/*
 * What the kernel has could not be taken to the new backend: if it was not the
 * backend's fault, this domain is short of something that it may have later.
 */
static void vib_start_over(struct vib *vib, int err)
{
	if (READ_ONCE(vib->failure) != VIB_FINE)
		return; /* this work runs again */
	xenbus_dev_error(vib->xbdev, err, "lending memory, will try again");
	vib_disconnect(vib);
	vib->shun_until = (jiffies + VIB_RETRY_TIME) ?: 1;
	xenbus_switch_state(vib->xbdev, XenbusStateInitialising);
}

/* The device was registered with offloads, and this backend has not all of them. */
static bool vib_lacks_offloads(const struct vib *vib)
{
	const struct ib_device *ibdev = &vib->ibdev->ibdev;

	return (ibdev->attrs.device_cap_flags & IB_DEVICE_UD_IP_CSUM &&
		!(vib->info.device.cap_flags & VIB_CAP_UD_IP_CSUM)) ||
	       (ibdev->attrs.kernel_cap_flags & IBK_UD_TSO &&
		!vib_device_has_tso(&vib->info.device));
}

/*
 * ULPs take leave of a device that has no backend, as when it is unplugged, and meet it
 * again with the next offer, which this backend makes at once. It has receives of theirs
 * again already, and they free them: so it goes first.
 */
static void vib_begin_anew(struct vib *vib, const char *why)
{
	dev_warn(&vib->xbdev->dev, "%s is registered anew, as %s\n",
		 dev_name(&vib->ibdev->ibdev.dev), why);
	xenbus_switch_state(vib->xbdev, XenbusStateInitialising);
	vib_part(vib);
	vib_disconnect(vib);
	vib_unregister(vib);
}

/* Why the device that is there cannot go on with this backend; NULL: it can. */
static const char *vib_is_spent(struct vib *vib)
{
	if (vib->kernel.ram && vib->kernel.ram->spent)
		return "this domain's memory cannot be lent as before";
	if (vib_kernel_is_spent(vib))
		return "not all of its kernel's users survived";
	if (vib_lacks_offloads(vib))
		return "the backend has fewer offloads than that before";
	return NULL;
}

/* The backend has mapped what was shared: ask it what the device is. */
static void vib_go_online(struct vib *vib)
{
	struct xenbus_device *xbdev = vib->xbdev;
	bool again = vib->ibdev;
	const char *spent;
	char session[17];
	int err;

	/* Connected to a frontend before us? Then an offer is to come. */
	if (!vib_read_session(vib, session) || strcmp(session, vib->session))
		return;

	vib_commands_start(vib);
	if (vib_query_all(vib))
		return; /* the connection failed, and this work runs again */
	err = vib_eqs_start(vib);
	if (err) {
		vib_fail(vib, VIB_BROKEN, "a completion event queue cannot be made");
		return;
	}

	err = vib_kernel_connect(vib);
	if (err) {
		vib_start_over(vib, err);
		return;
	}
	spent = again ? vib_is_spent(vib) : NULL;
	if (spent) {
		vib_begin_anew(vib, spent);
		return;
	}

	if (!vib->ibdev) {
		err = vib_register(vib);
		if (err) {
			vib_disconnect(vib);
			vib->shun_until = (jiffies + VIB_SHUN_TIME) ?: 1;
			xenbus_dev_fatal(xbdev, err, "registering the device");
			return;
		}
	} else if (vib->info.device.node_guid != vib->ibdev->ibdev.node_guid) {
		dev_warn(&xbdev->dev, "the backend has another node GUID now\n");
	}
	vib->phase = VIB_ONLINE;
	xenbus_switch_state(xbdev, XenbusStateConnected);
	vib_port_publish(vib->ibdev, &vib->info);
	/* What the kernel has joined and told the subnet, this backend has not heard. */
	if (again) {
		vib_port_tell_caps(vib->ibdev);
		vib_port_reregister(vib->ibdev);
	}
	dev_info_ratelimited(&xbdev->dev, "%s is connected\n",
			     dev_name(&vib->ibdev->ibdev.dev));
}

/* The device is being taken away. */
static void vib_close(struct vib *vib)
{
	struct xenbus_device *xbdev = vib->xbdev;

	/*
	 * Left over from this driver's life before a module reload, unless the
	 * toolstack wants the device gone: the backend will offer again.
	 */
	if (!vib->session[0] &&
	    xenbus_read_unsigned(xbdev->otherend, VIB_BE_ONLINE, 0))
		return;
	if (xbdev->state == XenbusStateClosed)
		return;
	xenbus_switch_state(xbdev, XenbusStateClosing);
	vib_part(vib);
	vib_disconnect(vib);
	vib_unregister(vib);
	xenbus_frontend_closed(xbdev);
}

/* Look where the backend stands, and act on it. */
static void vib_follow_backend(struct vib *vib)
{
	enum vib_failure failure;
	enum xenbus_state state;
	const char *why;
	bool removing;

	spin_lock_irq(&vib->lock);
	removing = vib->removing;
	failure = vib->failure;
	why = vib->why;
	spin_unlock_irq(&vib->lock);
	if (removing)
		return;

	/*
	 * The domain shuts down: xenbus waits for each of its devices to close,
	 * and takes no notice of watches any more.
	 */
	if (system_state > SYSTEM_RUNNING) {
		vib_disconnect(vib);
		xenbus_frontend_closed(vib->xbdev);
		return;
	}

	state = xenbus_read_driver_state(vib->xbdev->otherend);
	if (state == XenbusStateClosing || state == XenbusStateClosed) {
		vib_close(vib);
		return;
	}
	if (vib->phase != VIB_IDLE && failure != VIB_FINE)
		vib_bury(vib, failure, why);

	switch (state) {
	case XenbusStateInitWait:
		vib_answer_offer(vib);
		break;

	case XenbusStateConnected:
		if (vib->phase == VIB_PUBLISHED)
			vib_go_online(vib);
		else if (vib->phase == VIB_ONLINE)
			vib_follow_news(vib);
		break;

	case XenbusStateUnknown:
	case XenbusStateInitialising:
		if (vib->phase != VIB_IDLE)
			vib_bury(vib, VIB_GONE, NULL);
		break;

	default:
		break;
	}
}

/*
 * Runs whenever anything of the backend changed in xenstore, when the connection
 * failed, and when there is news; it never runs twice at a time. Who waits for it can
 * be what memory is freed through: a disk that is connected to anew.
 */
void vib_lifecycle(struct work_struct *work)
{
	struct vib *vib = container_of(to_delayed_work(work), struct vib, work);
	unsigned int noio = memalloc_noio_save();

	vib_follow_backend(vib);
	memalloc_noio_restore(noio);
}
