/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The administrator's socket: a client sends one line and gets one line, after which the
 * connection is closed. Only who may open the socket's file, root, gets this far; all the
 * same a client is bounded in what it sends, in how long it takes, and in how many it is.
 * Belongs to the control thread.
 */
#ifndef XEN_IB_IBBACK_ADMIN_H
#define XEN_IB_IBBACK_ADMIN_H

#include <stddef.h>

#include <uv.h>

/* The longest request, with its newline. */
#define ADMIN_REQUEST_MAX 1024
/* Clients at a time; further ones are turned away. */
#define ADMIN_CLIENTS     8
/* From the connection to the last byte of the answer. */
#define ADMIN_PATIENCE_MS 5000

struct admin;

/*
 * The answer to a request: the @length bytes at @line, without their newline, which may
 * be anything. A string with a newline at its end, which is freed; NULL: there is no
 * memory.
 */
typedef char *admin_answer(void *arg, const char *line, size_t length);

/*
 * Listen at @path, whose folder is made if need be, on @loop, and have @answer called
 * with
 * @arg. NULL and errno, as of listener_open().
 */
struct admin *admin_start(uv_loop_t *loop, const char *path, admin_answer *answer,
			  void *arg);

/* Listen no more, and leave the clients there are. The loop closes the handles, and then
 * it is freed. NULL is harmless.
 */
void admin_stop(struct admin *admin);

#endif
