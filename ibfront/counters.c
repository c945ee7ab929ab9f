// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * The port's counters, as the backend counts, and some of our own. In sysfs:
 * ports/1/hw_counters.
 */

#include "granted.h"
#include "mad.h"
#include "pool.h"
#include "verbs.h"

/* In the order of struct vib_rsp_counters; then what is counted here. */
static const struct rdma_stat_desc vib_counters[] = {
	{ .name = "xmit_bytes" },
	{ .name = "rcv_bytes" },
	{ .name = "xmit_packets" },
	{ .name = "rcv_packets" },
	{ .name = "multicast_xmit_packets" },
	{ .name = "multicast_rcv_packets" },
	{ .name = "xmit_discards" },
	{ .name = "rcv_discards" },
	{ .name = "pkey_violations" },
	{ .name = "qkey_violations" },
	{ .name = "mads_dropped" },
	{ .name = "rnr_naks_sent" },
	{ .name = "retries" },
	{ .name = "errors" },
	{ .name = "dma_pool_full" },
	{ .name = "dma_granted" },
	{ .name = "dma_failed" },
};

#define VIB_ASKED (sizeof(struct vib_rsp_counters) / sizeof(u64))

struct rdma_hw_stats *vib_verb_alloc_port_stats(struct ib_device *ibdev,
						u32 port_num)
{
	BUILD_BUG_ON(ARRAY_SIZE(vib_counters) != VIB_ASKED + 3);

	return rdma_alloc_hw_stats_struct(vib_counters, ARRAY_SIZE(vib_counters),
					  RDMA_HW_STATS_DEFAULT_LIFESPAN);
}

/* Without a backend they stay as they were; registering the device needs them. */
int vib_verb_get_stats(struct ib_device *ibdev, struct rdma_hw_stats *stats,
		       u32 port_num, int index)
{
	struct vib *vib = to_vib(ibdev);
	const struct vib_granted *granted = vib->kernel.granted;
	struct vib_control_request request = {
		.operation = VIB_CMD_QUERY_COUNTERS,
		.port = VIB_PORT,
	};
	struct vib_control_response response;

	if (!port_num)
		return -EINVAL;
	if (!vib_object_command(vib, READ_ONCE(vib->epoch), &request, &response))
		memcpy(stats->value, &response.u.counters,
		       sizeof(response.u.counters));
	stats->value[VIB_ASKED] = atomic64_read(&vib->kernel.pool->full);
	stats->value[VIB_ASKED + 1] =
		granted ? atomic64_read(&granted->mapped) : 0;
	stats->value[VIB_ASKED + 2] = atomic64_read(&vib->kernel.dma_failed);
	return ARRAY_SIZE(vib_counters);
}
