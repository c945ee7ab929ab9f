/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A uv loop that a test turns until something has come of it. */
#ifndef XEN_IB_TESTS_LOOP_H
#define XEN_IB_TESTS_LOOP_H

#include <time.h>

#include <uv.h>

#include "cm.h"

/* Far beyond what a loaded machine takes. */
#define LOOP_PATIENCE_MS 20000

static inline void loop_turn(uv_loop_t *loop)
{
	uv_run(loop, UV_RUN_NOWAIT);
	nanosleep(&(struct timespec){ .tv_nsec = 1000000 }, NULL);
}

#define wait_until(loop, condition)                                \
	do {                                                       \
		for (int ms_ = 0; ms_ < LOOP_PATIENCE_MS; ms_++) { \
			if (condition)                             \
				break;                             \
			loop_turn(loop);                           \
		}                                                  \
		if (!(condition))                                  \
			fail_msg("never: %s", #condition);         \
	} while (0)

#endif
