// SPDX-License-Identifier: GPL-2.0-or-later
/* Nodes of xenstore: those that a guest may write, which are all of its own. */

#include <linux/delay.h>
#include <linux/slab.h>

#include "hostile.h"

static const char *const keys[] = {
	VIB_FE_VERSION, VIB_FE_SESSION, VIB_FE_CONTROL_REF, VIB_FE_RING_REF,
	VIB_FE_ASYNC_REF, VIB_FE_EVENT_CHANNEL,
};

static const char *any_key(struct hostile *h)
{
	return keys[chance_below(&h->chance, ARRAY_SIZE(keys))];
}

/* Text that is no number, a number too large, or nothing. */
void attack_store_values(struct hostile *h)
{
	static const char *const texts[] = { "", "-1", "0x10", "99999999999999999999",
					     "1 ", " 1", "1e9", "%s%n", "ffffffffffffffff",
					     "../../0/backend/vib" };
	char bytes[33];
	u32 n, i;

	for (n = 0; n < 6 && hostile_goes_on(h); n++) {
		if (chance_one_in(&h->chance, 2)) {
			(void)xenbus_write(XBT_NIL, h->xbdev->nodename, any_key(h),
					   texts[chance_below(&h->chance,
							      ARRAY_SIZE(texts))]);
			continue;
		}
		chance_fill(&h->chance, bytes, sizeof(bytes) - 1);
		for (i = 0; i < sizeof(bytes) - 1; i++)
			bytes[i] = bytes[i] ?: 'x';
		bytes[sizeof(bytes) - 1] = '\0';
		(void)xenbus_write(XBT_NIL, h->xbdev->nodename, any_key(h), bytes);
	}
}

void attack_store_huge(struct hostile *h)
{
	static const u32 sizes[] = { 100, 255, 256, 1023, 1024, 2000, 2047, 2048 };
	u32 size = sizes[chance_below(&h->chance, ARRAY_SIZE(sizes))];
	char *text = kmalloc(size + 1, GFP_KERNEL);

	if (!text)
		return;
	memset(text, '1', size);
	text[size] = '\0';
	(void)xenbus_write(XBT_NIL, h->xbdev->nodename, any_key(h), text);
	kfree(text);
}

void attack_store_many(struct hostile *h)
{
	char key[32];
	u32 n;

	for (n = 0; n < 64 && hostile_goes_on(h); n++) {
		snprintf(key, sizeof(key), "hostile/%u/%u", n % 8, n);
		(void)xenbus_write(XBT_NIL, h->xbdev->nodename, key, "x");
	}
	(void)xenbus_rm(XBT_NIL, h->xbdev->nodename, "hostile");
}

void attack_store_missing(struct hostile *h)
{
	u32 n;

	for (n = 0; n < 3; n++)
		(void)xenbus_rm(XBT_NIL, h->xbdev->nodename, any_key(h));
	if (chance_one_in(&h->chance, 2))
		(void)xenbus_mkdir(XBT_NIL, h->xbdev->nodename, any_key(h));
}

/* ---- those that end it ------------------------------------------------------------ */

void attack_store_states(struct hostile *h)
{
	static const char *const states[] = { "0", "1", "2", "3", "4", "5", "6", "7", "8",
					      "-1", "", "4294967300" };
	u32 n;

	for (n = 0; n < 24 && !kthread_should_stop(); n++) {
		(void)xenbus_write(XBT_NIL, h->xbdev->nodename, VIB_FE_STATE,
				   states[chance_below(&h->chance, ARRAY_SIZE(states))]);
		usleep_range(1000, 20000);
	}
	hostile_state(h, XenbusStateInitialising);
}

/* The whole directory goes, and this device with it. */
void attack_store_vanishes(struct hostile *h)
{
	(void)xenbus_rm(XBT_NIL, h->xbdev->nodename, "");
}

/* The next offer is answered with something that is not there. */
void attack_answer_wrong(struct hostile *h)
{
	h->wrong_answer = true;
}
