// SPDX-License-Identifier: GPL-2.0-or-later
#include "gsi/rates.h"

#include <stddef.h>

/* By code, in 100 Mbit/s. */
static const uint16_t values[] = {
	[2] = 25,    [3] = 100,   [4] = 300,   [5] = 50,    [6] = 200,   [7] = 400,
	[8] = 600,   [9] = 800,   [10] = 1200, [11] = 140,  [12] = 560,  [13] = 1120,
	[14] = 1680, [15] = 250,  [16] = 1000, [17] = 2000, [18] = 3000, [19] = 280,
	[20] = 500,  [21] = 4000, [22] = 6000,
};
#define CODES (sizeof(values) / sizeof(values[0]))

unsigned int rate_value(uint8_t code)
{
	return code < CODES ? values[code] : 0;
}

static uint8_t code_of(unsigned int value)
{
	for (uint8_t code = 0; code < CODES; code++)
		if (values[code] == value)
			return code;
	return 0;
}

/* Nominal rate of a lane, by Linux' enum ib_port_speed, in 100 Mbit/s. */
static unsigned int lane_value(uint16_t speed)
{
	switch (speed) {
	case 2: /* DDR */
		return 50;
	case 4: /* QDR */
	case 8: /* FDR-10 */
		return 100;
	case 16: /* FDR */
		return 140;
	case 32: /* EDR */
		return 250;
	case 64: /* HDR */
		return 500;
	default: /* SDR */
		return 25;
	}
}

static unsigned int lanes(uint8_t width)
{
	switch (width) {
	case 2:
		return 4;
	case 4:
		return 8;
	case 8:
		return 12;
	default:
		return 1;
	}
}

uint8_t rate_of_port(const struct vib_port_attr *port)
{
	return code_of(lane_value(port->active_speed) * lanes(port->active_width));
}

uint8_t rate_below(uint8_t code)
{
	unsigned int limit = rate_value(code), best = 0;

	for (uint8_t c = 0; c < CODES; c++)
		if (values[c] < limit && values[c] > best)
			best = values[c];
	return best ? code_of(best) : 0;
}

bool selector_takes(uint8_t selector, unsigned int wanted, unsigned int have)
{
	switch (selector) {
	case UMAD_SA_SELECTOR_GREATER_THAN:
		return have > wanted;
	case UMAD_SA_SELECTOR_LESS_THAN:
		return have < wanted;
	case UMAD_SA_SELECTOR_EXACTLY:
		return have == wanted;
	default: /* the best there is */
		return true;
	}
}
