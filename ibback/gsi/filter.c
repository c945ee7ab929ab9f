// SPDX-License-Identifier: GPL-2.0-or-later
#include "gsi/filter.h"

#include "gsi/mad.h"

bool filter_passes(uint8_t mgmt_class)
{
	switch (mgmt_class) {
	case UMAD_CLASS_CM:
		return true;
	case UMAD_CLASS_DEVICE_MGMT:
		/* ib_srpt and its like answer srp_daemon, ibsrpdm and dmtest. */
		return true;
	case UMAD_CLASS_VENDOR_RANGE2_START ... UMAD_CLASS_VENDOR_RANGE2_END:
		/* ibping and ibsysstat, both ends of which are processes of guests. */
		return true;
	default:
		/*
		 * Only the fabric's own SA administers it. Performance management has
		 * been answered. Vendor range 1 is firmware access (mstflint), baseboard
		 * and congestion management are an HCA's, SNMP tunnelling, device
		 * administration and boot management nobody speaks.
		 */
		return false;
	}
}
