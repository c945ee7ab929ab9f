/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A folder for a test, and files in it. */
#ifndef XEN_IB_TESTS_TEMPDIR_H
#define XEN_IB_TESTS_TEMPDIR_H

#include <stddef.h>

/* Make a folder under /tmp, and remove it with all that is in it. */
void tempdir_make(void);
void tempdir_remove(void);

/* The path of @name in it; valid until the sixteenth call from now. */
const char *tempdir_path(const char *name);

/* Make a file, or a folder (and those above), in it. */
void tempdir_write(const char *name, const char *data, size_t length);
void tempdir_mkdir(const char *name);

#endif
