# SPDX-License-Identifier: GPL-2.0-or-later
#
# vib_hostile.ko, the hostile guest of the lab's checks, for every kernel in
# KVERS, as ibfront/build.mk does it. It is installed nowhere.

HOSTILE_SRC := $(wildcard tests/lab/hostile/*.c tests/lab/hostile/*.h) tests/lab/hostile/Kbuild
HOSTILE_ABI := $(wildcard include/xen-ib/*.h) $(GENERATED)

define hostile_copy
@mkdir -p $(@D)/include/xen-ib
@cp -pu $(HOSTILE_SRC) $(@D)
@cp -pu $(HOSTILE_ABI) $(@D)/include/xen-ib
endef

$(B)/hostile/%/vib_hostile.ko: $(HOSTILE_SRC) $(HOSTILE_ABI)
	$(hostile_copy)
	+$(MAKE) -C /lib/modules/$*/build M=$(abspath $(@D)) KCFLAGS=-Werror modules
	@touch $@

$(B)/hostile-lint/%/vib_hostile.ko: $(HOSTILE_SRC) $(HOSTILE_ABI)
	$(hostile_copy)
	+$(MAKE) -C /lib/modules/$*/build M=$(abspath $(@D)) W=1 C=2 KCFLAGS=-Werror \
		CF='-D__CHECK_ENDIAN__ -Wsparse-error' modules
	@touch $@

.PHONY: hostile
hostile: $(patsubst %,$(B)/hostile/%/vib_hostile.ko,$(IBFRONT_HAVE))

lint-kernel-found: $(patsubst %,$(B)/hostile-lint/%/vib_hostile.ko,$(IBFRONT_HAVE))
LINT_KERNEL_SRC += $(filter %.c %.h,$(HOSTILE_SRC))
