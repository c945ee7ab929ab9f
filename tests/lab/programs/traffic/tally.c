// SPDX-License-Identifier: GPL-2.0-or-later
#include "tally.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <time.h>

#define SECOND UINT64_C(1000000000)

static const char *const statuses[TALLY_STATUSES] = {
	[IBV_WC_SUCCESS] = "success",
	[IBV_WC_LOC_LEN_ERR] = "loc_len",
	[IBV_WC_LOC_QP_OP_ERR] = "loc_qp_op",
	[IBV_WC_LOC_EEC_OP_ERR] = "loc_eec_op",
	[IBV_WC_LOC_PROT_ERR] = "loc_prot",
	[IBV_WC_WR_FLUSH_ERR] = "flush",
	[IBV_WC_MW_BIND_ERR] = "mw_bind",
	[IBV_WC_BAD_RESP_ERR] = "bad_resp",
	[IBV_WC_LOC_ACCESS_ERR] = "loc_access",
	[IBV_WC_REM_INV_REQ_ERR] = "rem_inv_req",
	[IBV_WC_REM_ACCESS_ERR] = "rem_access",
	[IBV_WC_REM_OP_ERR] = "rem_op",
	[IBV_WC_RETRY_EXC_ERR] = "retry_exceeded",
	[IBV_WC_RNR_RETRY_EXC_ERR] = "rnr_retry_exceeded",
	[IBV_WC_LOC_RDD_VIOL_ERR] = "loc_rdd_viol",
	[IBV_WC_REM_INV_RD_REQ_ERR] = "rem_inv_rd_req",
	[IBV_WC_REM_ABORT_ERR] = "rem_abort",
	[IBV_WC_INV_EECN_ERR] = "inv_eecn",
	[IBV_WC_INV_EEC_STATE_ERR] = "inv_eec_state",
	[IBV_WC_FATAL_ERR] = "fatal",
	[IBV_WC_RESP_TIMEOUT_ERR] = "resp_timeout",
	[IBV_WC_GENERAL_ERR] = "general",
	[IBV_WC_TM_ERR] = "tm",
	[IBV_WC_TM_RNDV_INCOMPLETE] = "tm_rndv_incomplete",
};

static const char *const events[TALLY_EVENTS] = {
	[IBV_EVENT_CQ_ERR] = "CQ_ERR",
	[IBV_EVENT_QP_FATAL] = "QP_FATAL",
	[IBV_EVENT_QP_REQ_ERR] = "QP_REQ_ERR",
	[IBV_EVENT_QP_ACCESS_ERR] = "QP_ACCESS_ERR",
	[IBV_EVENT_COMM_EST] = "COMM_EST",
	[IBV_EVENT_SQ_DRAINED] = "SQ_DRAINED",
	[IBV_EVENT_PATH_MIG] = "PATH_MIG",
	[IBV_EVENT_PATH_MIG_ERR] = "PATH_MIG_ERR",
	[IBV_EVENT_DEVICE_FATAL] = "DEVICE_FATAL",
	[IBV_EVENT_PORT_ACTIVE] = "PORT_ACTIVE",
	[IBV_EVENT_PORT_ERR] = "PORT_ERR",
	[IBV_EVENT_LID_CHANGE] = "LID_CHANGE",
	[IBV_EVENT_PKEY_CHANGE] = "PKEY_CHANGE",
	[IBV_EVENT_SM_CHANGE] = "SM_CHANGE",
	[IBV_EVENT_SRQ_ERR] = "SRQ_ERR",
	[IBV_EVENT_SRQ_LIMIT_REACHED] = "SRQ_LIMIT_REACHED",
	[IBV_EVENT_QP_LAST_WQE_REACHED] = "QP_LAST_WQE_REACHED",
	[IBV_EVENT_CLIENT_REREGISTER] = "CLIENT_REREGISTER",
	[IBV_EVENT_GID_CHANGE] = "GID_CHANGE",
	[IBV_EVENT_WQ_FATAL] = "WQ_FATAL",
};

uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * SECOND + now.tv_nsec;
}

void tally_connected(struct tally *tally)
{
	if (!tally->connects++) {
		tally->began = now_ns();
		tally->next_line = tally->began + SECOND;
	}
}

void tally_verified(struct tally *tally, uint64_t bytes, uint64_t corrupt)
{
	tally->bytes += bytes;
	tally->corrupt += corrupt;
}

void tally_completion(struct tally *tally, enum ibv_wc_status status)
{
	tally->completions[status < TALLY_STATUSES ? status : IBV_WC_GENERAL_ERR]++;
}

void tally_error(struct tally *tally, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	fputs("traffic: ", stderr);
	vfprintf(stderr, format, args);
	fputc('\n', stderr);
	va_end(args);
	tally->errors++;
}

double tally_seconds(const struct tally *tally)
{
	return tally->began ? (now_ns() - tally->began) / 1e9 : 0;
}

void tally_tick(struct tally *tally)
{
	const uint64_t now = now_ns();

	if (!tally->began || now < tally->next_line)
		return;
	printf("%.0f s: %" PRIu64 " bytes verified, %" PRIu64 " corrupt\n",
	       (now - tally->began) / 1e9, tally->bytes, tally->corrupt);
	fflush(stdout);
	while (tally->next_line <= now)
		tally->next_line += SECOND;
}

static void print_counts(const char *name, const char *const names[],
			 const uint64_t counts[], unsigned int number)
{
	const char *before = "";

	printf(", \"%s\": {", name);
	for (unsigned int i = 0; i < number; i++) {
		if (!counts[i])
			continue;
		printf("%s\"%s\": %" PRIu64, before, names[i], counts[i]);
		before = ", ";
	}
	putchar('}');
}

void tally_print(const struct tally *tally, const char *role, bool connected)
{
	uint64_t counts[TALLY_EVENTS];

	for (unsigned int i = 0; i < TALLY_EVENTS; i++)
		counts[i] = atomic_load(&tally->events[i]);
	printf("{\"role\": \"%s\", \"bytes\": %" PRIu64
	       ", \"seconds\": %.3f, \"corrupt\": %" PRIu64 ", \"lost\": %" PRIu64
	       ", \"errors\": %u, \"reconnects\": %u, \"connected\": %s",
	       role, tally->bytes, tally_seconds(tally), tally->corrupt, tally->lost,
	       tally->errors, tally->connects ? tally->connects - 1 : 0,
	       connected ? "true" : "false");
	print_counts("completions", statuses, tally->completions, TALLY_STATUSES);
	print_counts("events", events, counts, TALLY_EVENTS);
	printf("}\n");
	fflush(stdout);
}
