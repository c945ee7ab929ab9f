// SPDX-License-Identifier: GPL-2.0-or-later
#include "config.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <ini.h>
#include <xen-ib/xenstore.h>

#include "log.h"
#include "control/vport.h"
#include "schema/schema.h"

struct reader {
	const char *path;
	struct fabric_table *fabrics;
	bool refused; /* and said why */
};

static bool is_fabric_name(const char *name)
{
	char why[WHY_MAX];

	return schema_check(SCHEMA_BACKEND, VIB_BE_FABRIC, name, why, sizeof(why)) == 0;
}

/* inih's callback: returns 1 to go on, 0 to make this line the error. */
static int on_entry(void *user, const char *section, const char *name, const char *value)
{
	struct reader *r = user;
	static const char prefix[] = "fabric ";
	const char *fabric = section + strlen(prefix);

	if (r->refused)
		return 1; /* one message is enough */
	r->refused = true;
	if (strncmp(section, prefix, strlen(prefix)) != 0 || !is_fabric_name(fabric)) {
		log_err("%s: section [%s]: want [fabric NAME], NAME as in vib's fabric= "
			"key",
			r->path, section);
		return 0;
	}
	if (strcmp(name, "type") != 0) {
		log_err("%s: [%s] %s: the only key is 'type'", r->path, section, name);
		return 0;
	}
	if (strcmp(value, "local") != 0) {
		log_err("%s: [%s] type=%s: want 'local'", r->path, section, value);
		return 0;
	}
	if (!fabric_add(r->fabrics, fabric)) {
		log_err("%s: [%s]: %s", r->path, section, strerror(errno));
		return 0;
	}
	r->refused = false;
	return 1;
}

int config_read(const char *path, struct fabric_table *fabrics)
{
	struct reader r = { .path = path, .fabrics = fabrics };
	FILE *f = fopen(path, "r");
	int line;

	if (!f) {
		if (errno == ENOENT)
			return 0;
		log_err("%s: %s", path, strerror(errno));
		return -1;
	}
	line = ini_parse_file(f, on_entry, &r);
	fclose(f);
	if (line == 0)
		return 0;
	log_err("%s:%d: cannot be used; want lines 'type = local' under [fabric NAME]",
		path, line);
	return -1;
}
