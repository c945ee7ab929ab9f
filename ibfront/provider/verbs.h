/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The verbs, as provider.c gives them to libibverbs; their contracts are those of
 * ibv_*(3).
 */
#ifndef VIB_PROVIDER_VERBS_H
#define VIB_PROVIDER_VERBS_H

#include "private_abi34.h"

/* pd.c, mr.c, dm.c, ah.c */
struct ibv_pd *vib_alloc_pd(struct ibv_context *context);
int vib_dealloc_pd(struct ibv_pd *ibpd);
struct ibv_td *vib_alloc_td(struct ibv_context *context, struct ibv_td_init_attr *attr);
int vib_dealloc_td(struct ibv_td *ibtd);
struct ibv_pd *vib_alloc_parent_domain(struct ibv_context *context,
				       struct ibv_parent_domain_init_attr *attr);
struct ibv_pd *vib_import_pd(struct ibv_context *context, uint32_t pd_handle);
void vib_unimport_pd(struct ibv_pd *ibpd);
struct ibv_mr *vib_reg_mr(struct ibv_pd *pd, void *addr, size_t length, uint64_t iova,
			  int access);
int vib_rereg_mr(struct verbs_mr *mr, int flags, struct ibv_pd *pd, void *addr,
		 size_t length, int access);
int vib_dereg_mr(struct verbs_mr *mr);
struct ibv_mr *vib_import_mr(struct ibv_pd *pd, uint32_t mr_handle);
void vib_unimport_mr(struct ibv_mr *mr);
struct ibv_mw *vib_alloc_mw(struct ibv_pd *pd, enum ibv_mw_type type);
int vib_dealloc_mw(struct ibv_mw *mw);
struct ibv_dm *vib_alloc_dm(struct ibv_context *context, struct ibv_alloc_dm_attr *attr);
int vib_free_dm(struct ibv_dm *dm);
struct ibv_mr *vib_reg_dm_mr(struct ibv_pd *pd, struct ibv_dm *dm, uint64_t dm_offset,
			     size_t length, unsigned int access);
struct ibv_dm *vib_import_dm(struct ibv_context *context, uint32_t dm_handle);
void vib_unimport_dm(struct ibv_dm *dm);
struct ibv_ah *vib_create_ah(struct ibv_pd *pd, struct ibv_ah_attr *attr);
int vib_destroy_ah(struct ibv_ah *ah);

/* cq.c, cq_resize.c, poll.c, cq_ex.c */
struct ibv_cq *vib_create_cq(struct ibv_context *context, int cqe,
			     struct ibv_comp_channel *channel, int comp_vector);
struct ibv_cq_ex *vib_create_cq_ex(struct ibv_context *context,
				   struct ibv_cq_init_attr_ex *attr);
int vib_modify_cq(struct ibv_cq *cq, struct ibv_modify_cq_attr *attr);
int vib_resize_cq(struct ibv_cq *ibcq, int cqe);
int vib_destroy_cq(struct ibv_cq *ibcq);
int vib_poll_cq(struct ibv_cq *ibcq, int num_entries, struct ibv_wc *wc);
int vib_req_notify_cq(struct ibv_cq *ibcq, int solicited_only);
/* The operations of an extended CQ with these wc_flags. */
void vib_cq_ex_init(struct ibv_cq_ex *cq, uint64_t wc_flags);

/* srq.c */
struct ibv_srq *vib_create_srq(struct ibv_pd *pd, struct ibv_srq_init_attr *attr);
struct ibv_srq *vib_create_srq_ex(struct ibv_context *context,
				  struct ibv_srq_init_attr_ex *attr);
int vib_modify_srq(struct ibv_srq *srq, struct ibv_srq_attr *attr, int attr_mask);
int vib_query_srq(struct ibv_srq *srq, struct ibv_srq_attr *attr);
int vib_destroy_srq(struct ibv_srq *ibsrq);

/* xrc.c */
struct ibv_xrcd *vib_open_xrcd(struct ibv_context *context,
			       struct ibv_xrcd_init_attr *attr);
int vib_close_xrcd(struct ibv_xrcd *xrcd);
int vib_get_srq_num(struct ibv_srq *srq, uint32_t *srq_num);
struct ibv_qp *vib_open_qp(struct ibv_context *context, struct ibv_qp_open_attr *attr);

/* qp.c */
struct ibv_qp *vib_create_qp(struct ibv_pd *pd, struct ibv_qp_init_attr *attr);
struct ibv_qp *vib_create_qp_ex(struct ibv_context *context,
				struct ibv_qp_init_attr_ex *attr);
int vib_query_qp(struct ibv_qp *qp, struct ibv_qp_attr *attr, int attr_mask,
		 struct ibv_qp_init_attr *init_attr);
int vib_modify_qp(struct ibv_qp *ibqp, struct ibv_qp_attr *attr, int attr_mask);
int vib_destroy_qp(struct ibv_qp *ibqp);

/* send.c, recv.c, qp_ex.c */
int vib_post_send(struct ibv_qp *ibqp, struct ibv_send_wr *wr,
		  struct ibv_send_wr **bad_wr);
int vib_bind_mw(struct ibv_qp *qp, struct ibv_mw *mw, struct ibv_mw_bind *bind);
int vib_post_recv(struct ibv_qp *ibqp, struct ibv_recv_wr *wr,
		  struct ibv_recv_wr **bad_wr);
int vib_post_srq_recv(struct ibv_srq *ibsrq, struct ibv_recv_wr *wr,
		      struct ibv_recv_wr **bad_wr);
/* ibv_wr_*() for the operations of @opcodes (enum vib_opcode). */
void vib_qp_ex_init(struct verbs_qp *qp, uint32_t opcodes, uint8_t type);

#endif
