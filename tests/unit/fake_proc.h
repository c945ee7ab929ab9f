/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A /proc in the test's folder, as far as finding xl needs it. */
#ifndef XEN_IB_TESTS_FAKE_PROC_H
#define XEN_IB_TESTS_FAKE_PROC_H

#include <stdint.h>

/* A process started @started_ms after boot in @cwd (an absolute path), with the
 * arguments @cmdline, separated by single blanks.
 */
void fake_process(int pid, uint64_t started_ms, const char *cmdline, const char *cwd);
/* Whose it is; the tests' own user until this is called. */
void fake_process_uids(int pid, unsigned int real, unsigned int effective);
/* Its standard output goes to @path. */
void fake_process_output(int pid, const char *path);
void fake_process_end(int pid);

#endif
