// SPDX-License-Identifier: GPL-2.0-or-later
#include "engine/reach.h"

#include "engine/answer.h"

uint8_t *reach_window(struct share *share, uint64_t addr, uint32_t rkey, uint64_t length,
		      uint32_t access)
{
	uint8_t *at = NULL;

	share_release_window(share);
	share->busy = mw_reach(share->peer, rkey, addr, length, access, &share->window,
			       &at) == MW_BUSY;
	return at;
}

enum send_result unreached(struct share *share)
{
	bool busy = share->busy;

	share->busy = false;
	return busy ? SEND_MORE : deny_access(share);
}
