# SPDX-License-Identifier: GPL-2.0-or-later
# The general services of a fabric: SA, CM, performance management. Knows nothing of
# xenstore and of threads. Timers are the engine's.

CFLAGS_ibback_gsi := -Iibback
GSI_OBJS := $(patsubst %.c,$(B)/obj/%.o,$(wildcard ibback/gsi/*.c))
