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
 *  - up to v56 neither these structures nor the prototypes of private_cmd34.h
 *    changed again, but for what struct verbs_qp tells.
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

/* Objects that libibverbs looks into; what is ours follows them. */
struct verbs_cq {
	union {
		struct ibv_cq cq;
		struct ibv_cq_ex cq_ex;
	};
};
static_assert(offsetof(struct ibv_cq_ex, start_poll) == 144, "private ABI 34");
static_assert(sizeof(struct verbs_cq) == 288, "private ABI 34");

enum verbs_qp_mask {
	VERBS_QP_XRCD = 1 << 0, /* what follows the word is that of an XRC target */
	VERBS_QP_EX = 1 << 1,   /* is a struct ibv_qp_ex */
};

/*
 * In libibverbs a word of enum verbs_qp_mask stands behind the struct ibv_qp_ex,
 * and that has grown: by wr_atomic_write in v44 and by wr_flush in v45. So the word
 * is the first, second or third behind what v36 has. Which, libibverbs itself shows:
 * it sets that one whenever it creates a QP (verbs_qp_prepare()). Behind it stands a
 * pointer that only XRC targets have.
 */
struct verbs_qp {
	union {
		struct ibv_qp qp;
		struct ibv_qp_ex qp_ex;
		struct {
			char v36[offsetof(struct ibv_qp_ex, wr_abort) + sizeof(void *)];
			union {
				uint64_t mask[3]; /* enum verbs_qp_mask */
				/* unless the first of them is the mask */
				void (*wr_atomic_write)(struct ibv_qp_ex *qp,
							uint32_t rkey,
							uint64_t remote_addr,
							const void *atomic_wr);
			};
			void *xrcd;
		} behind;
	};
};
static_assert(sizeof(((struct verbs_qp *)0)->behind.v36) == 344, "private ABI 34");
static_assert(sizeof(struct verbs_qp) == 344 + 32, "private ABI 34");

/* Before the QP is created: nothing behind it looks like a mask. */
static inline void verbs_qp_prepare(struct verbs_qp *qp)
{
	for (int i = 0; i < 3; i++)
		qp->behind.mask[i] = UINT64_MAX;
}

/* And after: which of the words is the mask, 0 to 2; all but that are zeroed. */
static inline int verbs_qp_find_mask(struct verbs_qp *qp)
{
	int place = 0;

	while (place < 2 && (uint32_t)qp->behind.mask[place] == UINT32_MAX)
		place++;
	for (int i = 0; i < 3; i++)
		if (i < place || (i > place && qp->behind.mask[i] == UINT64_MAX))
			qp->behind.mask[i] = 0;
	return place;
}

/* What headers before v44 lack. */
#define VERBS_QP_EX_WITH_ATOMIC_WRITE (1ull << 12)
#define VERBS_WC_ATOMIC_WRITE         ((enum ibv_wc_opcode)9)

struct verbs_xrcd {
	struct ibv_xrcd xrcd;
	uint32_t comp_mask;
	uint32_t handle;
};
static_assert(sizeof(struct verbs_xrcd) == 16, "private ABI 34");

struct verbs_srq {
	struct ibv_srq srq;
	enum ibv_srq_type srq_type;
	struct verbs_xrcd *xrcd;
	struct ibv_cq *cq;
	uint32_t srq_num;
};
static_assert(offsetof(struct verbs_srq, srq_type) == 128, "private ABI 34");
static_assert(sizeof(struct verbs_srq) == 160, "private ABI 34");

enum ibv_mr_type {
	IBV_MR_TYPE_MR = 0,
	IBV_MR_TYPE_IMPORTED_MR = 2,
};

struct verbs_mr {
	struct ibv_mr ibv_mr;
	enum ibv_mr_type mr_type;
	int access;
};
static_assert(offsetof(struct verbs_mr, mr_type) == 48, "private ABI 34");
static_assert(sizeof(struct verbs_mr) == 56, "private ABI 34");

struct verbs_dm {
	struct ibv_dm dm;
	uint32_t handle;
};
static_assert(offsetof(struct verbs_dm, handle) == 32, "private ABI 34");
static_assert(sizeof(struct verbs_dm) == 40, "private ABI 34");

typedef void (*verbs_other_op)(void);

struct verbs_context_ops {
	verbs_other_op advise_mr;
	struct ibv_dm *(*alloc_dm)(struct ibv_context *context,
				   struct ibv_alloc_dm_attr *attr);
	struct ibv_mw *(*alloc_mw)(struct ibv_pd *pd, enum ibv_mw_type type);
	verbs_other_op alloc_null_mr;
	struct ibv_pd *(*alloc_parent_domain)(struct ibv_context *context,
					      struct ibv_parent_domain_init_attr *attr);
	struct ibv_pd *(*alloc_pd)(struct ibv_context *context);
	struct ibv_td *(*alloc_td)(struct ibv_context *context,
				   struct ibv_td_init_attr *attr);
	verbs_other_op async_event;
	verbs_other_op attach_counters_point_flow;
	int (*attach_mcast)(struct ibv_qp *qp, const union ibv_gid *gid, uint16_t lid);
	int (*bind_mw)(struct ibv_qp *qp, struct ibv_mw *mw, struct ibv_mw_bind *bind);
	int (*close_xrcd)(struct ibv_xrcd *xrcd);
	verbs_other_op cq_event;
	struct ibv_ah *(*create_ah)(struct ibv_pd *pd, struct ibv_ah_attr *attr);
	verbs_other_op create_counters;
	struct ibv_cq *(*create_cq)(struct ibv_context *context, int cqe,
				    struct ibv_comp_channel *channel, int comp_vector);
	struct ibv_cq_ex *(*create_cq_ex)(struct ibv_context *context,
					  struct ibv_cq_init_attr_ex *attr);
	verbs_other_op create_flow;
	verbs_other_op create_flow_action_esp;
	struct ibv_qp *(*create_qp)(struct ibv_pd *pd, struct ibv_qp_init_attr *attr);
	struct ibv_qp *(*create_qp_ex)(struct ibv_context *context,
				       struct ibv_qp_init_attr_ex *attr);
	verbs_other_op create_rwq_ind_table;
	struct ibv_srq *(*create_srq)(struct ibv_pd *pd, struct ibv_srq_init_attr *attr);
	struct ibv_srq *(*create_srq_ex)(struct ibv_context *context,
					 struct ibv_srq_init_attr_ex *attr);
	verbs_other_op create_wq;
	int (*dealloc_mw)(struct ibv_mw *mw);
	int (*dealloc_pd)(struct ibv_pd *pd);
	int (*dealloc_td)(struct ibv_td *td);
	int (*dereg_mr)(struct verbs_mr *mr);
	int (*destroy_ah)(struct ibv_ah *ah);
	verbs_other_op destroy_counters;
	int (*destroy_cq)(struct ibv_cq *cq);
	verbs_other_op destroy_flow;
	verbs_other_op destroy_flow_action;
	int (*destroy_qp)(struct ibv_qp *qp);
	verbs_other_op destroy_rwq_ind_table;
	int (*destroy_srq)(struct ibv_srq *srq);
	verbs_other_op destroy_wq;
	int (*detach_mcast)(struct ibv_qp *qp, const union ibv_gid *gid, uint16_t lid);
	void (*free_context)(struct ibv_context *context);
	int (*free_dm)(struct ibv_dm *dm);
	int (*get_srq_num)(struct ibv_srq *srq, uint32_t *srq_num);
	struct ibv_dm *(*import_dm)(struct ibv_context *context, uint32_t dm_handle);
	struct ibv_mr *(*import_mr)(struct ibv_pd *pd, uint32_t mr_handle);
	struct ibv_pd *(*import_pd)(struct ibv_context *context, uint32_t pd_handle);
	int (*modify_cq)(struct ibv_cq *cq, struct ibv_modify_cq_attr *attr);
	verbs_other_op modify_flow_action_esp;
	int (*modify_qp)(struct ibv_qp *qp, struct ibv_qp_attr *attr, int attr_mask);
	verbs_other_op modify_qp_rate_limit;
	int (*modify_srq)(struct ibv_srq *srq, struct ibv_srq_attr *attr, int attr_mask);
	verbs_other_op modify_wq;
	struct ibv_qp *(*open_qp)(struct ibv_context *context,
				  struct ibv_qp_open_attr *attr);
	struct ibv_xrcd *(*open_xrcd)(struct ibv_context *context,
				      struct ibv_xrcd_init_attr *attr);
	int (*poll_cq)(struct ibv_cq *cq, int num_entries, struct ibv_wc *wc);
	int (*post_recv)(struct ibv_qp *qp, struct ibv_recv_wr *wr,
			 struct ibv_recv_wr **bad_wr);
	int (*post_send)(struct ibv_qp *qp, struct ibv_send_wr *wr,
			 struct ibv_send_wr **bad_wr);
	verbs_other_op post_srq_ops;
	int (*post_srq_recv)(struct ibv_srq *srq, struct ibv_recv_wr *wr,
			     struct ibv_recv_wr **bad_wr);
	int (*query_device_ex)(struct ibv_context *context,
			       const struct ibv_query_device_ex_input *input,
			       struct ibv_device_attr_ex *attr, size_t attr_size);
	verbs_other_op query_ece;
	int (*query_port)(struct ibv_context *context, uint8_t port_num,
			  struct ibv_port_attr *attr);
	int (*query_qp)(struct ibv_qp *qp, struct ibv_qp_attr *attr, int attr_mask,
			struct ibv_qp_init_attr *init_attr);
	verbs_other_op query_qp_data_in_order;
	verbs_other_op query_rt_values;
	int (*query_srq)(struct ibv_srq *srq, struct ibv_srq_attr *attr);
	verbs_other_op read_counters;
	struct ibv_mr *(*reg_dm_mr)(struct ibv_pd *pd, struct ibv_dm *dm,
				    uint64_t dm_offset, size_t length,
				    unsigned int access);
	verbs_other_op reg_dmabuf_mr;
	struct ibv_mr *(*reg_mr)(struct ibv_pd *pd, void *addr, size_t length,
				 uint64_t iova, int access);
	int (*req_notify_cq)(struct ibv_cq *cq, int solicited_only);
	int (*rereg_mr)(struct verbs_mr *mr, int flags, struct ibv_pd *pd, void *addr,
			size_t length, int access);
	int (*resize_cq)(struct ibv_cq *cq, int cqe);
	verbs_other_op set_ece;
	void (*unimport_dm)(struct ibv_dm *dm);
	void (*unimport_mr)(struct ibv_mr *mr);
	void (*unimport_pd)(struct ibv_pd *pd);
};
static_assert(offsetof(struct verbs_context_ops, free_context) == 39 * 8,
	      "private ABI 34");
static_assert(offsetof(struct verbs_context_ops, query_device_ex) == 58 * 8,
	      "private ABI 34");
static_assert(offsetof(struct verbs_context_ops, query_port) == 60 * 8, "private ABI 34");
static_assert(sizeof(struct verbs_context_ops) == 76 * 8, "private ABI 34");

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

#endif
