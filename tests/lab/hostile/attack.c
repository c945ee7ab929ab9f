// SPDX-License-Identifier: GPL-2.0-or-later
/* Which attack is next, how often each was made, and bits that flip meanwhile. */

#include <linux/atomic.h>
#include <linux/delay.h>
#include <linux/module.h>
#include <linux/sched.h>

#include "hostile.h"

struct kind {
	const char *name;
	void (*attack)(struct hostile *h);
};

#define KIND(name) { #name, attack_##name }

static const struct kind kinds[] = {
	KIND(ring_random),
	KIND(ring_operations),
	KIND(ring_stale),
	KIND(ring_rewritten),
	KIND(ring_indices),
	KIND(ring_same_ids),
	KIND(operands_mutated),
	KIND(operands_random),
	KIND(modify_random),
	KIND(destroy_in_use),
	KIND(hoard),
	KIND(pages_counts),
	KIND(pages_refs),
	KIND(pages_repeated),
	KIND(pages_large),
	KIND(pages_changing),
	KIND(pages_of_queues),
	KIND(send_random),
	KIND(send_crafted),
	KIND(send_lengths),
	KIND(send_to_victim),
	KIND(send_datagrams),
	KIND(send_multicast),
	KIND(send_rewritten),
	KIND(send_generations),
	KIND(send_header),
	KIND(send_flood),
	KIND(send_windows),
	KIND(fast_keys),
	KIND(fast_registrations),
	KIND(fast_invalidations),
	KIND(fast_reaches),
	KIND(fast_user),
	KIND(fast_rewritten),
	KIND(fast_ends),
	KIND(dm_operands),
	KIND(dm_reaches),
	KIND(recv_random),
	KIND(recv_crafted),
	KIND(recv_rewritten),
	KIND(cq_consumer),
	KIND(cq_arm),
	KIND(cq_overrun),
	KIND(cq_resize),
	KIND(bells_all),
	KIND(bells_garbage),
	KIND(event_storm),
	KIND(store_values),
	KIND(store_huge),
	KIND(store_many),
	KIND(store_missing),
	KIND(grants_reused),
	KIND(grants_ended),
	KIND(memory_changing),
	KIND(port_operands),
	KIND(port_toggle),
	KIND(gsi_garbage),
	KIND(gsi_smps),
	KIND(gsi_cm),
	KIND(gsi_claims),
	KIND(gsi_counters),
	KIND(gsi_flood),
	KIND(gsi_eavesdrop),
	KIND(gsi_sa_queries),
	KIND(gsi_sa_others),
	KIND(gsi_sa_quotas),
	KIND(gsi_sa_rmpp),
};

/* Those that end the connection. */
static const struct kind last_kinds[] = {
	KIND(ring_leap),
	KIND(ring_backwards),
	KIND(ring_noise),
	KIND(async_consumer),
	KIND(eq_consumer),
	KIND(all_flipping),
	KIND(store_states),
	KIND(store_vanishes),
	KIND(answer_wrong),
	KIND(channel_closed),
};

/* Those that lacked what they need were tried, and not made. */
static atomic_t tried[ARRAY_SIZE(kinds)], last_tried[ARRAY_SIZE(last_kinds)];
static atomic_t made[ARRAY_SIZE(kinds)], last_made[ARRAY_SIZE(last_kinds)];

static int made_get(char *buffer, const struct kernel_param *param)
{
	int at = 0, i;

	for (i = 0; i < ARRAY_SIZE(kinds); i++)
		at += sysfs_emit_at(buffer, at, "%s %d\n", kinds[i].name,
				    atomic_read(&made[i]));
	for (i = 0; i < ARRAY_SIZE(last_kinds); i++)
		at += sysfs_emit_at(buffer, at, "%s %d\n", last_kinds[i].name,
				    atomic_read(&last_made[i]));
	return at;
}

static const struct kernel_param_ops made_ops = { .get = made_get };
module_param_cb(made, &made_ops, NULL, 0444);
MODULE_PARM_DESC(made, "attacks, by kind");

static bool verbose;
module_param(verbose, bool, 0644);
MODULE_PARM_DESC(verbose, "name each attack in the log");

/* Only these, of all that are no last ones. */
static char *only = "";
module_param(only, charp, 0644);
MODULE_PARM_DESC(only, "a prefix of the attacks to make");

static void make(struct hostile *h, const struct kind *kind, atomic_t *attempts,
		 atomic_t *count)
{
	atomic_inc(attempts);
	h->lacking = false;
	if (verbose)
		dev_info(&h->xbdev->dev, "%s\n", kind->name);
	kind->attack(h);
	flip_end(h);
	if (!h->lacking)
		atomic_inc(count);
	tally(TALLY_ROUNDS);
	cond_resched();
}

/* One of those that were tried least, so that each has its turn. */
static unsigned int pick(struct hostile *h, atomic_t *count, unsigned int n)
{
	unsigned int first = chance_below(&h->chance, n), least = first, i;

	for (i = 1; i < n; i++)
		if (atomic_read(&count[(first + i) % n]) < atomic_read(&count[least]))
			least = (first + i) % n;
	return least;
}

static unsigned int pick_kind(struct hostile *h)
{
	unsigned int i, tries;

	/* Each in its turn, or, one in four, in no order at all. */
	for (tries = 0; tries < 1000; tries++) {
		i = tries || chance_one_in(&h->chance, 4) ?
			    chance_below(&h->chance, ARRAY_SIZE(kinds)) :
			    pick(h, tried, ARRAY_SIZE(kinds));
		if (strstarts(kinds[i].name, only))
			break;
	}
	return i;
}

void attack(struct hostile *h)
{
	unsigned int n, i;

	for (n = 0; n < rounds && hostile_goes_on(h); n++) {
		i = pick_kind(h);
		make(h, &kinds[i], &tried[i], &made[i]);
	}
	if (!hostile_goes_on(h))
		return;
	i = pick(h, last_tried, ARRAY_SIZE(last_kinds));
	make(h, &last_kinds[i], &last_tried[i], &last_made[i]);
	/* The backend is to see it, if there is anything to see. */
	for (n = 0; n < 50 && hostile_goes_on(h); n++)
		hostile_pause();
}

void hostile_pause(void)
{
	usleep_range(10000, 20000);
}

/* ---- bits that flip ----------------------------------------------------------- */

/* Until flip_end(), bits of these bytes flip. */
void flip_begin(struct hostile *h, void *at, u32 bytes)
{
	spin_lock(&h->flip_lock);
	if (h->num_flipped < ARRAY_SIZE(h->flipped)) {
		h->flipped[h->num_flipped].at = at;
		h->flipped[h->num_flipped++].bytes = bytes;
	}
	spin_unlock(&h->flip_lock);
}

void flip_end(struct hostile *h)
{
	spin_lock(&h->flip_lock);
	h->num_flipped = 0;
	spin_unlock(&h->flip_lock);
}

static bool flip_some(struct hostile *h, struct chance *c)
{
	const struct flipped *f;
	bool some = false;
	u32 bit, i;

	spin_lock(&h->flip_lock);
	if (h->num_flipped) {
		f = &h->flipped[chance_below(c, h->num_flipped)];
		for (i = 0; i < 32; i++) {
			bit = chance_below(c, f->bytes * 8);
			WRITE_ONCE(f->at[bit / 8], f->at[bit / 8] ^ 1 << bit % 8);
		}
		some = true;
	}
	spin_unlock(&h->flip_lock);
	return some;
}

int flipper_run(void *arg)
{
	struct hostile *h = arg;
	struct chance chance;

	chance_begin(&chance, 4711);
	while (!kthread_should_stop()) {
		if (flip_some(h, &chance))
			cond_resched();
		else
			usleep_range(1000, 2000);
	}
	return 0;
}
