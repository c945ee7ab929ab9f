// SPDX-License-Identifier: GPL-2.0-or-later
/* Any text as a vib's config, and as the value of every node of the schema. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vibconf/vibconf.h"

/* What must hold of a refusal: one line, within its buffer. */
static void expect_line(const char *line, size_t size)
{
	if (strnlen(line, size) == size || strchr(line, '\n'))
		abort();
}

/* What a node accepts has one form, which is accepted and stays as it is. */
static void check_node(const struct schema_node *node, const char *text)
{
	char once[SCHEMA_VALUE_MAX], twice[SCHEMA_VALUE_MAX], err[200];

	if (schema_check(node->side, node->key, text, err, sizeof(err)) < 0) {
		expect_line(err, sizeof(err));
		return;
	}
	if (schema_canonical(node, text, once, sizeof(once)) < 0)
		return; /* too long for any node of ours */
	if (schema_check(node->side, node->key, once, err, sizeof(err)) < 0 ||
	    schema_canonical(node, once, twice, sizeof(twice)) < 0 ||
	    strcmp(once, twice) != 0)
		abort();
}

static void check_config(const char *text)
{
	static struct vibconf conf;
	char err[200];

	if (vibconf_parse(text, &conf, err, sizeof(err)) < 0) {
		expect_line(err, sizeof(err));
		return;
	}
	for (size_t i = 0; i < conf.count; i++)
		if (schema_check_config(conf.items[i].node, conf.items[i].value, err,
					sizeof(err)) < 0)
			abort();
}

/* Of "CHANGES;TEXT": what is merged is a text again, or is too long for one. */
static void check_changes(char *text)
{
	static struct vibconf conf, changes;
	char err[200], merged[VIBCONF_TEXT_MAX];
	char *rest = strchr(text, ';');

	if (rest)
		*rest++ = '\0';
	if (vibconf_parse_changes(text, &changes, err, sizeof(err)) < 0) {
		expect_line(err, sizeof(err));
		return;
	}
	if (!rest || vibconf_parse(rest, &conf, err, sizeof(err)) < 0)
		conf.count = 0;
	if (vibconf_merge(&conf, &changes, err, sizeof(err)) < 0 ||
	    vibconf_text(&conf, merged, err, sizeof(err)) < 0)
		expect_line(err, sizeof(err));
	else if (vibconf_parse(merged, &conf, err, sizeof(err)) < 0)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1), quoted[16];

	if (!text)
		return 0;
	memcpy(text, data, size);
	text[size] = '\0';

	check_config(text);
	for (size_t i = 0; i < schema_node_count; i++)
		check_node(&schema_nodes[i], text);
	expect_line(schema_quote(text, quoted, sizeof(quoted)), sizeof(quoted));
	check_changes(text);
	free(text);
	return 0;
}
