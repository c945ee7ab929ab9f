# SPDX-License-Identifier: GPL-2.0-or-later
#
# Top of the build. Each folder adds its part in a build.mk, with paths
# relative to this file's folder; everything made lands under build/.

MAKEFLAGS += --no-builtin-rules
.SUFFIXES:
.DELETE_ON_ERROR:

VERSION := 0.1.0
B       := build
DESTDIR ?=
PREFIX  ?= /usr
LIBDIR  ?= $(PREFIX)/lib/$(shell gcc -print-multiarch 2>/dev/null || echo x86_64-linux-gnu)

# SANITIZE=address,undefined builds the daemons and tools with sanitizers;
# such a build has its own tree, so both kinds can exist side by side.
SANITIZE ?=
ifneq ($(SANITIZE),)
B       := build/san
SANFLAGS := -fsanitize=$(SANITIZE) -fno-sanitize-recover=all -fno-omit-frame-pointer
endif

# COVERAGE=1 counts what runs, in a tree of its own: see `make coverage`.
COVERAGE ?=
ifneq ($(COVERAGE),)
B        := build/cov
SANFLAGS := --coverage -fprofile-update=atomic -fprofile-abs-path
endif

ifeq ($(origin CC),default)
CC       := gcc
endif
WARN     := -Wall -Wextra -Werror -Wshadow -Wstrict-prototypes -Wmissing-prototypes \
            -Wpointer-arith -Wwrite-strings -Wundef -Wvla
CFLAGS   ?= -O2 -g
ALL_CFLAGS = -std=gnu11 $(CFLAGS) $(WARN) $(SANFLAGS) -D_GNU_SOURCE -DVIB_VERSION='"$(VERSION)"' \
            -Iinclude -Icommon -I$(B)/gen -MMD -MP
ALL_LDFLAGS = $(LDFLAGS) $(SANFLAGS)

.DEFAULT_GOAL := all

# Fragments add to these.
ALL      :=
PROGRAMS :=
UNIT_TESTS :=
FUZZERS  :=
BENCHES  :=
INSTALL_DOM0 :=
INSTALL_DOMU :=
MANPAGES :=

include tests/packages.mk
include xenstore-schema/build.mk common/build.mk
include $(filter-out xenstore-schema/build.mk common/build.mk,$(wildcard */build.mk */*/build.mk))
include tests/lab/check.mk

# V=1 shows the commands; otherwise a line says what is made.
ifeq ($(V),1)
say = $(2)
else
say = @printf '  %-7s %s\n' $(1) $@; $(2)
endif

# One rule for every userspace object: build/obj/<path>.o from <path>.c.
$(B)/obj/%.o: %.c $(GENERATED) | $(B)/.tools
	@mkdir -p $(@D)
	$(call say,CC,$(CC) $(ALL_CFLAGS) $(CFLAGS_$(subst /,_,$(patsubst %/,%,$(dir $<)))) -c -o $@ $<)

$(B)/obj/gen/%.o: $(B)/gen/%.c | $(B)/.tools
	@mkdir -p $(@D)
	$(call say,CC,$(CC) $(ALL_CFLAGS) -c -o $@ $<)

# A program NAME in PROGRAMS is linked from OBJS_NAME with LIBS_NAME.
$(addprefix $(B)/bin/,$(PROGRAMS)): $(B)/bin/%:
	@mkdir -p $(@D)
	$(call say,LINK,$(CC) $(ALL_LDFLAGS) -o $@ $(filter %.o %.a,$^) $(LIBS_$*))
define program_deps
$(B)/bin/$(1): $(OBJS_$(1))
endef
$(foreach p,$(PROGRAMS),$(eval $(call program_deps,$(p))))

.PHONY: all clean install install-dom0 install-domu
all: $(addprefix $(B)/bin/,$(PROGRAMS)) $(ALL)

install: install-dom0 install-domu
install-dom0: $(INSTALL_DOM0)
install-domu: $(INSTALL_DOMU)

# The lab's images are kept: minutes to make, and a lab may run from them.
clean:
	if [ -d build ]; then find build -mindepth 1 -maxdepth 1 ! -name lab -exec rm -rf {} +; fi

-include $(shell find $(B)/obj -name '*.d' 2>/dev/null)
