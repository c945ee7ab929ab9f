# SPDX-License-Identifier: GPL-2.0-or-later
# The wire: an HCA of this domain, through libibverbs and libibumad, and its network device.

CFLAGS_ibback_wire := -Iibback
WIRE_OBJS := $(patsubst %.c,$(B)/obj/%.o,$(wildcard ibback/wire/*.c))
UMAD_OBJS := $(addprefix $(B)/obj/ibback/wire/,umad.o umad_packet.o umad_sender.o)
LIBS_umad := -libumad -luv -lpthread
LIBS_wire := -libverbs -lmnl $(LIBS_umad)
# What guests have at an HCA: for whoever has the engine and its commands.
HCA_SRCS := $(addprefix ibback/wire/,ah.c channel.c data.c guest.c mw.c \
	port.c qp.c srq.c)
HCA_OBJS := $(patsubst %.c,$(B)/obj/%.o,$(HCA_SRCS))
LIBS_engine += -libverbs
