// SPDX-License-Identifier: GPL-2.0-or-later
/* Giving a domain its vibs. */
#include "keeper.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "log.h"
#include "provision/attach.h"

static void complain(const char *line)
{
	log_warn("%s", line);
}

static struct record *load_record(struct keeper *k, const char *uuid)
{
	struct record *record = malloc(sizeof(*record));

	if (record && !record_load(k->dirs.records, uuid, record))
		return record;
	if (!record || errno != ENOENT)
		log_warn("record of %s: %s", uuid,
			 record && errno == EINVAL ? "not a record, ignored"
						   : strerror(errno));
	free(record);
	return NULL;
}

/* Fill @record with the vibs that the domain is to have. */
static enum found find_vibs(struct keeper *k, const struct record *old,
			    struct record *record, struct reason *where)
{
	if (old && old->domid == record->domid && !old->gone_ms) {
		/* An earlier vibd placed this very domain: its record is the truth. */
		record->made_ms = old->made_ms;
		record->count = old->count;
		memcpy(record->vibs, old->vibs, sizeof(record->vibs));
		refuse(where, 0, "its record");
		return old->count ? FOUND_VIBS : FOUND_NO_VIBS;
	}
	return source_find(&k->dirs, &k->pool, old, record, where, complain);
}

/* Make one vib. Returns false if it has to be tried again later. */
static bool make_vib(struct keeper *k, const struct record *record,
		     struct record_vib *entry, const char *where, bool last)
{
	struct vib_request request = {
		.domid = record->domid,
		.index = (int)entry->index,
		.name = record->name,
		.text = entry->text,
		.host = &k->host,
	};
	struct reason why;
	struct vib_id vib;

	/* Refused as part of a config that makes no sense: it has no text. */
	if (entry->error[0] && !entry->text[0])
		return true;
	entry->error[0] = '\0';
	if (vib_exists(k->xp, record->domid, entry->index))
		return true;
	if (!vib_attach(k->xp, &request, &vib, &why)) {
		log_vib(LOG_LEVEL_INFO, vib.frontend, vib.index,
			"made for '%s' from %s, backend dom %u: \"%s\"", record->name,
			where, vib.backend, entry->text);
		return true;
	}
	if ((errno == EBUSY || errno == EAGAIN) && !last)
		return false;
	memcpy(entry->error, why.text, sizeof(entry->error));
	return true;
}

static void log_refused(const struct record *record, const char *where)
{
	for (size_t i = 0; i < record->count; i++)
		if (record->vibs[i].error[0])
			log_vib(LOG_LEVEL_ERR, record->domid, record->vibs[i].index,
				"refused for '%s' from %s: %s", record->name, where,
				record->vibs[i].error);
}

static enum placed place_record(struct keeper *k, const struct record *old,
				struct record *record, bool last)
{
	struct reason where;

	switch (find_vibs(k, old, record, &where)) {
	case FOUND_NOTHING:
		log_info("dom %u: no vibs: nothing names a config for '%s'",
			 record->domid, record->name);
		return PLACED;
	case FOUND_NO_VIBS:
		log_info("dom %u: no vibs for '%s' in %s", record->domid, record->name,
			 where.text);
		if (old && record_drop(k->dirs.records, record->uuid) < 0)
			log_warn("record of %s: %s", record->uuid, strerror(errno));
		return PLACED;
	case FOUND_VIBS:
		break;
	}
	for (size_t i = 0; i < record->count; i++)
		if (!make_vib(k, record, &record->vibs[i], where.text, last))
			return PLACE_LATER;
	log_refused(record, where.text);
	if (record_save(k->dirs.records, record) < 0)
		log_warn("dom %u: cannot write its record in %s: %s", record->domid,
			 k->dirs.records, strerror(errno));
	return PLACED;
}

enum placed place_domain(struct keeper *k, const struct keeper_domain *domain,
			 const char *name, bool last)
{
	struct record *record = malloc(sizeof(*record));
	enum placed placed;
	struct record *old;
	int lock;

	if (!record) {
		log_err("dom %u: out of memory", domain->domid);
		return PLACED;
	}
	record_init(record, domain->uuid, name, domain->domid);
	lock = records_lock(k->dirs.records);
	if (lock < 0)
		log_warn("cannot lock %s: %s", k->dirs.records, strerror(errno));
	old = load_record(k, domain->uuid);
	placed = place_record(k, old, record, last);
	if (lock >= 0)
		close(lock);
	free(old);
	free(record);
	return placed;
}
