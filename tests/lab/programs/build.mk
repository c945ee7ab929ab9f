# SPDX-License-Identifier: GPL-2.0-or-later
# Programs for the lab's guests, on what libraries Debian 12 has there. The
# checks copy them in with `lab cp`.

TRAFFIC_OBJS := $(patsubst %.c,$(B)/obj/%.o,$(wildcard tests/lab/programs/traffic/*.c))

PROGRAMS += traffic
OBJS_traffic := $(TRAFFIC_OBJS)
LIBS_traffic := -libverbs -lpthread

# mpi_check, for Open MPI's ABI and for MPICH's: `make mpi_check`, of what `make all` needs none.
MPI_SRC := $(wildcard tests/lab/programs/mpi/*.c tests/lab/programs/mpi/*.h)
MPI_PKGCONFIG_openmpi := ompi-c
MPI_PKGCONFIG_mpich   := mpich
MPI_PROGRAMS := $(B)/bin/mpi_check.openmpi $(B)/bin/mpi_check.mpich

# Their headers are the system's: nothing in them is ours to warn of.
$(MPI_PROGRAMS): $(B)/bin/mpi_check.%: $(MPI_SRC) | mpi-packages
	@mkdir -p $(@D)
	$(call say,LINK,$(CC) -std=gnu11 $(CFLAGS) $(WARN) -D_GNU_SOURCE \
		$(patsubst -I%,-isystem %,$(shell pkg-config --cflags $(MPI_PKGCONFIG_$*))) \
		-o $@ $(filter %.c,$^) $(shell pkg-config --libs $(MPI_PKGCONFIG_$*)))

.PHONY: mpi_check mpi-packages
mpi_check: $(MPI_PROGRAMS)
mpi-packages:
	@$(call need,$(PKG_BUILD) $(PKG_MPI))
