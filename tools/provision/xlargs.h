/* SPDX-License-Identifier: GPL-2.0-or-later */
/* xl's command line, as xl(1) itself reads it, to find the config it uses. */
#ifndef XEN_IB_PROVISION_XLARGS_H
#define XEN_IB_PROVISION_XLARGS_H

#include <stddef.h>

struct xl_args {
	const char *config; /* points into the command line */
	char *extra;        /* key=value arguments, a line each; owned */
};

/* Parse @length bytes of arguments, each ended by a NUL (there is one at
 * @cmdline[@length] too). -1: not an xl that creates a domain from a file.
 */
int xl_args_parse(const char *cmdline, size_t length, struct xl_args *args);
void xl_args_free(struct xl_args *args);

#endif
