/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * What libibverbs expects of a provider, as far as this one uses it: the
 * private ABI 34 of rdma-core, in its layout of releases v36 to v56. rdma-core
 * does not install a header for it.
 *
 * Why just these releases:
 *  - every symbol here has the version IBVERBS_PRIVATE_34, which v34 to v56
 *    export; from v57 on the number is another, and so is the name of the
 *    libraries that are looked for;
 *  - v35 and v36 each inserted operations into struct verbs_context_ops
 *    without a new number. v36 also added a public symbol,
 *    ibv_query_qp_data_in_order of IBVERBS_1.14. provider.c refers to it, and
 *    so the dynamic linker refuses this library to v34 and v35, and libibverbs
 *    prints its words: version `IBVERBS_1.14' not found;
 *  - up to v56 neither these structures nor these prototypes changed again.
 *
 * Names and layout are the ABI's; an operation gets its type here when the
 * provider implements it.
 */
#ifndef VIB_PRIVATE_ABI34_H
#define VIB_PRIVATE_ABI34_H

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <infiniband/verbs.h>
#include <rdma/ib_user_verbs.h>

struct verbs_sysfs_dev; /* what libibverbs found; nothing in it is for us */

enum verbs_match_kind {
	VERBS_MATCH_SENTINEL = 0,
	VERBS_MATCH_MODALIAS = 2,
};

struct verbs_match_ent {
	void *driver_data;
	union {
		const char *modalias; /* an fnmatch(3) pattern */
		uint64_t driver_id;
	} u;
	uint16_t vendor;
	uint16_t device;
	uint8_t kind; /* enum verbs_match_kind */
};
static_assert(sizeof(struct verbs_match_ent) == 24, "private ABI 34");

struct verbs_device_ops;

struct verbs_device {
	struct ibv_device device; /* first */
	const struct verbs_device_ops *ops;
	int refcount;
	struct {
		void *next, *prev;
	} entry;
	struct verbs_sysfs_dev *sysfs;
	uint64_t core_support;
};
static_assert(offsetof(struct verbs_device, ops) == 664, "private ABI 34");
static_assert(sizeof(struct verbs_device) == 712, "private ABI 34");

struct verbs_device_ops {
	const char *name;
	uint32_t match_min_abi_version; /* of the kernel driver's uverbs ABI */
	uint32_t match_max_abi_version;
	const struct verbs_match_ent *match_table;
	const struct verbs_device_ops **static_providers;
	bool (*match_device)(struct verbs_sysfs_dev *sysfs_dev);
	struct verbs_context *(*alloc_context)(struct ibv_device *device, int cmd_fd,
					       void *private_data);
	struct verbs_context *(*import_context)(struct ibv_device *device, int cmd_fd);
	struct verbs_device *(*alloc_device)(struct verbs_sysfs_dev *sysfs_dev);
	void (*uninit_device)(struct verbs_device *device);
};
static_assert(offsetof(struct verbs_device_ops, alloc_context) == 40, "private ABI 34");
static_assert(sizeof(struct verbs_device_ops) == 72, "private ABI 34");

typedef void (*verbs_other_op)(void);

struct verbs_context_ops {
	verbs_other_op advise_mr;
	verbs_other_op alloc_dm;
	verbs_other_op alloc_mw;
	verbs_other_op alloc_null_mr;
	verbs_other_op alloc_parent_domain;
	verbs_other_op alloc_pd;
	verbs_other_op alloc_td;
	verbs_other_op async_event;
	verbs_other_op attach_counters_point_flow;
	verbs_other_op attach_mcast;
	verbs_other_op bind_mw;
	verbs_other_op close_xrcd;
	verbs_other_op cq_event;
	verbs_other_op create_ah;
	verbs_other_op create_counters;
	verbs_other_op create_cq;
	verbs_other_op create_cq_ex;
	verbs_other_op create_flow;
	verbs_other_op create_flow_action_esp;
	verbs_other_op create_qp;
	verbs_other_op create_qp_ex;
	verbs_other_op create_rwq_ind_table;
	verbs_other_op create_srq;
	verbs_other_op create_srq_ex;
	verbs_other_op create_wq;
	verbs_other_op dealloc_mw;
	verbs_other_op dealloc_pd;
	verbs_other_op dealloc_td;
	verbs_other_op dereg_mr;
	verbs_other_op destroy_ah;
	verbs_other_op destroy_counters;
	verbs_other_op destroy_cq;
	verbs_other_op destroy_flow;
	verbs_other_op destroy_flow_action;
	verbs_other_op destroy_qp;
	verbs_other_op destroy_rwq_ind_table;
	verbs_other_op destroy_srq;
	verbs_other_op destroy_wq;
	verbs_other_op detach_mcast;
	void (*free_context)(struct ibv_context *context);
	verbs_other_op free_dm;
	verbs_other_op get_srq_num;
	verbs_other_op import_dm;
	verbs_other_op import_mr;
	verbs_other_op import_pd;
	verbs_other_op modify_cq;
	verbs_other_op modify_flow_action_esp;
	verbs_other_op modify_qp;
	verbs_other_op modify_qp_rate_limit;
	verbs_other_op modify_srq;
	verbs_other_op modify_wq;
	verbs_other_op open_qp;
	verbs_other_op open_xrcd;
	verbs_other_op poll_cq;
	verbs_other_op post_recv;
	verbs_other_op post_send;
	verbs_other_op post_srq_ops;
	verbs_other_op post_srq_recv;
	int (*query_device_ex)(struct ibv_context *context,
			       const struct ibv_query_device_ex_input *input,
			       struct ibv_device_attr_ex *attr, size_t attr_size);
	verbs_other_op query_ece;
	int (*query_port)(struct ibv_context *context, uint8_t port_num,
			  struct ibv_port_attr *attr);
	verbs_other_op query_qp;
	verbs_other_op query_qp_data_in_order;
	verbs_other_op query_rt_values;
	verbs_other_op query_srq;
	verbs_other_op read_counters;
	verbs_other_op reg_dm_mr;
	verbs_other_op reg_dmabuf_mr;
	verbs_other_op reg_mr;
	verbs_other_op req_notify_cq;
	verbs_other_op rereg_mr;
	verbs_other_op resize_cq;
	verbs_other_op set_ece;
	verbs_other_op unimport_dm;
	verbs_other_op unimport_mr;
	verbs_other_op unimport_pd;
};
static_assert(offsetof(struct verbs_context_ops, free_context) == 39 * 8,
	      "private ABI 34");
static_assert(offsetof(struct verbs_context_ops, query_device_ex) == 58 * 8,
	      "private ABI 34");
static_assert(offsetof(struct verbs_context_ops, query_port) == 60 * 8, "private ABI 34");
static_assert(sizeof(struct verbs_context_ops) == 76 * 8, "private ABI 34");

/* Commands to uverbs: a header that libibverbs fills, then the kernel's own. */
struct ibv_get_context {
	struct ib_uverbs_cmd_hdr hdr;
	struct ib_uverbs_get_context core_payload;
};
static_assert(sizeof(struct ibv_get_context) == 16, "private ABI 34");

struct ibv_query_port {
	struct ib_uverbs_cmd_hdr hdr;
	struct ib_uverbs_query_port core_payload;
};
static_assert(sizeof(struct ibv_query_port) == 24, "private ABI 34");

/* Only the constructor calls this, once; @ops stays. */
void verbs_register_driver_34(const struct verbs_device_ops *ops);

/*
 * Allocates @alloc_size zeroed bytes with the context at @context_offset in
 * them and owns @cmd_fd from then on, even if it fails, with NULL and errno.
 */
void *_verbs_init_and_alloc_context(struct ibv_device *device, int cmd_fd,
				    size_t alloc_size,
				    struct verbs_context *context_offset,
				    uint32_t driver_id);
/* Undoes it but for the memory, which is free()d afterwards. */
void verbs_uninit_context(struct verbs_context *context);
/* Takes over the operations that are set in @ops. */
void verbs_set_ops(struct verbs_context *context, const struct verbs_context_ops *ops);

/* These return 0 or a positive errno. */
int ibv_cmd_get_context(struct verbs_context *context, struct ibv_get_context *cmd,
			size_t cmd_size, struct ib_uverbs_get_context_resp *resp,
			size_t resp_size);
int ibv_cmd_query_device_any(struct ibv_context *context,
			     const struct ibv_query_device_ex_input *input,
			     struct ibv_device_attr_ex *attr, size_t attr_size,
			     struct ib_uverbs_ex_query_device_resp *resp,
			     size_t *resp_size);
int ibv_cmd_query_port(struct ibv_context *context, uint8_t port_num,
		       struct ibv_port_attr *attr, struct ibv_query_port *cmd,
		       size_t cmd_size);

#endif
