// SPDX-License-Identifier: GPL-2.0-or-later
#include "engine/tokens.h"

#include "engine/poller_parts.h"
#include "engine/qp.h"
#include "engine/vhca.h"

bool tokens_given(struct poller *poller, const struct qp *qp)
{
	struct vhca *vhca = qp->vhca;

	bucket_fill(&vhca->bucket, poller->now);
	return bucket_gives(&vhca->bucket) &&
	       (qp->has_turn || TAILQ_EMPTY(&vhca->in_line));
}

void tokens_await(struct poller *poller, struct qp *qp)
{
	struct vhca *vhca = qp->vhca;

	qp->has_turn = false; /* it came to nothing */
	if (qp->in_line)
		return;
	if (TAILQ_EMPTY(&vhca->in_line))
		TAILQ_INSERT_TAIL(&poller->short_of_tokens, vhca, short_of_tokens);
	TAILQ_INSERT_TAIL(&vhca->in_line, qp, line);
	qp->in_line = true;
	__atomic_store_n(&vhca->token_waits, vhca->token_waits + 1, __ATOMIC_RELAXED);
}

void tokens_forget(struct poller *poller, struct qp *qp)
{
	struct vhca *vhca = qp->vhca;

	if (!qp->in_line)
		return;
	qp->in_line = false;
	qp->has_turn = false;
	TAILQ_REMOVE(&vhca->in_line, qp, line);
	if (TAILQ_EMPTY(&vhca->in_line))
		TAILQ_REMOVE(&poller->short_of_tokens, vhca, short_of_tokens);
}

/* Who has its turn stays in line until it had its share, so that none comes before it. */
static bool share_out_to(struct poller *poller, struct vhca *vhca)
{
	int64_t shares = bucket_shares(&vhca->bucket);
	struct qp *qp, *next;
	bool any = false;

	for (qp = TAILQ_FIRST(&vhca->in_line); qp && shares > 0; qp = next, shares--) {
		next = TAILQ_NEXT(qp, line);
		if (!poller_try_heat(poller, qp))
			break;
		if (vhca->bucket.rate)
			qp->has_turn = true;
		else
			tokens_forget(poller, qp);
		any = true;
	}
	return any;
}

bool tokens_share_out(struct poller *poller)
{
	struct vhca *vhca, *next;
	bool any = false;

	for (vhca = TAILQ_FIRST(&poller->short_of_tokens); vhca; vhca = next) {
		next = TAILQ_NEXT(vhca, short_of_tokens);
		bucket_fill(&vhca->bucket, poller->now);
		if (bucket_gives(&vhca->bucket))
			any |= share_out_to(poller, vhca);
	}
	return any;
}

uint64_t tokens_next(const struct poller *poller)
{
	uint64_t next = NEVER;
	struct vhca *vhca;

	TAILQ_FOREACH(vhca, &poller->short_of_tokens, short_of_tokens)
	if (bucket_when(&vhca->bucket) < next)
		next = bucket_when(&vhca->bucket);
	return next;
}
