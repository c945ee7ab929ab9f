/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The text that describes one vib: "key=value, key=value", as a string of
 * vib=[...] in an xl config holds it and vibctl(8) takes it. The keys and
 * their values are those of the schema; xl-vib(5) lists them.
 */
#ifndef XEN_IB_COMMON_VIBCONF_VIBCONF_H
#define XEN_IB_COMMON_VIBCONF_VIBCONF_H

#include <stddef.h>

#include "schema/schema.h"

/* Longest text, with its NUL. */
#define VIBCONF_TEXT_MAX 1024
/* More than the schema has config keys; held by a unit test. */
#define VIBCONF_KEYS_MAX 32

/* One key that the text gives. */
struct vibconf_item {
	const struct schema_node *node;
	/* In the node's canonical form; as written where config_type differs. */
	char value[SCHEMA_VALUE_MAX];
};

struct vibconf {
	size_t count;
	struct vibconf_item items[VIBCONF_KEYS_MAX];
};

/* Parse @text, which may be empty: then everything is the default. Returns 0,
 * or -1 with errno EINVAL and in @err a line about the first thing wrong.
 */
int vibconf_parse(const char *text, struct vibconf *conf, char *err, size_t err_size);

/*
 * The same of what is to change of a vib that is attached: keys that can, each with a
 * value, or with none ("gid="), which brings back the default. Such an item's value is
 * "".
 */
int vibconf_parse_changes(const char *text, struct vibconf *conf, char *err,
			  size_t err_size);

/*
 * @conf with @changes, of vibconf_parse_changes(), in it. -1 and EINVAL: together they
 * are more than a vib has, with a line in @err.
 */
int vibconf_merge(struct vibconf *conf, const struct vibconf *changes, char *err,
		  size_t err_size);

/* The text that is @conf. -1 and EINVAL: it is too long for one, with a line in @err. */
int vibconf_text(const struct vibconf *conf, char text[VIBCONF_TEXT_MAX], char *err,
		 size_t err_size);

/* What @conf gives for the config key @key, or NULL. */
const char *vibconf_get(const struct vibconf *conf, const char *key);

#endif
