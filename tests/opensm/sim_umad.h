/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * libibumad as ibback calls it, on a simulated port. umad2sim's files are numbers that
 * no poll() of the kernel knows, it has one reader for all, and its MADs are as short as
 * they were sent; ibback has descriptors in an event loop, and MADs of 256 bytes. Between
 * them is this, by the linker's --wrap: a pair of sockets, and a thread that reads.
 */
#ifndef XEN_IB_TESTS_SIM_UMAD_H
#define XEN_IB_TESTS_SIM_UMAD_H

/* Open the port for all. -1: there is none. */
int sim_umad_begin(const char *device);

#endif
