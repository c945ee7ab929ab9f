/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * xl's configuration syntax, as libxlutil parses it, for the two keys that
 * matter here: name and vib.
 */
#ifndef XEN_IB_PROVISION_XLCONF_H
#define XEN_IB_PROVISION_XLCONF_H

#include "provision/record.h"

struct xlconf {
	char name[DOMAIN_NAME_SIZE]; /* "" if the config has none */
	bool has_vib;
	char error[256]; /* why vib=... cannot be used, or "" */
	size_t count;
	uint32_t no_text; /* a bit for each entry that is no string; its text is "" */
	char (*texts)[VIB_TEXT_SIZE]; /* each cut to its buffer */
};

/* Parse @length bytes of config, which messages call @title. Returns 0, or -1
 * with errno EINVAL and @why. On success xlconf_free() releases what @conf has.
 */
int xlconf_parse(const char *data, size_t length, const char *title, struct xlconf *conf,
		 struct reason *why);

/* Read and parse a file: relative to @dirfd, a regular one, of at most 1 MiB,
 * with @extra (or "") appended on a line of its own, as xl appends what its
 * command line adds.
 */
int xlconf_read(int dirfd, const char *path, const char *extra, struct xlconf *conf,
		struct reason *why);

/* What to say of an entry that is no string. */
#define XLCONF_NO_TEXT "the entry is no string; want vib=['key=value, ...', ...]"

void xlconf_free(struct xlconf *conf);

/* True if both give the same vibs. */
bool xlconf_same_vibs(const struct xlconf *a, const struct xlconf *b);

#endif
