// SPDX-License-Identifier: GPL-2.0-or-later
/* Doorbell pages and event channels. */

#include <linux/delay.h>
#include <linux/jiffies.h>

#include <xen/events.h>

#include "hostile.h"

void attack_bells_all(struct hostile *h)
{
	struct vib_doorbell_page *page = h->world.bells;
	unsigned long end = jiffies + msecs_to_jiffies(30);

	while (time_before(jiffies, end)) {
		memset(page->leaf, 0xff, sizeof(page->leaf));
		memset(page->summary, 0xff, sizeof(page->summary));
		notify_remote_via_evtchn(h->world.bell_channel);
		cond_resched();
	}
}

void attack_bells_garbage(struct hostile *h)
{
	u32 n;

	flip_begin(h, h->world.bells, sizeof(*h->world.bells));
	for (n = 0; n < 32; n++) {
		chance_fill(&h->chance, h->world.bells, sizeof(*h->world.bells));
		vib_write32(&h->world.bells->poller_sleeps, (u32)chance_odd(&h->chance));
		if (chance_one_in(&h->chance, 2))
			notify_remote_via_evtchn(h->world.bell_channel);
		usleep_range(50, 200);
	}
}

/* Events on all channels there are, as fast as Xen takes them. */
void attack_event_storm(struct hostile *h)
{
	unsigned long end = jiffies + msecs_to_jiffies(100);
	unsigned int i;

	while (time_before(jiffies, end)) {
		for (i = 0; i < h->num_channels; i++)
			notify_remote_via_evtchn(h->channels[i]);
		cond_resched();
	}
}

/* ---- those that end it ----------------------------------------------------------- */

/* The backend's ends stay; nobody hears them any more. */
void attack_channel_closed(struct hostile *h)
{
	attack_send_flood(h);
	while (h->num_channels)
		hostile_channel_close(h, 0);
	h->lost = true;
}

/* All that is shared, at once and for a while. */
void attack_all_flipping(struct hostile *h)
{
	u32 n;

	flip_begin(h, h->ring.sring, VIB_PAGE_SIZE);
	flip_begin(h, h->async_area->va, VIB_PAGE_SIZE);
	flip_begin(h, h->world.bells, VIB_PAGE_SIZE);
	if (h->world.qps[QP_UC].sq_area)
		flip_begin(h, h->world.qps[QP_UC].sq_area->va, VIB_PAGE_SIZE);
	for (n = 0; n < 100 && hostile_goes_on(h); n++) {
		notify_remote_via_evtchn(h->port);
		notify_remote_via_evtchn(h->world.bell_channel);
		usleep_range(500, 1000);
	}
}
