/* SPDX-License-Identifier: MIT */
/* The whole ABI; including it checks every size and offset. */
#ifndef XEN_IB_ABI_H
#define XEN_IB_ABI_H

#include <xen-ib/control.h>
#include <xen-ib/doorbell.h>
#include <xen-ib/event.h>
#include <xen-ib/object.h>
#include <xen-ib/port.h>
#include <xen-ib/queue.h>
#include <xen-ib/slot.h>
#include <xen-ib/uverbs.h>

#endif
