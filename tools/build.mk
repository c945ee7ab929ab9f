# SPDX-License-Identifier: GPL-2.0-or-later
# vibd and vibctl, hotplug scripts, their manual and their packaging.

PROVISION_OBJS := $(patsubst %.c,$(B)/obj/%.o,$(wildcard tools/provision/*.c))
VIBD_OBJS      := $(patsubst %.c,$(B)/obj/%.o,$(filter-out %/main.c,$(wildcard tools/vibd/*.c)))
VIBCTL_OBJS    := $(patsubst %.c,$(B)/obj/%.o,$(filter-out %/main.c,$(wildcard tools/vibctl/*.c)))
LIBS_provision := -lxlutil -ljansson -luuid

CFLAGS_tools_provision := -Itools
CFLAGS_tools_vibd      := -Itools
CFLAGS_tools_vibctl    := -Itools

PROGRAMS += vibd vibctl
OBJS_vibd   := $(B)/obj/tools/vibd/main.o $(VIBD_OBJS) $(PROVISION_OBJS) $(B)/libcommon.a
LIBS_vibd   := $(LIBS_provision) -luv $(LIBS_common)
OBJS_vibctl := $(B)/obj/tools/vibctl/main.o $(VIBCTL_OBJS) $(PROVISION_OBJS) $(B)/libcommon.a
LIBS_vibctl := $(LIBS_provision) $(LIBS_common)

# A line "@FILE@" of a page stands for a table made from the schema.
TOOLS_MANPAGES := $(addprefix $(B)/man/,vibd.8 vibctl.8 xl-vib.5 xen-ib-xenstore.7 block-srp.7)
MANPAGES += $(TOOLS_MANPAGES)
ALL      += $(TOOLS_MANPAGES)

$(TOOLS_MANPAGES): $(B)/man/%: tools/man/% $(SCHEMA_MDOC)
	@mkdir -p $(@D)
	sed $(foreach f,$(SCHEMA_MDOC),-e '/^@$(basename $(notdir $(f)))@$$/{r $(f)' -e 'd}') \
		$< >$@

INSTALL_DOM0 += install-tools
.PHONY: install-tools
install-tools: $(B)/bin/vibd $(B)/bin/vibctl $(TOOLS_MANPAGES)
	install -D -m 755 -t $(DESTDIR)$(PREFIX)/sbin $(B)/bin/vibd $(B)/bin/vibctl
	install -d -m 755 $(DESTDIR)/etc/xen-ib/domains
	install -D -m 644 -t $(DESTDIR)/lib/systemd/system tools/packaging/vibd.service
	$(foreach p,$(TOOLS_MANPAGES),install -D -m 644 -t \
		$(DESTDIR)$(PREFIX)/share/man/man$(patsubst .%,%,$(suffix $(p))) $(p) &&) true

# Xen's hotplug scripts of disks, and what they share.
INSTALL_DOM0 += install-block
.PHONY: install-block
install-block:
	install -D -m 755 -t $(DESTDIR)/etc/xen/scripts tools/block/block-srp tools/block/block-iser
	install -D -m 644 -t $(DESTDIR)/etc/xen/scripts $(addprefix tools/block/block-ib-,common.sh claim.sh map.sh)
	install -d -m 755 $(DESTDIR)$(PREFIX)/share/man/man7
	ln -sf block-srp.7 $(DESTDIR)$(PREFIX)/share/man/man7/block-iser.7
