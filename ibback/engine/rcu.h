/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The flavour of liburcu the engine uses: quiescent states, for a poller has
 * one in every pass and reading then costs nothing.
 */
#ifndef XEN_IB_IBBACK_RCU_H
#define XEN_IB_IBBACK_RCU_H

#define _LGPL_SOURCE /* the readers' side inline */
#define URCU_API_MAP /* the flavour's functions under their plain names */
#include <urcu/urcu-qsbr.h>
#include <urcu/rculfhash.h>
#include <urcu/rculist.h>
#include <urcu/wfcqueue.h>

#endif
