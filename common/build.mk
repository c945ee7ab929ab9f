# SPDX-License-Identifier: GPL-2.0-or-later
# What the daemons and tools share, as one archive.

COMMON_OBJS += $(addprefix $(B)/obj/common/,log.o listener.o xenport/xenport.o xenport/xen.o xenport/gntdev.o)
COMMON_OBJS += $(B)/obj/common/xenport/localguest.o $(addprefix $(B)/obj/common/xenport/local/, \
	channels.o grants.o guest.o local.o mappings.o memstore.o server.o tree.o \
	watchqueue.o wire.o)

LIBS_common := -lxenstore -lxengnttab -lxenevtchn

.SECONDEXPANSION:
$(B)/libcommon.a: $$(COMMON_OBJS)
	@mkdir -p $(@D)
	rm -f $@ && ar rcs $@ $^
