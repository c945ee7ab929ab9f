/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
#ifndef VIB_PROVIDER_DM_H
#define VIB_PROVIDER_DM_H

#include "context.h"

/* Where the device memory @handle is: VIB_UMETHOD_QUERY_DM. -1 and errno. */
int vib_query_dm(struct vib_context *ctx, uint32_t handle,
		 struct vib_uresp_query_dm *resp);

#endif
