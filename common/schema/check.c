// SPDX-License-Identifier: GPL-2.0-or-later
/* Checking a node's text against the schema, and saying what was wrong. */
#include "schema/schema.h"

#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

const struct schema_node *schema_find(enum schema_side side, const char *key)
{
	for (size_t i = 0; i < schema_node_count; i++)
		if (schema_nodes[i].side == side && !strcmp(schema_nodes[i].key, key))
			return &schema_nodes[i];
	return NULL;
}

const struct schema_node *schema_find_config(const char *config)
{
	for (size_t i = 0; i < schema_node_count; i++)
		if (schema_nodes[i].config && !strcmp(schema_nodes[i].config, config))
			return &schema_nodes[i];
	return NULL;
}

char *schema_quote(const char *text, char *out, size_t size)
{
	size_t n = 0;

	out[n++] = '"';
	for (; *text; text++) {
		unsigned char c = (unsigned char)*text;
		bool plain = c >= ' ' && c <= '~' && c != '"' && c != '\\';

		/* Room for this one, the three dots, the quote and the NUL. */
		if (n + 4 + 5 > size) {
			n += (size_t)snprintf(out + n, size - n, "...");
			break;
		}
		if (plain)
			out[n++] = (char)c;
		else
			n += (size_t)snprintf(out + n, size - n, "\\x%02x", c);
	}
	if (n > size - 2)
		n = size - 2;
	out[n++] = '"';
	out[n] = '\0';
	return out;
}

static int check_type(const struct schema_node *node, enum schema_type type,
		      const char *value, const char **why)
{
	uint8_t gids[SCHEMA_GIDS_MAX][16];
	uint16_t pkeys[SCHEMA_PKEYS_MAX];
	uint64_t number;
	bool flag;
	int n;

	switch (type) {
	case SCHEMA_UINT:
		return schema_parse_uint(value, node->min, node->max, &number, why);
	case SCHEMA_RATE:
		return schema_parse_rate(value, node->min, node->max, &number, why);
	case SCHEMA_SIZE:
		return schema_parse_size(value, node->min, node->max, &number, why);
	case SCHEMA_BOOL:
		return schema_parse_bool(value, &flag, why);
	case SCHEMA_ENUM:
		n = schema_parse_enum(value, node->allowed, why);
		return n < 0 ? -1 : 0;
	case SCHEMA_NAME:
		return schema_parse_name(value, why);
	case SCHEMA_GUID:
		return schema_parse_guid(value, &number, why);
	case SCHEMA_PKEYS:
		n = schema_parse_pkeys(value, pkeys, node->max, why);
		return n < 0 ? -1 : 0;
	case SCHEMA_GIDS:
		n = schema_parse_gids(value, gids, node->max, why);
		return n < 0 ? -1 : 0;
	case SCHEMA_DOMAIN:
		return schema_parse_domain(value, why);
	case SCHEMA_PATH:
		return schema_parse_path(value, why);
	case SCHEMA_SESSION:
		return schema_parse_session(value, &number, why);
	case SCHEMA_TEXT:
		return schema_parse_text(value, why);
	case SCHEMA_TYPES:
		break;
	}
	*why = "the schema knows no such type";
	errno = EINVAL;
	return -1;
}

/* Append to a line that is cut where its buffer ends. */
struct line {
	char *at;
	size_t left;
};

static void add(struct line *line, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

static void add(struct line *line, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(line->at, line->left, fmt, ap);
	va_end(ap);
	if (n < 0 || (size_t)n >= line->left)
		n = line->left ? (int)line->left - 1 : 0;
	line->at += n;
	line->left -= (size_t)n;
}

/* In the largest of @units, each @step of the one before, that leaves a whole number. */
static void add_amount(struct line *line, uint64_t amount, uint64_t step,
		       const char *units)
{
	for (; amount && amount % step == 0 && units[1]; units++)
		amount /= step;
	add(line, "%" PRIu64, amount);
	if (*units != '1')
		add(line, "%c", *units);
}

static void add_rate(struct line *line, uint64_t rate)
{
	add_amount(line, rate, 1000, "1kMG");
}

static void add_size(struct line *line, uint64_t size)
{
	if (size == SCHEMA_SIZE_ALL)
		add(line, "all");
	else
		add_amount(line, size, 1024, "1KMG");
}

static void add_allowed(struct line *line, const struct schema_node *node,
			enum schema_type type)
{
	add(line, "%s", schema_type_text[type]);
	switch (type) {
	case SCHEMA_UINT:
		add(line, ", from %" PRIu64 " to %" PRIu64, node->min, node->max);
		break;
	case SCHEMA_RATE:
		add(line, ", from ");
		add_rate(line, node->min);
		add(line, " to ");
		add_rate(line, node->max);
		break;
	case SCHEMA_SIZE:
		add(line, ", from ");
		add_size(line, node->min);
		add(line, " to ");
		add_size(line, node->max);
		break;
	case SCHEMA_PKEYS:
	case SCHEMA_GIDS:
		add(line, "; at most %" PRIu64 " entries", node->max);
		break;
	case SCHEMA_ENUM:
		for (size_t i = 0; node->allowed[i]; i++)
			add(line, "%s%s", i ? ", " : ": ", node->allowed[i]);
		break;
	default:
		break;
	}
}

static int check(const struct schema_node *node, const char *key, enum schema_type type,
		 const char *value, char *err, size_t err_size)
{
	struct line line = { .at = err, .left = err_size };
	const char *why = "";
	char quoted[64];

	if (!check_type(node, type, value, &why))
		return 0;
	add(&line, "%s=%s: %s; want ", key, schema_quote(value, quoted, sizeof(quoted)),
	    why);
	add_allowed(&line, node, type);
	errno = EINVAL;
	return -1;
}

void schema_want(const struct schema_node *node, char *out, size_t size)
{
	struct line line = { .at = out, .left = size };

	add_allowed(&line, node, node->type);
}

int schema_check(enum schema_side side, const char *key, const char *value, char *err,
		 size_t err_size)
{
	const struct schema_node *node = schema_find(side, key);
	char quoted[64];

	if (!node) {
		snprintf(err, err_size, "%s: a vib's %s directory has no such node",
			 schema_quote(key, quoted, sizeof(quoted)),
			 side == SCHEMA_BACKEND ? "backend" : "frontend");
		errno = ENOENT;
		return -1;
	}
	return check(node, node->key, node->type, value, err, err_size);
}

int schema_check_config(const struct schema_node *node, const char *value, char *err,
			size_t err_size)
{
	return check(node, node->config, node->config_type, value, err, err_size);
}

static void canonical_pkeys(struct line *line, const char *value, size_t max)
{
	uint16_t pkeys[SCHEMA_PKEYS_MAX];
	int n = schema_parse_pkeys(value, pkeys, max, NULL);

	for (int i = 0; i < n; i++)
		add(line, "%s0x%04x", i ? "/" : "", pkeys[i]);
}

static void canonical_gids(struct line *line, const char *value, size_t max)
{
	uint8_t gids[SCHEMA_GIDS_MAX][16];
	int n = schema_parse_gids(value, gids, max, NULL);

	for (int i = 0; i < n; i++) {
		char one[INET6_ADDRSTRLEN];

		add(line, "%s%s", i ? "/" : "",
		    inet_ntop(AF_INET6, gids[i], one, sizeof(one)));
	}
}

int schema_canonical(const struct schema_node *node, const char *value, char *out,
		     size_t size)
{
	struct line line = { .at = out, .left = size };
	const char *why;
	uint64_t number = 0;

	if (!size) {
		errno = ENOSPC;
		return -1;
	}
	if (check_type(node, node->type, value, &why) < 0)
		return -1;
	out[0] = '\0';
	switch (node->type) {
	case SCHEMA_UINT:
		schema_parse_uint(value, node->min, node->max, &number, NULL);
		add(&line, "%" PRIu64, number);
		break;
	case SCHEMA_RATE:
		schema_parse_rate(value, node->min, node->max, &number, NULL);
		add_rate(&line, number);
		break;
	case SCHEMA_SIZE:
		schema_parse_size(value, node->min, node->max, &number, NULL);
		add_size(&line, number);
		break;
	case SCHEMA_GUID:
		schema_parse_guid(value, &number, NULL);
		add(&line, "0x%016" PRIx64, number);
		break;
	case SCHEMA_PKEYS:
		canonical_pkeys(&line, value, node->max);
		break;
	case SCHEMA_GIDS:
		canonical_gids(&line, value, node->max);
		break;
	default:
		add(&line, "%s", value);
		break;
	}
	if (line.left <= 1) { /* full, so perhaps cut */
		errno = ENOSPC;
		return -1;
	}
	return 0;
}
