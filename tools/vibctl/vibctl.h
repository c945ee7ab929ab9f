/* SPDX-License-Identifier: GPL-2.0-or-later */
/* vibctl's commands and what they share. */
#ifndef XEN_IB_VIBCTL_H
#define XEN_IB_VIBCTL_H

#include <argp.h>
#include <jansson.h>

#include "provision/source.h"

enum {
	EXIT_REFUSED = 1, /* it could not be done */
	EXIT_USAGE = 2,   /* it was not asked for properly */
};

struct vibctl {
	struct xenport *xp; /* open_store() opens it */
	struct dirs dirs;
};

/* Each takes its own arguments, argv[0] being "vibctl COMMAND", and returns the
 * exit status. They are cmd_*.c.
 */
int cmd_attach(struct vibctl *ctl, int argc, char **argv);
int cmd_detach(struct vibctl *ctl, int argc, char **argv);
int cmd_list(struct vibctl *ctl, int argc, char **argv);
int cmd_set(struct vibctl *ctl, int argc, char **argv);
int cmd_show(struct vibctl *ctl, int argc, char **argv);
int cmd_stats(struct vibctl *ctl, int argc, char **argv);
int cmd_fabric(struct vibctl *ctl, int argc, char **argv);
int cmd_check(struct vibctl *ctl, int argc, char **argv);

/* Print a line to stderr, after "vibctl: ". Returns EXIT_REFUSED. */
int failed(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* Connect to xenstore if that is not done. -1 after having said why not. */
int open_store(struct vibctl *ctl);

/*
 * The option --json, for the children of a command's argp: it sets the bool that the
 * command's parser, at ARGP_KEY_INIT, makes state->child_inputs[0] point at.
 */
extern const struct argp_child json_option[];

/* Print @json, which may be NULL for want of memory, and release it. */
int print_json(json_t *json);

/* Resolve a domain by name or number. With @dead_too, a number may be that of
 * a domain that is gone. -1 after having said why not.
 */
int resolve_domain(struct vibctl *ctl, const char *text, bool dead_too, uint16_t *domid);

/* Parse an index. -1 after having said what is wrong. */
int parse_index(const char *text, unsigned int *index);

/* Parse a number of seconds for an option. */
unsigned int parse_seconds(struct argp_state *state, const char *text);

/* The vib @index of @domid. -1: there is none (nothing is said). */
int find_vib(struct vibctl *ctl, uint16_t domid, unsigned int index, struct vib_id *vib);

/* The vib that @text names: a living domain, or with "/INDEX" behind it that one of its
 * vibs, of which there is else one alone. -1 after having said what is wrong.
 */
int find_vib_named(struct vibctl *ctl, const char *text, struct vib_id *vib);

/* A vib's text that comes in several arguments. */
struct joined {
	char text[VIB_TEXT_SIZE];
	bool too_long;
};

void join_text(struct joined *joined, const char *part);

/* The record of a living domain, to be freed; NULL if it has none. */
struct record *load_domain_record(struct vibctl *ctl, uint16_t domid);

/* Wait, by watches, until @done says so of @vib, for at most @timeout_ms.
 * Returns 1 when it did, 0 after that time, -1 and errno.
 */
int wait_for_vib(struct xenport *xp, const struct vib_id *vib,
		 bool (*done)(struct xenport *xp, const struct vib_id *vib),
		 unsigned int timeout_ms);

/* A string's part that a terminal can take: itself, or quoted. */
const char *printable(const char *text, char *buf, size_t size);

/*
 * Ask the ibback that listens at @path for @command. Its answer, to be released, with the
 * @array that is @member of it; NULL after having said why there is none.
 */
json_t *ask_ibback(const char *path, const char *command, const char *member,
		   json_t **array);

/* Ask it to claim connection management on @fabric. The exit status, after having said
 * why if it did not.
 */
int ask_reclaim(const char *path, const char *fabric);

/* Members of what ibback answered: 0 or "" where there is none of that type. */
json_int_t json_int(json_t *json, const char *key);
const char *json_text(json_t *json, const char *key);

/* ---- a table of texts, its columns as wide as they need ---------------- */

enum { TABLE_COLUMNS_MAX = 12 };

struct table {
	size_t columns, rows;
	char *(*cells)[TABLE_COLUMNS_MAX];
};

/* Add a row of @table->columns texts, copied. -1 and errno. */
int table_add(struct table *table, const char *const *texts);
void table_print(const struct table *table);
void table_free(struct table *table);

#endif
