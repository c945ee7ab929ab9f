/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What cmocka.h wants included before it. */
#ifndef XEN_IB_TESTS_CM_H
#define XEN_IB_TESTS_CM_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#endif
