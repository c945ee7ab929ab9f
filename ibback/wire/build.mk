# SPDX-License-Identifier: GPL-2.0-or-later
# The wire: an HCA of Dom0's.

CFLAGS_ibback_wire := -Iibback
UMAD_OBJS := $(addprefix $(B)/obj/ibback/wire/,umad.o umad_packet.o umad_sender.o)
LIBS_umad := -libumad -luv -lpthread
