# SPDX-License-Identifier: GPL-2.0-or-later
#
# The Debian packages each target needs. As root a missing one is installed;
# otherwise it is named and the target stops.

PKG_BUILD := gcc make pkg-config python3 libc6-dev libxen-dev libuv1-dev \
             libjansson-dev libinih-dev uuid-dev libibverbs-dev \
             liburcu-dev libbsd-dev libibumad-dev libmnl-dev
PKG_KERNEL := linux-headers-amd64 linux-headers-6.12-amd64
PKG_CHECK := iproute2 libcmocka-dev libasan8 libubsan1 binutils libibmad-dev
PKG_FUZZ  := clang libclang-rt-14-dev
PKG_COVERAGE := gcovr
PKG_LINT  := clang clang-format sparse shellcheck cppcheck mandoc pyflakes3
PKG_WIRE  := tshark
# Both kinds of MPI: their headers, and what a program is linked with.
PKG_MPI   := libopenmpi-dev libmpich-dev
# A subnet of InfiniBand without an HCA, and what manages it.
PKG_OPENSM := ibsim-utils libumad2sim0 opensm
PKG_LAB   = $(shell sed -n 's/[[:space:]]*\#.*//;/./p' tests/lab/packages.txt)

# $(call need,PACKAGES): a shell command that installs what is missing of them.
need = sh tests/need-packages $(1)

$(B)/.tools: tests/packages.mk tests/need-packages
	@mkdir -p $(@D)
	@$(call need,$(PKG_BUILD))
	@touch $@
