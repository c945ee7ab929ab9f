// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Address handles: what a UD request carries with it. Nobody else knows of them.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <xen-ib/port.h>

#include "objects.h"
#include "private_cmd34.h"
#include "verbs.h"

/* Length of the port's GID table, which does not change. 0 and errno. */
static int gid_tbl_len(struct vib_context *ctx)
{
	struct ibv_port_attr attr = {};
	struct ibv_query_port cmd;
	int ret = 0, len;

	pthread_mutex_lock(&ctx->mutex);
	if (!ctx->gid_tbl_len) {
		ret = ibv_cmd_query_port(&ctx->verbs.context, VIB_PORT, &attr, &cmd,
					 sizeof(cmd));
		if (!ret)
			ctx->gid_tbl_len = attr.gid_tbl_len;
	}
	len = ctx->gid_tbl_len;
	pthread_mutex_unlock(&ctx->mutex);
	if (ret)
		errno = ret;
	return len;
}

/* 0, or -1 and errno. */
static int check_attr(struct vib_context *ctx, const struct ibv_ah_attr *attr)
{
	int len;

	if (attr->port_num != VIB_PORT || attr->sl > 15) {
		errno = EINVAL;
		return -1;
	}
	if (!attr->is_global)
		return 0;
	errno = EINVAL;
	len = gid_tbl_len(ctx);
	if (attr->grh.sgid_index >= len)
		return -1;
	return 0;
}

struct ibv_ah *vib_create_ah(struct ibv_pd *pd, struct ibv_ah_attr *attr)
{
	struct vib_ah *ah;

	if (check_attr(to_vib_context(pd->context), attr) < 0)
		return NULL;
	ah = calloc(1, sizeof(*ah));
	if (!ah)
		return NULL;
	ah->av.dlid = attr->dlid;
	ah->av.sl = attr->sl;
	ah->av.static_rate = attr->static_rate;
	if (attr->is_global) {
		memcpy(ah->av.dgid.raw, attr->grh.dgid.raw, sizeof(ah->av.dgid.raw));
		ah->av.flow_label = attr->grh.flow_label;
		ah->av.sgid_index = attr->grh.sgid_index;
		ah->av.hop_limit = attr->grh.hop_limit;
		ah->av.traffic_class = attr->grh.traffic_class;
		ah->av.flags = VIB_AV_GRH;
	}
	return &ah->ibv;
}

int vib_destroy_ah(struct ibv_ah *ah)
{
	free(to_vib_ah(ah));
	return 0;
}
