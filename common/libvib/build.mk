# SPDX-License-Identifier: GPL-2.0-or-later
COMMON_OBJS += $(addprefix $(B)/obj/common/libvib/, \
	bringup.o chunks.o command.o context.o cq.o eq.o events.o handshake.o kernel.o memory.o mr.o nodes.o \
	open.o qp.o query.o queues.o srq.o tree.o)
