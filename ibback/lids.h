/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Unicast LIDs, where ibback is the subnet's administrator and gives them. */
#ifndef XEN_IB_IBBACK_LIDS_H
#define XEN_IB_IBBACK_LIDS_H

#include <stdint.h>

/* IBTA vol. 1 §4.1.3: unicast LIDs are 0x0001 to 0xBFFF. */
#define LID_UNICAST_MAX 0xbfff
/* Where ibback is the subnet's administrator it answers at this LID. */
#define LID_SA          1
/* How many there are for ports. */
#define LID_CHOICES     (LID_UNICAST_MAX - LID_SA)

/*
 * The LID to try as the @tried-th, from 0 to LID_CHOICES - 1, for the port with @guid
 * (host order). The first follows from the GUID alone, so that a port keeps its LID over
 * a restart of the daemon and a reboot, and has the same on every host of a wire; the
 * others are the ones behind it, for where two GUIDs meet.
 */
static inline uint16_t lid_choice(uint64_t guid, uint16_t tried)
{
	return (uint16_t)(LID_SA + 1 + (guid % LID_CHOICES + tried) % LID_CHOICES);
}

#endif
