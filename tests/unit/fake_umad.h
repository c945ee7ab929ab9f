/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * libibumad, in memory: one device "fake0" with one port, whose files are sockets. What
 * is sent lands in a list, after as long as its destination takes; what the test puts in
 * comes to the file that has the class.
 */
#ifndef XEN_IB_TESTS_FAKE_UMAD_H
#define XEN_IB_TESTS_FAKE_UMAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wire/umad_packet.h"

#define FAKE_DEVICE   "fake0"
#define FAKE_SENT_MAX 1024

/* Zero, with no file open. */
void fake_umad_begin(void);
/* True if all files are closed, waiting for threads that still have some. */
bool fake_umad_end(void);

/* Another has the class of CM, as ib_cm does. */
void fake_umad_take_cm(bool taken);
/* Does a file have the class? */
bool fake_umad_has_cm(void);
/* The device goes: files end, and none opens until it is back. */
void fake_umad_remove(bool removed);

/* Sends to a GID whose last byte is @last take until fake_umad_release(), and fail. */
void fake_umad_hang(uint8_t last);
void fake_umad_release(void);
/* How many wait so. */
unsigned int fake_umad_hanging(void);

/* Closing a file takes until this is called with false, or two seconds. */
void fake_umad_hang_closing(bool hang);

/* Wait until @count have been sent, 10 s at most: how many have. */
unsigned int fake_umad_wait_sent(unsigned int count);
/* The one that was sent as the @i-th. */
struct umad_buffer fake_umad_sent(unsigned int i);

/* Another has the Reports, as srp_daemon does; and does the agent of the SA? */
void fake_umad_take_reports(bool taken);
bool fake_umad_has_reports(void);

/* The same to that agent, of whose number the header is; may be a long one. */
void fake_umad_receive_sa(const struct ib_user_mad *in, size_t length);

/* The same, of a length that no socket takes. */
void fake_umad_receive_huge(const struct ib_user_mad *in, int length);

/* A MAD comes in: @length bytes behind the header of @in. */
void fake_umad_receive(const struct umad_buffer *in, size_t length);

#endif
