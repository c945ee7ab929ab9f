/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What becomes of a message of RC or UC that is not taken: nobody is there, or has no
 * receive for it, or denies it. A UC sender does not notice.
 */
#ifndef XEN_IB_IBBACK_ANSWER_H
#define XEN_IB_IBBACK_ANSWER_H

#include "engine/send.h"

/* Nobody answers. IBTA vol. 1 §9.7.6.1.3: so often, so long. */
enum send_result unanswered(struct share *share);

/* The peer has no receive. IBTA vol. 1 §9.7.5.2.8. */
enum send_result not_ready(struct share *share);

/* The peer denies it: its QP fails, and so does the request. */
enum send_result deny_access(struct share *share);
enum send_result deny_request(struct share *share);

#endif
