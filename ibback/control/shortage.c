// SPDX-License-Identifier: GPL-2.0-or-later
#include "control/shortage.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define MAPTRACK_ENTRIES_A_PAGE  2
#define MAPTRACK_ENTRIES_A_FRAME 256
#define DEFAULT_MAPTRACK_FRAMES  1024 /* which the other backends had, and have still */
#define PAGES_A_MIB              256

uint64_t shortage_maptrack_frames(uint64_t pages)
{
	return (pages * MAPTRACK_ENTRIES_A_PAGE + MAPTRACK_ENTRIES_A_FRAME - 1) /
	       MAPTRACK_ENTRIES_A_FRAME;
}

uint64_t shortage_mib(uint64_t pages)
{
	return (pages + PAGES_A_MIB - 1) / PAGES_A_MIB;
}

/* Where the line is to go on. */
struct line {
	char *at;
	size_t left;
};

__attribute__((format(printf, 2, 3))) static void say(struct line *l, const char *fmt,
						      ...)
{
	va_list args;
	int n;

	va_start(args, fmt);
	n = vsnprintf(l->at, l->left, fmt, args);
	va_end(args);
	if (n < 0)
		return;
	if ((size_t)n >= l->left)
		n = (int)l->left - 1;
	l->at += n;
	l->left -= (size_t)n;
}

/* What may have been the cause of a mapping's failure. */
static void say_causes(struct line *l, const struct shortage *s)
{
	if (s->bad) {
		say(l, "; bad is the guest's reference %u", s->first_bad);
		if (s->bad > 1)
			say(l, ", and %u more", s->bad - 1);
		return;
	}
	if (s->list)
		say(l, "; it failed at the list page of reference %u", s->list);
	if (s->maptrack)
		say(l,
		    "; with these it takes %" PRIu64
		    " of Xen's maptrack frames, for which "
		    "gnttab_max_maptrack_frames=%" PRIu64 " would do",
		    shortage_maptrack_frames(s->mapped + s->pages),
		    shortage_maptrack_frames(s->mapped + s->pages) +
			    DEFAULT_MAPTRACK_FRAMES);
	if (s->error == ENOMEM)
		say(l, "; or vm.max_map_count has to be %u", s->map_count);
	say(l, s->list ? "; or that reference is bad"
		       : "; or some of the guest's references are bad");
}

void shortage_text(const struct shortage *s, char *text, size_t size)
{
	struct line l = { text, size };

	switch (s->kind) {
	case SHORT_OF_GRANTS:
		say(&l, "cannot map %u pages: %s; ibback has %" PRIu64 " mapped in all",
		    s->pages, strerror(s->error), s->mapped);
		say_causes(&l, s);
		break;
	case SHORT_OF_MAPPINGS:
		say(&l,
		    "cannot map %u pages: ibback has %" PRIu64
		    " mapped in all, in %u mappings, of which %u are the guest's; it may "
		    "have no more than are left, for which vm.max_map_count=%u would do",
		    s->pages, s->mapped, s->all_mappings, s->mappings, s->map_count);
		break;
	case SHORT_OF_CHANNELS:
		say(&l, "cannot bind the guest's event channel %u: %s", s->channel,
		    strerror(s->error));
		break;
	case SHORT_OF_QUOTA:
		say(&l,
		    "cannot map %u pages: max_mem=%u MiB, of which %" PRIu64
		    " are used; max_mem=%" PRIu64 " would do",
		    s->pages, s->max_mem, shortage_mib(s->used),
		    shortage_mib((uint64_t)s->used + s->pages));
		break;
	case SHORT_OF_PREREG:
		say(&l,
		    "the guest's kernel cannot lend %u pages: prereg=%" PRIu64
		    "M, of which %" PRIu64 " are lent; prereg=%" PRIu64 "M would do",
		    s->pages, shortage_mib(s->max_lent), shortage_mib(s->lent),
		    shortage_mib((uint64_t)s->lent + s->pages));
		break;
	case SHORT_OF_WIRE:
		say(&l,
		    "cannot make a QP at HCA %s: it takes %" PRIu64
		    " KiB of ibback's memory, and the guest's QPs there have %" PRIu64
		    " KiB of the %" PRIu64
		    " MiB that they may have; max_hca_mem = %" PRIu64
		    " of the fabric in ibback.conf would do",
		    s->device, s->wire_more >> 10, s->wire_bytes >> 10,
		    s->max_wire_bytes >> 20,
		    (s->wire_bytes + s->wire_more + (1 << 20) - 1) >> 20);
		break;
	case SHORT_OF_FLUSHES:
		say(&l, "HCA %s does not flush a QP that has failed: %s", s->device,
		    strerror(s->error));
		break;
	}
	if (s->unlogged)
		say(&l, " (%u refusals before it not logged)", s->unlogged);
}
