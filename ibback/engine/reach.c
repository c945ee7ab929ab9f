// SPDX-License-Identifier: GPL-2.0-or-later
#include "engine/reach.h"

#include "engine/answer.h"

bool reach_window(struct share *share, uint64_t addr, uint32_t rkey, uint64_t length,
		  uint32_t access, struct sg *sg)
{
	enum mw_result result;

	share_release_window(share);
	result = mw_reach(share->peer, rkey, addr, length, access, &share->window,
			  &sg->part[0]);
	share->busy = result == MW_BUSY;
	if (result != MW_OK)
		return false;
	sg_count_one(sg, share->peer->vhca);
	return true;
}

enum send_result unreached(struct share *share)
{
	bool busy = share->busy;

	share->busy = false;
	return busy ? SEND_MORE : deny_access(share);
}
