/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What keeps ibback going while Dom0 has no memory left.
 *
 * A disk of Dom0's may lie behind a vib of Dom0's (block-srp(7)). Then the kernel, short
 * of memory, writes dirty pages through ibback, and must not wait for ibback to get
 * memory first, nor take it ibback's, nor kill it.
 */
#ifndef XEN_IB_IBBACK_PRESSURE_H
#define XEN_IB_IBBACK_PRESSURE_H

#define OOM_FILE "/proc/self/oom_score_adj"

/*
 * For this process and the threads that it starts from here on: memory is locked as soon
 * as it is allocated, what the kernel allocates for them starts no I/O, and the OOM
 * killer, asked by @oom_file (OOM_FILE), takes others. Each that fails is a line in the
 * log; guests are served all the same.
 */
void pressure_prepare(const char *oom_file);

#endif
