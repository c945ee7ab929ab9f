# SPDX-License-Identifier: GPL-2.0-or-later
COMMON_OBJS += $(addprefix $(B)/obj/,common/schema/types.o common/schema/check.o \
                 gen/vib_schema_table.o)
