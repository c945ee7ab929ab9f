# SPDX-License-Identifier: GPL-2.0-or-later
# The wire: an HCA of this domain, through libibverbs.

CFLAGS_ibback_wire := -Iibback
WIRE_OBJS := $(patsubst %.c,$(B)/obj/%.o,$(wildcard ibback/wire/*.c))
# Whoever has the engine and its commands has this, too.
LIBS_engine += -libverbs
