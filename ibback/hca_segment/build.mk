# SPDX-License-Identifier: GPL-2.0-or-later
#
# xen_hca_segment.ko and its check for Dom0, for every kernel that ibfront/build.mk
# builds for, and as it does it.

HCA_SEGMENT_SRC  := $(wildcard ibback/hca_segment/*.c) ibback/hca_segment/Kbuild
HCA_SEGMENT_KO   := xen_hca_segment.ko xen_hca_segment_check.ko
HCA_SEGMENT_DKMS  = $(DESTDIR)/usr/src/xen-hca-segment-$(VERSION)

define hca_segment_copy
@mkdir -p $(@D)
@cp -pu $(HCA_SEGMENT_SRC) $(@D)
endef

$(B)/hca_segment/%/xen_hca_segment.ko: $(HCA_SEGMENT_SRC)
	$(hca_segment_copy)
	+$(MAKE) -C /lib/modules/$*/build M=$(abspath $(@D)) KCFLAGS=-Werror modules
	@touch $@

$(B)/hca_segment-lint/%/xen_hca_segment.ko: $(HCA_SEGMENT_SRC)
	$(hca_segment_copy)
	+$(MAKE) -C /lib/modules/$*/build M=$(abspath $(@D)) W=1 C=2 KCFLAGS=-Werror \
		CF='-D__CHECK_ENDIAN__ -Wsparse-error' modules
	@touch $@

modules-found: $(patsubst %,$(B)/hca_segment/%/xen_hca_segment.ko,$(IBFRONT_HAVE))

INSTALL_DOM0 += install-hca-segment
.PHONY: install-hca-segment
install-hca-segment: modules
	for k in $(IBFRONT_HAVE); do \
		install -Dm644 -t $(DESTDIR)$(MODULEDIR)/$$k/updates \
			$(addprefix $(B)/hca_segment/$$k/,$(HCA_SEGMENT_KO)) || exit; \
	done
	install -d $(HCA_SEGMENT_DKMS)
	install -m644 $(HCA_SEGMENT_SRC) $(HCA_SEGMENT_DKMS)
	sed 's/@VERSION@/$(VERSION)/' ibback/hca_segment/dkms.conf >$(HCA_SEGMENT_DKMS)/dkms.conf
	install -Dm644 ibback/hca_segment/modprobe.conf \
		$(DESTDIR)$(PREFIX)/lib/modprobe.d/xen-hca-segment.conf

lint-kernel-found: $(patsubst %,$(B)/hca_segment-lint/%/xen_hca_segment.ko,$(IBFRONT_HAVE))
LINT_KERNEL_SRC += $(filter %.c,$(HCA_SEGMENT_SRC))
