/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The schema of a vib's xenstore nodes: what each node may hold, and parsers
 * that turn its text into numbers. The table is generated from
 * xenstore-schema/vib.toml.
 *
 * Text comes from guests and people alike, so every parser takes any
 * NUL-terminated string. On refusal it returns -1 with errno EINVAL, leaves
 * the result undefined, and sets *@why (if @why is not NULL) to a constant
 * that says what is wrong.
 */
#ifndef XEN_IB_COMMON_SCHEMA_SCHEMA_H
#define XEN_IB_COMMON_SCHEMA_SCHEMA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum schema_side { SCHEMA_BACKEND, SCHEMA_FRONTEND };

enum schema_writer { SCHEMA_BY_TOOLSTACK, SCHEMA_BY_BACKEND, SCHEMA_BY_FRONTEND };

enum schema_type {
	SCHEMA_UINT,
	SCHEMA_BOOL,
	SCHEMA_ENUM,
	SCHEMA_NAME,
	SCHEMA_GUID,
	SCHEMA_PKEYS,
	SCHEMA_GIDS,
	SCHEMA_RATE,
	SCHEMA_SIZE,
	SCHEMA_DOMAIN,
	SCHEMA_PATH,
	SCHEMA_SESSION,
	SCHEMA_TEXT,
	SCHEMA_TYPES, /* their number */
};

struct schema_node {
	enum schema_side side;
	const char *key;
	enum schema_type type;
	enum schema_type config_type; /* of the text in a config */
	enum schema_writer writer;
	bool required;
	bool changes;               /* while the vib is attached */
	const char *config;         /* its key in an xl config, or NULL */
	const char *def;            /* what absence means, or NULL */
	uint64_t min, max;          /* of a number, or of a list's entries */
	const char *const *allowed; /* of an enum, ended by NULL */
	const char *doc;
};

extern const struct schema_node schema_nodes[];
extern const size_t schema_node_count;
/* What each type accepts, for people. */
extern const char *const schema_type_text[SCHEMA_TYPES];

/* Longest text of any node, with its NUL: 128 P_Keys, or 15 GIDs. */
#define SCHEMA_VALUE_MAX 1024
#define SCHEMA_PKEYS_MAX 128
#define SCHEMA_GIDS_MAX  15
/* The size 'all'. */
#define SCHEMA_SIZE_ALL  UINT64_MAX

/* The node @key of @side, or NULL. */
const struct schema_node *schema_find(enum schema_side side, const char *key);

/* The node that @config sets in an xl config, or NULL. */
const struct schema_node *schema_find_config(const char *config);

/* Check the text of a node. Returns 0, or -1 with errno EINVAL (ENOENT: no such
 * node) and in @err a line that names key, value and what is allowed.
 */
int schema_check(enum schema_side side, const char *key, const char *value, char *err,
		 size_t err_size);

/* What @node may hold, in words. */
void schema_want(const struct schema_node *node, char *out, size_t size);

/* The same for the text that an xl config gives to @node, named by its config key. */
int schema_check_config(const struct schema_node *node, const char *value, char *err,
			size_t err_size);

/* Write a text that schema_check() accepts in the one form xenstore holds:
 * guids as 0x and 16 digits, P_Keys as 0x and 4, numbers in decimal, GIDs as
 * inet_ntop(3) prints them, rates and sizes in the largest unit that leaves a whole
 * number. Returns 0, or -1 and errno (ENOSPC: @size is short).
 */
int schema_canonical(const struct schema_node *node, const char *value, char *out,
		     size_t size);

/* Copy @text between double quotes, escaped to one printable line and cut to
 * @size bytes at most (which should be 8 or more). Returns @out.
 */
char *schema_quote(const char *text, char *out, size_t size);

int schema_parse_uint(const char *text, uint64_t min, uint64_t max, uint64_t *value,
		      const char **why);
/* In bits per second; 0, which is no limit, is below any bound. */
int schema_parse_rate(const char *text, uint64_t min, uint64_t max, uint64_t *rate,
		      const char **why);
/* In bytes; 0 is below any bound, and SCHEMA_SIZE_ALL above. */
int schema_parse_size(const char *text, uint64_t min, uint64_t max, uint64_t *size,
		      const char **why);
int schema_parse_bool(const char *text, bool *value, const char **why);
int schema_parse_guid(const char *text, uint64_t *guid, const char **why);
int schema_parse_session(const char *text, uint64_t *session, const char **why);

/* Lists: return the number of entries, 1 to @max. A GID is in network order. */
int schema_parse_pkeys(const char *text, uint16_t *pkeys, size_t max, const char **why);
int schema_parse_gids(const char *text, uint8_t (*gids)[16], size_t max,
		      const char **why);

/* The index of @text in @allowed, which ends with NULL. */
int schema_parse_enum(const char *text, const char *const *allowed, const char **why);

/* Types whose value is their text: 0 if @text is one. */
int schema_parse_name(const char *text, const char **why);
int schema_parse_domain(const char *text, const char **why);
int schema_parse_path(const char *text, const char **why);
int schema_parse_text(const char *text, const char **why);

#endif
