/* SPDX-License-Identifier: GPL-2.0-or-later */
/* P_Key tables (IBTA vol. 1 §10.9). */
#ifndef XEN_IB_IBBACK_GSI_PKEYS_H
#define XEN_IB_IBBACK_GSI_PKEYS_H

#include <stdbool.h>
#include <stdint.h>

#include "engine/port_view.h"

#define PKEY_FULL 0x8000 /* §10.9.1.1: the membership bit */
#define PKEY_BASE 0x7fff

/* The index of the entry that is of the same partition, a full membership before a
 * limited one; -1 if there is none.
 */
static inline int pkey_find(const uint16_t pkeys[VIB_MAX_PKEYS], uint16_t pkey)
{
	int limited = -1;

	if (!(pkey & PKEY_BASE))
		return -1;
	for (int i = 0; i < VIB_MAX_PKEYS; i++) {
		if ((pkeys[i] & PKEY_BASE) != (pkey & PKEY_BASE))
			continue;
		if (pkeys[i] & PKEY_FULL)
			return i;
		if (limited < 0)
			limited = i;
	}
	return limited;
}

/* The same, the entry itself; 0 if there is none. */
static inline uint16_t pkey_entry(const uint16_t pkeys[VIB_MAX_PKEYS], uint16_t pkey)
{
	int index = pkey_find(pkeys, pkey);

	return index < 0 ? 0 : pkeys[index];
}

/* True if @pkey is one of @pkeys, membership and all. */
static inline bool pkey_is_entry(const uint16_t pkeys[VIB_MAX_PKEYS], uint16_t pkey)
{
	if (!(pkey & PKEY_BASE))
		return false;
	for (int i = 0; i < VIB_MAX_PKEYS; i++)
		if (pkeys[i] == pkey)
			return true;
	return false;
}

/* Which P_Key of a receiver takes a packet with @pkey, as an index; -1: none does. */
static inline int pkey_accepting(const uint16_t pkeys[VIB_MAX_PKEYS], uint16_t pkey)
{
	int index = pkey_find(pkeys, pkey);

	return index >= 0 && pkeys_match(pkeys[index], pkey) ? index : -1;
}

#endif
