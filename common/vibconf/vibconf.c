// SPDX-License-Identifier: GPL-2.0-or-later
#include "vibconf/vibconf.h"

#include <errno.h>
#include <stdbool.h>
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

/* Of what is attached, and cannot be another. */
static int refuse_change(const struct schema_node *node, char *err, size_t err_size)
{
	size_t n;

	snprintf(err, err_size,
		 "%s cannot change while the vib is attached; want 'vibctl detach' and "
		 "'vibctl attach', or one of",
		 node->config);
	for (size_t i = 0; i < schema_node_count; i++) {
		if (!schema_nodes[i].changes)
			continue;
		n = strlen(err);
		snprintf(err + n, err_size - n, " %s", schema_nodes[i].config);
	}
	errno = EINVAL;
	return -1;
}

static int add_item(struct vibconf *conf, char *part, bool changes, char *err,
		    size_t err_size)
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
	if (changes && !node->changes)
		return refuse_change(node, err, err_size);
	if (!(changes && !*value) && schema_check_config(node, value, err, err_size) < 0)
		return -1;
	if (conf->count == VIBCONF_KEYS_MAX) {
		snprintf(err, err_size, "%s: more keys than a vib has", key);
		errno = EINVAL;
		return -1;
	}

	item = &conf->items[conf->count];
	item->node = node;
	if (node->config_type != node->type || !*value) {
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

static int parse(const char *text, struct vibconf *conf, bool changes, char *err,
		 size_t err_size)
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
		if (add_item(conf, trim(part), changes, err, err_size) < 0)
			return -1;
		part = comma;
	}
	return 0;
}

int vibconf_parse(const char *text, struct vibconf *conf, char *err, size_t err_size)
{
	return parse(text, conf, false, err, err_size);
}

int vibconf_parse_changes(const char *text, struct vibconf *conf, char *err,
			  size_t err_size)
{
	return parse(text, conf, true, err, err_size);
}

static struct vibconf_item *find(struct vibconf *conf, const struct schema_node *node)
{
	for (size_t i = 0; i < conf->count; i++)
		if (conf->items[i].node == node)
			return &conf->items[i];
	return NULL;
}

int vibconf_merge(struct vibconf *conf, const struct vibconf *changes, char *err,
		  size_t err_size)
{
	for (size_t i = 0; i < changes->count; i++) {
		const struct vibconf_item *change = &changes->items[i];
		struct vibconf_item *item = find(conf, change->node);

		if (!*change->value) {
			if (item)
				*item = conf->items[--conf->count];
			continue;
		}
		if (!item && conf->count == VIBCONF_KEYS_MAX) {
			snprintf(err, err_size, "%s: more keys than a vib has",
				 change->node->config);
			errno = EINVAL;
			return -1;
		}
		if (!item)
			item = &conf->items[conf->count++];
		*item = *change;
	}
	return 0;
}

int vibconf_text(const struct vibconf *conf, char text[VIBCONF_TEXT_MAX], char *err,
		 size_t err_size)
{
	size_t length = 0;

	text[0] = '\0';
	for (size_t i = 0; i < conf->count; i++) {
		length += (size_t)snprintf(
			text + length, VIBCONF_TEXT_MAX - length, "%s%s=%s",
			i ? ", " : "", conf->items[i].node->config, conf->items[i].value);
		if (length >= VIBCONF_TEXT_MAX) {
			snprintf(err, err_size,
				 "the vib's text is then longer than %d characters",
				 VIBCONF_TEXT_MAX - 1);
			errno = EINVAL;
			return -1;
		}
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
