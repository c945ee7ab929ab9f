/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What this process has mapped of files. */
#ifndef XEN_IB_IBBACK_MAPPED_FILES_H
#define XEN_IB_IBBACK_MAPPED_FILES_H

/*
 * Unmap whatever is mapped of files whose names begin with @prefix. Uses nothing of
 * libc (rawcall.h). Returns how many mappings that were, or -errno if some may be left.
 */
long mapped_files_unmap(const char *prefix);

#endif
