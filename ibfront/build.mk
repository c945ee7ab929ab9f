# SPDX-License-Identifier: GPL-2.0-or-later
#
# ibfront.ko for every kernel in KVERS: by default, each whose headers are
# installed. kbuild builds where the sources are, so each kernel gets a copy of
# them below $(B)/ibfront/, laid out as DKMS finds it in /usr/src.

KVERS     ?= $(patsubst /lib/modules/%/build/,%,$(wildcard /lib/modules/*/build/))
MODULEDIR ?= /lib/modules

IBFRONT_SRC  := $(wildcard ibfront/*.c ibfront/*.h) ibfront/Kbuild
IBFRONT_ABI  := $(wildcard include/xen-ib/*.h) $(GENERATED)
IBFRONT_DKMS  = $(DESTDIR)/usr/src/xen-ib-$(VERSION)
IBFRONT_HAVE  = $(foreach k,$(KVERS),$(if $(wildcard /lib/modules/$(k)/build/Makefile),$(k)))

define ibfront_copy
@mkdir -p $(@D)/include/xen-ib
@cp -pu $(IBFRONT_SRC) $(@D)
@cp -pu $(IBFRONT_ABI) $(@D)/include/xen-ib
endef

$(B)/ibfront/%/ibfront.ko: $(IBFRONT_SRC) $(IBFRONT_ABI)
	$(ibfront_copy)
	+$(MAKE) -C /lib/modules/$*/build M=$(abspath $(@D)) KCFLAGS=-Werror modules
	@touch $@

.PHONY: modules modules-found install-ibfront lint-kernel lint-kernel-found
ifeq ($(SANITIZE),)
ALL += modules
endif

# In a second make, as the first may have had to install the headers.
modules:
	@$(call need,$(PKG_KERNEL))
	+@$(MAKE) --no-print-directory modules-found

modules-found: $(patsubst %,$(B)/ibfront/%/ibfront.ko,$(IBFRONT_HAVE))
	@for k in $(filter-out $(IBFRONT_HAVE),$(KVERS)); do \
		echo "ibfront: SKIPPED for $$k: no headers in /lib/modules/$$k/build" >&2; \
	done
	@[ -n "$(IBFRONT_HAVE)" ] || { echo "ibfront: no kernel to build for" >&2; exit 1; }

# In Dom0 for vport 0: its own kernel's and programs' use of a fabric.
INSTALL_DOMU += install-ibfront
INSTALL_DOM0 += install-ibfront
install-ibfront: modules $(GENERATED)
	for k in $(IBFRONT_HAVE); do \
		install -Dm644 $(B)/ibfront/$$k/ibfront.ko \
			$(DESTDIR)$(MODULEDIR)/$$k/updates/ibfront.ko || exit; \
	done
	install -d $(IBFRONT_DKMS)/include/xen-ib
	install -m644 $(IBFRONT_SRC) $(IBFRONT_DKMS)
	install -m644 $(IBFRONT_ABI) $(IBFRONT_DKMS)/include/xen-ib
	sed 's/@VERSION@/$(VERSION)/' ibfront/dkms.conf >$(IBFRONT_DKMS)/dkms.conf
	install -Dm644 ibfront/60-ibfront.rules \
		$(DESTDIR)$(PREFIX)/lib/udev/rules.d/60-ibfront.rules

# ---- lint ------------------------------------------------------------------

# checkpatch is in no package but the kernel's source, of which this is all we keep.
CHECKPATCH := build/cache/checkpatch/checkpatch.pl
$(CHECKPATCH):
	@mkdir -p $(@D)/tmp
	cd $(@D)/tmp && apt-get -q download linux-source-6.1
	cd $(@D)/tmp && dpkg-deb --fsys-tarfile linux-source-6.1_*.deb | \
		tar -xO ./usr/src/linux-source-6.1.tar.xz | \
		tar -xJ --strip-components=2 -C .. linux-source-6.1/scripts/checkpatch.pl \
			linux-source-6.1/scripts/spelling.txt \
			linux-source-6.1/scripts/const_structs.checkpatch
	rm -rf $(@D)/tmp

# With C=2 sparse sees every file, built or not, and -Werror stops at a warning.
$(B)/ibfront-lint/%/ibfront.ko: $(IBFRONT_SRC) $(IBFRONT_ABI)
	$(ibfront_copy)
	+$(MAKE) -C /lib/modules/$*/build M=$(abspath $(@D)) W=1 C=2 KCFLAGS=-Werror \
		CF='-D__CHECK_ENDIAN__ -Wsparse-error' modules
	@touch $@

# The module is built for several kernels; and asserts that their constants are ours.
lint-kernel: $(CHECKPATCH)
	@$(call need,$(PKG_KERNEL) sparse)
	+@$(MAKE) --no-print-directory lint-kernel-found
	perl $(CHECKPATCH) --no-tree --quiet --show-types \
		--ignore LINUX_VERSION_CODE,CONSTANT_COMPARISON -f ibfront/*.c ibfront/*.h \
		$(LINT_KERNEL_SRC)

# Other modules add themselves, and their sources to LINT_KERNEL_SRC.
lint-kernel-found: $(patsubst %,$(B)/ibfront-lint/%/ibfront.ko,$(IBFRONT_HAVE))
