// SPDX-License-Identifier: GPL-2.0-or-later
#include "provision/source.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *from_environment(const char *variable, const char *otherwise)
{
	const char *value = getenv(variable);

	return value && *value ? value : otherwise;
}

void dirs_from_environment(struct dirs *dirs)
{
	dirs->records = from_environment("XEN_IB_RECORDS_DIR", "/run/xen-ib/domains");
	dirs->conf = from_environment("XEN_IB_CONF_DIR", "/etc/xen-ib/domains");
	dirs->xl = from_environment("XEN_IB_XL_DIR", "/etc/xen");
	dirs->proc = from_environment("XEN_IB_PROC_DIR", "/proc");
	dirs->socket = from_environment("XEN_IB_SOCKET", "/run/xen-ib/ibback.sock");
	dirs->modules = from_environment("XEN_IB_MODULES_DIR", "/sys/module");
	dirs->machine_id = from_environment("XEN_IB_MACHINE_ID", "/etc/machine-id");
}

static enum found use_conf(const struct xlconf *conf, enum vib_source source,
			   struct record *record)
{
	if (conf->error[0]) {
		record_put(record, 0, source, "", conf->error);
		return FOUND_VIBS;
	}
	for (size_t i = 0; i < conf->count; i++)
		record_put(record, (unsigned int)i, source, conf->texts[i],
			   conf->no_text >> i & 1 ? XLCONF_NO_TEXT : "");
	return conf->count ? FOUND_VIBS : FOUND_NO_VIBS;
}

static enum found use_xl(const struct xl_pool *pool, uint64_t since_ms,
			 struct record *record, struct reason *where,
			 void (*complain)(const char *line))
{
	const struct xl_process *xl = xl_pool_find(pool, record->name, since_ms);
	char line[256];

	if (!xl) {
		if (errno == ENOTUNIQ) {
			snprintf(line, sizeof(line),
				 "several running xl name domain '%s' with different"
				 " vibs: none of them counts",
				 record->name);
			complain(line);
		}
		return FOUND_NOTHING;
	}
	refuse(where, 0, "xl process %d", (int)xl->pid);
	return use_conf(&xl->conf, VIB_FROM_XL, record);
}

static enum found use_record(const struct record *old, struct record *record,
			     struct reason *where)
{
	for (size_t i = 0; i < old->count; i++)
		record_put(record, old->vibs[i].index, VIB_FROM_RECORD, old->vibs[i].text,
			   old->vibs[i].text[0] ? "" : old->vibs[i].error);
	refuse(where, 0, "its record");
	return old->count ? FOUND_VIBS : FOUND_NO_VIBS;
}

static enum found use_file(const char *dir, const char *suffix, enum vib_source source,
			   struct record *record, struct reason *where,
			   void (*complain)(const char *line))
{
	char path[PATH_MAX];
	struct xlconf conf;
	struct reason why;
	enum found found;

	/* A name is a path's last part or no part at all. */
	if (strchr(record->name, '/') || record->name[0] == '.')
		return FOUND_NOTHING;
	if (snprintf(path, sizeof(path), "%s/%s%s", dir, record->name, suffix) >=
	    (int)sizeof(path))
		return FOUND_NOTHING;
	if (xlconf_read(AT_FDCWD, path, "", &conf, &why) < 0) {
		if (errno == ENOENT || errno == ENOTDIR)
			return FOUND_NOTHING;
		if (source != VIB_FROM_CONF) {
			complain(why.text);
			return FOUND_NOTHING;
		}
		/* It is for this domain and no other: not what stands elsewhere. */
		record_put(record, 0, source, "", why.text);
		refuse(where, 0, "%.500s", path);
		return FOUND_VIBS;
	}
	/* xl's files are called anything; ours are called by the domain. */
	if (source == VIB_FROM_CFG && strcmp(conf.name, record->name) != 0) {
		xlconf_free(&conf);
		return FOUND_NOTHING;
	}
	refuse(where, 0, "%.500s", path);
	found = use_conf(&conf, source, record);
	xlconf_free(&conf);
	return found;
}

enum found source_find(const struct dirs *dirs, const struct xl_pool *pool,
		       const struct record *old, struct record *record,
		       struct reason *where, void (*complain)(const char *line))
{
	char autostart[PATH_MAX];
	enum found found;

	record->count = 0;
	if (old) {
		/* xl create again beats what an earlier one left. */
		found = use_xl(pool, old->made_ms, record, where, complain);
		return found ? found : use_record(old, record, where);
	}
	found = use_file(dirs->conf, ".conf", VIB_FROM_CONF, record, where, complain);
	/* No xl has made Dom0; a guest that has its name is not it. */
	if (record->domid == 0)
		return found;
	if (!found)
		found = use_xl(pool, 0, record, where, complain);
	if (!found)
		found = use_file(dirs->xl, ".cfg", VIB_FROM_CFG, record, where, complain);
	if (!found && snprintf(autostart, sizeof(autostart), "%s/auto", dirs->xl) <
			      (int)sizeof(autostart))
		found = use_file(autostart, ".cfg", VIB_FROM_CFG, record, where,
				 complain);
	return found;
}
