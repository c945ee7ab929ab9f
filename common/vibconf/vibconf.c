// SPDX-License-Identifier: GPL-2.0-or-later
#include "vibconf/vibconf.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static int refuse_key(const char *key, char *err, size_t err_size)
{
	char quoted[64];
	size_t n;

	snprintf(err, err_size, "%s is no key of a vib; the keys are",
		 schema_quote(key, quoted, sizeof(quoted)));
	for (size_t i = 0; i < schema_node_count; i++) {
		if (!schema_nodes[i].config)
			continue;
		n = strlen(err);
		snprintf(err + n, err_size - n, " %s", schema_nodes[i].config);
	}
	errno = EINVAL;
	return -1;
}

/* Cut the blanks off both ends of @s, in place. */
static char *trim(char *s)
{
	char *end;

	s += strspn(s, " \t");
	end = s + strlen(s);
	while (end > s && (end[-1] == ' ' || end[-1] == '\t'))
		*--end = '\0';
	return s;
}

static int add_item(struct vibconf *conf, char *part, char *err, size_t err_size)
{
	const struct schema_node *node;
	struct vibconf_item *item;
	char quoted[64];
	char *key, *value;

	value = strchr(part, '=');
	if (!value) {
		snprintf(err, err_size, "%s has no '='; want key=value, key=value",
			 schema_quote(part, quoted, sizeof(quoted)));
		errno = EINVAL;
		return -1;
	}
	*value++ = '\0';
	key = trim(part);
	value = trim(value);

	node = schema_find_config(key);
	if (!node)
		return refuse_key(key, err, err_size);
	if (vibconf_get(conf, key)) {
		snprintf(err, err_size, "%s is given twice; want it once", key);
		errno = EINVAL;
		return -1;
	}
	if (schema_check_config(node, value, err, err_size) < 0)
		return -1;
	if (conf->count == VIBCONF_KEYS_MAX) {
		snprintf(err, err_size, "%s: more keys than a vib has", key);
		errno = EINVAL;
		return -1;
	}

	item = &conf->items[conf->count];
	item->node = node;
	if (node->config_type != node->type) {
		snprintf(item->value, sizeof(item->value), "%s", value);
	} else if (schema_canonical(node, value, item->value, sizeof(item->value)) < 0) {
		snprintf(err, err_size, "%s=%s: it is too long", key,
			 schema_quote(value, quoted, sizeof(quoted)));
		errno = EINVAL;
		return -1;
	}
	conf->count++;
	return 0;
}

int vibconf_parse(const char *text, struct vibconf *conf, char *err, size_t err_size)
{
	char copy[VIBCONF_TEXT_MAX];
	char *part = copy;

	conf->count = 0;
	if (strnlen(text, sizeof(copy)) >= sizeof(copy)) {
		snprintf(err, err_size, "the text is longer than %zu characters",
			 sizeof(copy) - 1);
		errno = EINVAL;
		return -1;
	}
	strcpy(copy, text);
	if (!*trim(copy))
		return 0;

	while (part) {
		char *comma = strchr(part, ',');

		if (comma)
			*comma++ = '\0';
		if (add_item(conf, trim(part), err, err_size) < 0)
			return -1;
		part = comma;
	}
	return 0;
}

const char *vibconf_get(const struct vibconf *conf, const char *key)
{
	for (size_t i = 0; i < conf->count; i++)
		if (!strcmp(conf->items[i].node->config, key))
			return conf->items[i].value;
	return NULL;
}
