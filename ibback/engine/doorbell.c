// SPDX-License-Identifier: GPL-2.0-or-later
#include "engine/doorbell.h"

#include <errno.h>
#include <stdlib.h>

#define LEAF_BELLS 64

int doorbell_add(struct doorbell *db, uint32_t index, struct qp *qp)
{
	struct qp **leaf = db->qps[index / LEAF_BELLS];

	if (!leaf) {
		leaf = calloc(LEAF_BELLS, sizeof(struct qp *));
		if (!leaf)
			return -1;
		rcu_assign_pointer(db->qps[index / LEAF_BELLS], leaf);
	}
	if (leaf[index % LEAF_BELLS]) {
		errno = EEXIST;
		return -1;
	}
	rcu_assign_pointer(leaf[index % LEAF_BELLS], qp);
	return 0;
}

void doorbell_del(struct doorbell *db, uint32_t index)
{
	rcu_assign_pointer(db->qps[index / LEAF_BELLS][index % LEAF_BELLS], NULL);
}

void doorbell_fini(struct doorbell *db)
{
	for (unsigned int i = 0; i < VIB_DB_LEAF_WORDS; i++)
		free(db->qps[i]);
}

static void take_leaf(struct doorbell *db, unsigned int leaf,
		      void (*ring)(void *arg, struct qp *qp), void *arg)
{
	uint64_t bells = vib_doorbell_take_leaf(db->page, leaf);
	struct qp **qps = rcu_dereference(db->qps[leaf]);

	/* A bell that nobody has is a guest's affair. */
	for (; bells && qps; bells &= bells - 1) {
		struct qp *qp = rcu_dereference(qps[__builtin_ctzll(bells)]);

		if (qp)
			ring(arg, qp);
	}
}

bool doorbell_take(struct doorbell *db, void (*ring)(void *arg, struct qp *qp), void *arg)
{
	bool rang = false;

	for (unsigned int word = 0; word < VIB_DB_SUMMARY_WORDS; word++) {
		uint64_t leaves;

		/* Reading it leaves the line where it is. */
		if (!*(volatile __u64 *)&db->page->summary[word])
			continue;
		leaves = vib_doorbell_take_summary(db->page, word);
		rang |= leaves != 0;
		for (; leaves; leaves &= leaves - 1)
			take_leaf(db, word * 64 + (unsigned int)__builtin_ctzll(leaves),
				  ring, arg);
	}
	return rang;
}
