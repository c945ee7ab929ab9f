# SPDX-License-Identifier: GPL-2.0-or-later
# Programs for the lab's guests, on what libraries Debian 12 has there. The
# checks copy them in with `lab cp`.

TRAFFIC_OBJS := $(patsubst %.c,$(B)/obj/%.o,$(wildcard tests/lab/programs/traffic/*.c))

PROGRAMS += traffic
OBJS_traffic := $(TRAFFIC_OBJS)
LIBS_traffic := -libverbs -lpthread
