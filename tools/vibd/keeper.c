// SPDX-License-Identifier: GPL-2.0-or-later
#include "keeper.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "log.h"

void keeper_init(struct keeper *k, struct xenport *xp, const struct dirs *dirs)
{
	memset(k, 0, sizeof(*k));
	k->xp = xp;
	k->dirs = *dirs;
	guid_host_read(&k->host, dirs->machine_id);
}

void keeper_free(struct keeper *k)
{
	xl_pool_forget(&k->pool, NULL);
	free(k->domains);
	free(k->removals);
}

static struct keeper_domain *find_domain(struct keeper *k, uint16_t domid)
{
	for (size_t i = 0; i < k->domain_count; i++)
		if (k->domains[i].domid == domid)
			return &k->domains[i];
	return NULL;
}

static bool any_pending(const struct keeper *k)
{
	for (size_t i = 0; i < k->domain_count; i++)
		if (k->domains[i].pending)
			return true;
	return false;
}

static void watch_name(struct keeper *k, const struct keeper_domain *domain, bool on)
{
	struct vib_path path = domain_path(domain->domid, "name");

	/* Without the watch the next event of any kind finds the name. */
	if (on && xenport_watch(k->xp, path.text, "name") < 0)
		log_warn("dom %u: cannot watch its name: %s", domain->domid,
			 strerror(errno));
	else if (!on && xenport_unwatch(k->xp, path.text, "name") < 0)
		log_debug("dom %u: cannot unwatch its name: %s", domain->domid,
			  strerror(errno));
}

static void add_domain(struct keeper *k, uint16_t domid)
{
	struct keeper_domain *more =
		reallocarray(k->domains, k->domain_count + 1, sizeof(*more));
	struct keeper_domain *domain;

	if (!more) {
		log_err("dom %u: out of memory", domid);
		return;
	}
	k->domains = more;
	domain = &k->domains[k->domain_count++];
	*domain = (struct keeper_domain){
		.domid = domid,
		.pending = true,
		.deadline_ms = boottime_ms() + KEEPER_NAME_MS,
	};
	watch_name(k, domain, true);
}

static void add_new_domains(struct keeper *k)
{
	unsigned int *ids;
	int n = store_list_numbers(k->xp, XENPORT_NO_TRANSACTION, "/local/domain",
				   DOMID_MAX, &ids);

	if (n < 0)
		log_err("cannot list the domains: %s", strerror(errno));
	for (int i = 0; i < n; i++) {
		uint16_t domid = (uint16_t)ids[i];

		if (!find_domain(k, domid) && store_domain_lives(k->xp, domid))
			add_domain(k, domid);
	}
	free(ids);
}

void keeper_introduced(struct keeper *k)
{
	/* An xl that is gone counts only while a domain waits for its name. */
	if (xl_pool_scan(&k->pool, k->dirs.proc, geteuid(), any_pending(k)) < 0)
		log_warn("cannot look for xl in %s: %s", k->dirs.proc, strerror(errno));
	add_new_domains(k);
	keeper_step(k);
}

static void forget_dead_domains(struct keeper *k)
{
	size_t kept = 0;

	for (size_t i = 0; i < k->domain_count; i++) {
		struct keeper_domain *domain = &k->domains[i];

		if (store_domain_lives(k->xp, domain->domid)) {
			k->domains[kept++] = *domain;
			continue;
		}
		if (domain->pending)
			watch_name(k, domain, false);
		if (domain->uuid[0])
			records_domain_gone(k, domain->uuid);
		log_debug("dom %u: gone", domain->domid);
	}
	k->domain_count = kept;
}

void keeper_released(struct keeper *k)
{
	forget_dead_domains(k);
	removals_collect(k);
	keeper_step(k);
}

/* A domain that arrives from another host is called this until it is all here. */
static void cut_incoming(char *name)
{
	static const char suffix[] = "--incoming";
	size_t length = strlen(name);

	if (length >= sizeof(suffix) &&
	    !strcmp(name + length - (sizeof(suffix) - 1), suffix))
		name[length - (sizeof(suffix) - 1)] = '\0';
}

/* Returns true if the domain still has to wait. */
static bool step_domain(struct keeper *k, struct keeper_domain *domain)
{
	uint64_t now = boottime_ms();
	char name[DOMAIN_NAME_SIZE];

	if (store_domain_uuid(k->xp, domain->domid, domain->uuid) < 0 ||
	    store_domain_name(k->xp, XENPORT_NO_TRANSACTION, domain->domid, name) < 0 ||
	    !name[0]) {
		if (now < domain->deadline_ms)
			return true;
		log_warn("dom %u: it has no name or UUID in xenstore: no vibs",
			 domain->domid);
		return false;
	}
	cut_incoming(name);
	if (place_domain(k, domain, name,
			 now >= domain->deadline_ms - KEEPER_NAME_MS + KEEPER_PLACE_MS) ==
	    PLACE_LATER)
		return true;
	xl_pool_forget(&k->pool, name);
	return false;
}

bool keeper_step(struct keeper *k)
{
	bool waiting = false;

	/* Removals first: they free GUIDs for which a domain may wait. */
	removals_step(k);
	for (size_t i = 0; i < k->domain_count; i++) {
		struct keeper_domain *domain = &k->domains[i];

		if (!domain->pending)
			continue;
		domain->pending = step_domain(k, domain);
		if (domain->pending)
			waiting = true;
		else
			watch_name(k, domain, false);
	}
	return waiting || k->removal_count;
}

void keeper_sweep(struct keeper *k)
{
	forget_dead_domains(k);
	removals_collect(k);
	records_sweep(k);
}
