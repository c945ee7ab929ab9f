/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The kernel's modules that use another, taken away and brought back. */
#ifndef XEN_IB_VIBCTL_MODULES_H
#define XEN_IB_VIBCTL_MODULES_H

#include <stdbool.h>
#include <stddef.h>

#define MODULES_MAX     64
#define MODULE_NAME_MAX 64

/* In the order in which they can be unloaded. */
struct modules {
	size_t count;
	char names[MODULES_MAX][MODULE_NAME_MAX];
};

/*
 * @name and all that use it, by the holders in folder @sys, /sys/module; none if it is
 * not loaded. -1 and errno: E2BIG for more than MODULES_MAX.
 */
int modules_find(const char *sys, const char *name, struct modules *modules);

/* Have modprobe(8) unload them, or load them again. False if it did not; it says why. */
bool modules_unload(const struct modules *modules);
bool modules_load(const struct modules *modules);

#endif
