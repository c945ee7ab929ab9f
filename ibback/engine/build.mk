# SPDX-License-Identifier: GPL-2.0-or-later
# The engine: what pollers do. Knows nothing of xenstore.

CFLAGS_ibback_engine := -Iibback
ENGINE_OBJS := $(patsubst %.c,$(B)/obj/%.o,$(wildcard ibback/engine/*.c))
LIBS_engine := -lurcu-qsbr -lurcu-cds -lpthread
