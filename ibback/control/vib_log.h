/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Lines in the log that begin with the vib they are about. */
#ifndef XEN_IB_IBBACK_VIB_LOG_H
#define XEN_IB_IBBACK_VIB_LOG_H

#include "control/backend.h"
#include "control/vib.h"
#include "log.h"

#define vib_log(vib, level, fmt, ...)                                             \
	log_vib_of(level, (vib)->backend->label, (vib)->domid, (vib)->index, fmt, \
		   ##__VA_ARGS__)

#endif
