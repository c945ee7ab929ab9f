// SPDX-License-Identifier: GPL-2.0-or-later
/* The records of domains that are gone: kept for a reboot, then dropped. */
#include "keeper.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "log.h"

static bool is_alive(const struct keeper *k, const struct record *record)
{
	if (record->domid == 0)
		return true;
	for (size_t i = 0; i < k->domain_count; i++)
		if (!strcmp(k->domains[i].uuid, record->uuid))
			return true;
	return false;
}

static void save(struct keeper *k, const struct record *record)
{
	if (record_save(k->dirs.records, record) < 0)
		log_warn("record of %s: %s", record->uuid, strerror(errno));
}

void records_domain_gone(struct keeper *k, const char *uuid)
{
	struct record *record = malloc(sizeof(*record));
	int lock = records_lock(k->dirs.records);

	if (record && !record_load(k->dirs.records, uuid, record)) {
		record->gone_ms = boottime_ms();
		save(k, record);
	}
	if (lock >= 0)
		close(lock);
	free(record);
}

static void sweep_one(struct keeper *k, const char *uuid, struct record *record)
{
	uint64_t now = boottime_ms();

	if (record_load(k->dirs.records, uuid, record) < 0) {
		log_warn("record of %s: not a record, removed", uuid);
		if (record_drop(k->dirs.records, uuid) < 0)
			log_warn("record of %s: %s", uuid, strerror(errno));
		return;
	}
	if (is_alive(k, record))
		return;
	if (!record->gone_ms) {
		record->gone_ms = now;
		save(k, record);
	} else if (now - record->gone_ms > KEEPER_RECORD_MS) {
		log_debug("record of '%s' dropped", record->name);
		if (record_drop(k->dirs.records, uuid) < 0)
			log_warn("record of %s: %s", uuid, strerror(errno));
	}
}

void records_sweep(struct keeper *k)
{
	struct record *record = malloc(sizeof(*record));
	int lock = records_lock(k->dirs.records);
	char(*uuids)[UUID_STR_LEN] = NULL;
	int n = record ? records_list(k->dirs.records, &uuids) : 0;

	for (int i = 0; i < n; i++)
		sweep_one(k, uuids[i], record);
	if (lock >= 0)
		close(lock);
	free(uuids);
	free(record);
}
