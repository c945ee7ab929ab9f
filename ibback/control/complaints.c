// SPDX-License-Identifier: GPL-2.0-or-later
#include "control/complaints.h"

#include "control/pages.h"
#include "engine/clock.h"
#include "engine/engine.h"
#include "engine/vhca.h"
#include "log.h"
#include "xenport/xenport.h"

#define LINES_PER_WINDOW 1
#define WINDOW_MS        10000

void complaints_init(struct complaints *c, const char *label, uint16_t domid,
		     uint32_t index, uint64_t *mapped)
{
	*c = (struct complaints){
		.label = label,
		.domid = domid,
		.index = index,
		.maptrack = !label[0], /* guests of the local one have a label */
		.mapped = mapped,
	};
	throttle_init(&c->throttle, LINES_PER_WINDOW, WINDOW_MS);
}

bool complaints_due(struct complaints *c)
{
	if (!c)
		return false;
	if (throttle_take(&c->throttle, clock_ns() / 1000000) == 0)
		return true;
	c->unlogged++;
	return false;
}

void complain(const struct guest *guest, struct shortage *s)
{
	const struct vhca *vhca = guest->vhca;
	struct complaints *c = guest->complaints;
	char text[SHORTAGE_TEXT_MAX];

	s->mapped = *c->mapped;
	s->maptrack = c->maptrack;
	s->mappings = vhca->mappings;
	s->all_mappings = vhca->engine->mappings;
	s->map_count = engine_map_count(
		vhca->engine, vhca->mappings,
		(uint32_t)xenport_pieces(guest->xp, s->pages ? s->pages : 1));
	s->max_mem = vhca->limits.max_pages / (1u << 20 >> VIB_PAGE_SHIFT);
	s->used = vhca->pages;
	s->unlogged = c->unlogged;
	c->unlogged = 0;
	shortage_text(s, text, sizeof(text));
	log_vib_of(LOG_LEVEL_WARN, c->label, c->domid, c->index, "%s", text);
}
