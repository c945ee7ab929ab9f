# SPDX-License-Identifier: GPL-2.0-or-later
COMMON_OBJS += $(B)/obj/common/vibconf/vibconf.o
