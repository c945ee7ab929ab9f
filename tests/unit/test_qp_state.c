// SPDX-License-Identifier: GPL-2.0-or-later
/* Every transition of a QP's state, refused ones too, and every attribute's bounds. */
#include <errno.h>
#include <stdio.h>

#include "cm.h"
#include "engine/qp_state.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

#define NUM_TYPES     7
#define NUM_STATES    7
#define NUM_PAIRS     (NUM_TYPES * NUM_STATES * NUM_STATES)

static const char *const states[NUM_STATES] = { "RESET", "INIT", "RTR", "RTS",
						"SQD",   "SQE",  "ERR" };

/* In the order of the columns below. */
static const struct {
	uint32_t bit;
	const char *name;
} attributes[] = {
	{ VIB_QP_PKEY_INDEX, "PKEY_INDEX" },
	{ VIB_QP_PORT, "PORT" },
	{ VIB_QP_QKEY, "QKEY" },
	{ VIB_QP_ACCESS_FLAGS, "ACCESS_FLAGS" },
	{ VIB_QP_AV, "AV" },
	{ VIB_QP_PATH_MTU, "PATH_MTU" },
	{ VIB_QP_DEST_QPN, "DEST_QPN" },
	{ VIB_QP_RQ_PSN, "RQ_PSN" },
	{ VIB_QP_MAX_DEST_RD_ATOMIC, "MAX_DEST_RD_ATOMIC" },
	{ VIB_QP_MIN_RNR_TIMER, "MIN_RNR_TIMER" },
	{ VIB_QP_SQ_PSN, "SQ_PSN" },
	{ VIB_QP_TIMEOUT, "TIMEOUT" },
	{ VIB_QP_RETRY_CNT, "RETRY_CNT" },
	{ VIB_QP_RNR_RETRY, "RNR_RETRY" },
	{ VIB_QP_MAX_QP_RD_ATOMIC, "MAX_QP_RD_ATOMIC" },
	{ VIB_QP_EN_SQD_ASYNC_NOTIFY, "EN_SQD_ASYNC_NOTIFY" },
};

/* R: required, o: optional. A pair of states without a row is no transition. */
static const struct row {
	const char *from;
	const char *to;
	const char *attributes[NUM_TYPES];
} rows[] = {
	/* clang-format off */
	/* initials:            RC                  UC                  UD
	 *                    PPQAAPDRMMSTRRME    PPQAAPDRMMSTRRME    PPQAAPDRMMSTRRME
	 * and below:           XRC_INI             XRC_TGT
	 * and below:           SMI                 GSI */
	{ "RESET", "INIT", { "RR.R............", "RR.R............", "RRR.............",
			     "RR.R............", "RR.R............",
			     "RoR.............", "RoR............." } },
	{ "INIT",  "INIT", { "oo.o............", "oo.o............", "ooo.............",
			     "oo.o............", "oo.o............",
			     "ooo.............", "ooo............." } },
	{ "INIT",  "RTR",  { "o..oRRRRRR......", "o..oRRRR........", "o.o.............",
			     "o..oRRRR........", "o..oRRRRRR......",
			     "o.o.............", "o.o............." } },
	{ "RTR",   "RTS",  { "...o.....oRRRRR.", "...o......R.....", "..o.......R.....",
			     "...o......RRRRR.", "...o.....oRR....",
			     "..o.......R.....", "..o.......R....." } },
	{ "RTS",   "RTS",  { "...o.....o......", "...o............", "..o.............",
			     "...o............", "...o.....o......",
			     "..o.............", "..o............." } },
	{ "RTS",   "SQD",  { "...............o", "...............o", "...............o",
			     "...............o", "...............o",
			     "...............o", "...............o" } },
	{ "SQD",   "RTS",  { "...o.....o......", "...o............", "..o.............",
			     "...o............", "...o.....o......",
			     "..o.............", "..o............." } },
	{ "SQD",   "SQD",  { "oo.oo...oo.oooo.", "o..oo...........", "o.o.............",
			     "oo.oo......oooo.", "oo.oo...oo.o....",
			     "o.o.............", "o.o............." } },
	{ "SQE",   "RTS",  { NULL,               "...o............", "..o.............",
			     NULL,               NULL,
			     "..o.............",               "..o............." } },
	/* clang-format on */
};

static const struct {
	enum vib_qp_type type;
	const char *name;
} types[NUM_TYPES] = {
	{ VIB_QPT_RC, "RC" },           { VIB_QPT_UC, "UC" },
	{ VIB_QPT_UD, "UD" },           { VIB_QPT_XRC_INI, "XRC_INI" },
	{ VIB_QPT_XRC_TGT, "XRC_TGT" }, { VIB_QPT_SMI, "SMI" },
	{ VIB_QPT_GSI, "GSI" },
};

struct pair {
	int type; /* an index, not the number */
	enum vib_qp_state from;
	enum vib_qp_state to;
	const char *attributes; /* NULL: to be refused */
	char name[40];
};

static const char *expected(int type, int from, int to)
{
	if (to == VIB_QPS_RESET || (to == VIB_QPS_ERR && from != VIB_QPS_RESET))
		return "................";
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (!strcmp(rows[i].from, states[from]) &&
		    !strcmp(rows[i].to, states[to]))
			return rows[i].attributes[type];
	return NULL;
}

static uint32_t mask_of(const char *letters, char letter)
{
	uint32_t mask = 0;

	for (size_t i = 0; i < ARRAY_SIZE(attributes); i++)
		if (letters[i] == letter)
			mask |= attributes[i].bit;
	return mask;
}

static void accepts(const struct pair *p, uint32_t mask)
{
	static const uint32_t always[] = { 0, VIB_QP_STATE, VIB_QP_CUR_STATE,
					   VIB_QP_STATE | VIB_QP_CUR_STATE };

	for (size_t i = 0; i < ARRAY_SIZE(always); i++) {
		const char *why = NULL;
		int ret = qp_transition_check(types[p->type].type, p->from, p->to,
					      mask | always[i], &why);

		if (ret)
			fail_msg("%s, mask %#x: %d, %s", p->name, mask | always[i], ret,
				 why);
	}
}

static void refuses(const struct pair *p, uint32_t mask, int err, const char *reason)
{
	const char *why = NULL;
	int ret = qp_transition_check(types[p->type].type, p->from, p->to,
				      mask | VIB_QP_STATE, &why);

	if (ret != err || !why || !strstr(why, reason))
		fail_msg("%s, mask %#x: %d, %s instead of %d, %s", p->name, mask, ret,
			 why ? why : "no reason", err, reason);
}

static void legal_pair(void **state)
{
	static const uint32_t unsupported[] = { VIB_QP_ALT_PATH, VIB_QP_PATH_MIG_STATE,
						VIB_QP_CAP };
	const struct pair *p = *state;
	uint32_t required = mask_of(p->attributes, 'R');
	uint32_t optional = mask_of(p->attributes, 'o');
	char reason[60];

	accepts(p, required);
	accepts(p, required | optional);
	for (size_t i = 0; i < ARRAY_SIZE(attributes); i++) {
		uint32_t bit = attributes[i].bit;

		if (required & bit) {
			snprintf(reason, sizeof(reason), "attribute %s missing",
				 attributes[i].name);
			refuses(p, required & ~bit, -EINVAL, reason);
			refuses(p, (required | optional) & ~bit, -EINVAL, reason);
		} else if (optional & bit) {
			accepts(p, required | bit);
		} else {
			snprintf(reason, sizeof(reason), "attribute %s not taken",
				 attributes[i].name);
			refuses(p, required | bit, -EINVAL, reason);
		}
	}
	for (size_t i = 0; i < ARRAY_SIZE(unsupported); i++)
		refuses(p, required | unsupported[i], -EOPNOTSUPP, "not supported");
	for (int bit = 21; bit < 32; bit++)
		refuses(p, required | 1u << bit, -EINVAL, "unknown attribute");
}

/* Whatever another transition might take does not help it. */
static void illegal_pair(void **state)
{
	const struct pair *p = *state;
	char reason[60];

	snprintf(reason, sizeof(reason), "%s to %s: no such transition", states[p->from],
		 states[p->to]);
	refuses(p, 0, -EINVAL, reason);
	refuses(p, UINT32_MAX, -EINVAL, reason);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		for (int type = 0; type < NUM_TYPES; type++) {
			const char *letters = rows[i].attributes[type];

			if (letters)
				refuses(p, mask_of(letters, 'R'), -EINVAL, reason);
		}
}

static void types_and_states_there_are_not(void **state)
{
	static const uint8_t no_type[] = { 5, 8, 11, 34, 42, 255 };
	const char *why;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(no_type); i++) {
		why = NULL;
		assert_int_equal(qp_transition_check(no_type[i], VIB_QPS_INIT,
						     VIB_QPS_RESET, 0, &why),
				 -EINVAL);
		assert_string_equal(why, "no such QP type");
	}
	for (int bad = 7; bad < 256; bad++) {
		why = NULL;
		assert_int_equal(
			qp_transition_check(VIB_QPT_RC, bad, VIB_QPS_RESET, 0, &why),
			-EINVAL);
		assert_string_equal(why, "no such QP state");
		why = NULL;
		assert_int_equal(
			qp_transition_check(VIB_QPT_RC, VIB_QPS_RTS, bad, 0, &why),
			-EINVAL);
		assert_string_equal(why, "no such QP state");
	}
}

static const struct qp_limits limits = {
	.pkey_tbl_len = 3,
	.gid_tbl_len = 5,
	.max_rd_atomic = 16,
};

#define FIELD(f) offsetof(struct vib_qp_attr, f), sizeof(((struct vib_qp_attr *)0)->f)

static const struct range {
	const char *test;
	uint32_t bit;
	const char *name;
	size_t offset;
	size_t size;
	uint32_t low;
	uint32_t high;
} ranges[] = {
	{ "STATE is 0 to 6", VIB_QP_STATE, "STATE", FIELD(state), 0, 6 },
	{ "CUR_STATE is 0 to 6", VIB_QP_CUR_STATE, "CUR_STATE", FIELD(cur_state), 0, 6 },
	{ "EN_SQD_ASYNC_NOTIFY is 0 or 1", VIB_QP_EN_SQD_ASYNC_NOTIFY,
	  "EN_SQD_ASYNC_NOTIFY", FIELD(en_sqd_async_notify), 0, 1 },
	{ "ACCESS_FLAGS has four bits", VIB_QP_ACCESS_FLAGS, "ACCESS_FLAGS",
	  FIELD(access_flags), 0, 0xf },
	{ "PKEY_INDEX is within the table", VIB_QP_PKEY_INDEX, "PKEY_INDEX",
	  FIELD(pkey_index), 0, 2 },
	{ "PORT is 1", VIB_QP_PORT, "PORT", FIELD(port), 1, 1 },
	{ "QKEY is anything", VIB_QP_QKEY, "QKEY", FIELD(qkey), 0, UINT32_MAX },
	{ "PATH_MTU is 1 to 5", VIB_QP_PATH_MTU, "PATH_MTU", FIELD(path_mtu), 1, 5 },
	{ "TIMEOUT is 0 to 31", VIB_QP_TIMEOUT, "TIMEOUT", FIELD(timeout), 0, 31 },
	{ "RETRY_CNT is 0 to 7", VIB_QP_RETRY_CNT, "RETRY_CNT", FIELD(retry_cnt), 0, 7 },
	{ "RNR_RETRY is 0 to 7", VIB_QP_RNR_RETRY, "RNR_RETRY", FIELD(rnr_retry), 0, 7 },
	{ "RQ_PSN has 24 bits", VIB_QP_RQ_PSN, "RQ_PSN", FIELD(rq_psn), 0, 0xffffff },
	{ "MAX_QP_RD_ATOMIC is within the limit", VIB_QP_MAX_QP_RD_ATOMIC,
	  "MAX_QP_RD_ATOMIC", FIELD(max_rd_atomic), 0, 16 },
	{ "MIN_RNR_TIMER is 0 to 31", VIB_QP_MIN_RNR_TIMER, "MIN_RNR_TIMER",
	  FIELD(min_rnr_timer), 0, 31 },
	{ "SQ_PSN has 24 bits", VIB_QP_SQ_PSN, "SQ_PSN", FIELD(sq_psn), 0, 0xffffff },
	{ "MAX_DEST_RD_ATOMIC is within the limit", VIB_QP_MAX_DEST_RD_ATOMIC,
	  "MAX_DEST_RD_ATOMIC", FIELD(max_dest_rd_atomic), 0, 16 },
	{ "DEST_QPN has 24 bits", VIB_QP_DEST_QPN, "DEST_QPN", FIELD(dest_qpn), 0,
	  0xffffff },
};

/* Every other attribute has a value that no mask would let pass. */
static void value(const struct range *r, uint32_t v, bool legal)
{
	char reason[60];

	snprintf(reason, sizeof(reason), "attribute %s has an illegal value", r->name);
	for (int type = 0; type < NUM_TYPES; type++) {
		struct vib_qp_attr attr;
		const char *why = NULL;
		int ret;

		memset(&attr, 0xff, sizeof(attr));
		memcpy((char *)&attr + r->offset, &v, r->size); /* little-endian */
		ret = qp_attr_check(types[type].type, r->bit, &attr, &limits, &why);
		if (ret != (legal ? 0 : -EINVAL))
			fail_msg("%s %s %u: %d", types[type].name, r->name, v, ret);
		if (!legal)
			assert_string_equal(why, reason);
	}
}

static void value_range(void **state)
{
	const struct range *r = *state;
	uint32_t most = UINT32_MAX >> (32 - 8 * r->size);

	value(r, r->low, true);
	value(r, r->high, true);
	if (r->low)
		value(r, r->low - 1, false);
	if (r->high < most) {
		value(r, r->high + 1, false);
		value(r, most, false);
	}
}

static int check_av(int type, struct vib_av av)
{
	struct vib_qp_attr attr = { .av = av };
	const char *why = NULL;
	int ret = qp_attr_check(types[type].type, VIB_QP_AV, &attr, &limits, &why);

	if (ret)
		assert_string_equal(why, "attribute AV has an illegal value");
	return ret;
}

static void av_with_grh_has_a_source_gid(void **state)
{
	struct vib_av av = { .flags = VIB_AV_GRH };

	(void)state;
	for (int type = 0; type < NUM_TYPES; type++) {
		av.sgid_index = 0;
		assert_int_equal(check_av(type, av), 0);
		av.sgid_index = 4;
		assert_int_equal(check_av(type, av), 0);
		av.sgid_index = 5;
		assert_int_equal(check_av(type, av), -EINVAL);
		av.sgid_index = 255;
		assert_int_equal(check_av(type, av), -EINVAL);
	}
}

static void av_without_grh_has_a_unicast_lid(void **state)
{
	static const uint16_t good[] = { 1, 2, 0xbfff };
	static const uint16_t bad[] = { 0, 0xc000, 0xfffe, 0xffff };
	struct vib_av av = { .sgid_index = 255 };

	(void)state;
	for (int type = 0; type < NUM_TYPES; type++) {
		for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
			av.dlid = good[i];
			assert_int_equal(check_av(type, av), 0);
		}
		for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
			av.dlid = bad[i];
			assert_int_equal(
				check_av(type, av),
				vib_qp_type_is_datagram((uint8_t)types[type].type)
					? 0
					: -EINVAL);
		}
	}
}

static void masks_there_are_not(void **state)
{
	struct vib_qp_attr attr = { 0 };
	const char *why = NULL;

	(void)state;
	assert_int_equal(qp_attr_check(VIB_QPT_RC, 0, &attr, &limits, &why), 0);
	assert_int_equal(qp_attr_check(VIB_QPT_RC, VIB_QP_ALT_PATH, &attr, &limits, &why),
			 -EOPNOTSUPP);
	assert_int_equal(
		qp_attr_check(VIB_QPT_RC, VIB_QP_PATH_MIG_STATE, &attr, &limits, &why),
		-EOPNOTSUPP);
	assert_int_equal(qp_attr_check(VIB_QPT_RC, VIB_QP_CAP, &attr, &limits, &why),
			 -EOPNOTSUPP);
	for (int bit = 21; bit < 32; bit++) {
		why = NULL;
		assert_int_equal(
			qp_attr_check(VIB_QPT_RC, 1u << bit, &attr, &limits, &why),
			-EINVAL);
		assert_string_equal(why, "unknown attribute");
	}
}

/* One bad value among good ones is found. */
static void all_values_are_looked_at(void **state)
{
	uint32_t mask = 0;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(ranges); i++)
		mask |= ranges[i].bit;
	for (size_t bad = 0; bad < ARRAY_SIZE(ranges); bad++) {
		struct vib_qp_attr attr = { 0 };
		const char *why = NULL;

		for (size_t i = 0; i < ARRAY_SIZE(ranges); i++)
			memcpy((char *)&attr + ranges[i].offset, &ranges[i].high,
			       ranges[i].size);
		assert_int_equal(qp_attr_check(VIB_QPT_RC, mask, &attr, &limits, &why),
				 0);
		if (ranges[bad].bit == VIB_QP_QKEY)
			continue;
		memset((char *)&attr + ranges[bad].offset, 0xff, ranges[bad].size);
		assert_int_equal(qp_attr_check(VIB_QPT_RC, mask, &attr, &limits, &why),
				 -EINVAL);
		assert_non_null(strstr(why, ranges[bad].name));
	}
}

/* Each field of the attribute, and no other. */
static void apply_takes_what_the_mask_names(void **state)
{
	struct vib_qp_attr attr, qp, want;

	(void)state;
	memset(&attr, 0x5a, sizeof(attr));
	for (size_t i = 0; i < ARRAY_SIZE(ranges); i++) {
		memset(&qp, 0, sizeof(qp));
		memset(&want, 0, sizeof(want));
		if (ranges[i].bit != VIB_QP_CUR_STATE)
			memset((char *)&want + ranges[i].offset, 0x5a, ranges[i].size);
		qp_attr_apply(&qp, ranges[i].bit, &attr);
		assert_memory_equal(&qp, &want, sizeof(qp));
	}
	memset(&qp, 0, sizeof(qp));
	memset(&want, 0, sizeof(want));
	want.av = attr.av;
	qp_attr_apply(&qp, VIB_QP_AV, &attr);
	assert_memory_equal(&qp, &want, sizeof(qp));
}

static void apply_takes_all_at_once(void **state)
{
	struct vib_qp_attr attr, want, qp = { .cur_state = VIB_QPS_RTR };

	(void)state;
	memset(&attr, 0x5a, sizeof(attr));
	want = attr;
	want.cur_state = VIB_QPS_RTR;
	want.sq_draining = 0; /* answered, never set */
	memset(want.reserved, 0, sizeof(want.reserved));
	qp_attr_apply(&qp, UINT32_MAX, &attr);
	assert_memory_equal(&qp, &want, sizeof(qp));
}

static void ack_timeouts(void **state)
{
	(void)state;
	assert_true(qp_ack_timeout_ns(0) == UINT64_MAX);
	assert_true(qp_ack_timeout_ns(1) == 8192);
	assert_true(qp_ack_timeout_ns(14) == 67108864); /* 67 ms, ibv_rc_pingpong's */
	assert_true(qp_ack_timeout_ns(31) == 8796093022208);
	assert_true(qp_ack_timeout_ns(32) == UINT64_MAX);
	assert_true(qp_ack_timeout_ns(255) == 8796093022208);
}

/* Table 45 doubles every other step from 0.02 ms on, with 0 as the step behind 31. */
static void rnr_timers(void **state)
{
	(void)state;
	assert_true(qp_rnr_timer_ns(1) == 10000);
	assert_true(qp_rnr_timer_ns(2) == 20000);
	assert_true(qp_rnr_timer_ns(3) == 30000);
	for (int i = 4; i <= 32; i++)
		assert_true(qp_rnr_timer_ns(i % 32) == 2 * qp_rnr_timer_ns(i - 2));
	assert_true(qp_rnr_timer_ns(12) == 640000); /* ibv_rc_pingpong's */
	assert_true(qp_rnr_timer_ns(31) == 491520000);
	assert_true(qp_rnr_timer_ns(0) == 655360000);
	assert_true(qp_rnr_timer_ns(255) == 491520000);
}

static const struct CMUnitTest others[] = {
	cmocka_unit_test(types_and_states_there_are_not),
	cmocka_unit_test(av_with_grh_has_a_source_gid),
	cmocka_unit_test(av_without_grh_has_a_unicast_lid),
	cmocka_unit_test(masks_there_are_not),
	cmocka_unit_test(all_values_are_looked_at),
	cmocka_unit_test(apply_takes_what_the_mask_names),
	cmocka_unit_test(apply_takes_all_at_once),
	cmocka_unit_test(ack_timeouts),
	cmocka_unit_test(rnr_timers),
};

static struct pair pairs[NUM_PAIRS];
static struct CMUnitTest tests[NUM_PAIRS + ARRAY_SIZE(ranges) + ARRAY_SIZE(others)];

static struct CMUnitTest pair_test(struct pair *p, int type, int from, int to)
{
	p->type = type;
	p->from = from;
	p->to = to;
	p->attributes = expected(type, from, to);
	snprintf(p->name, sizeof(p->name), "%s %s to %s%s", types[type].name,
		 states[from], states[to], p->attributes ? "" : " is refused");
	return (struct CMUnitTest){ .name = p->name,
				    .test_func =
					    p->attributes ? legal_pair : illegal_pair,
				    .initial_state = p };
}

int main(void)
{
	size_t n = 0;

	for (int type = 0; type < NUM_TYPES; type++)
		for (int from = 0; from < NUM_STATES; from++)
			for (int to = 0; to < NUM_STATES; to++, n++)
				tests[n] = pair_test(&pairs[n], type, from, to);
	for (size_t i = 0; i < ARRAY_SIZE(ranges); i++)
		tests[n++] = (struct CMUnitTest){ .name = ranges[i].test,
						  .test_func = value_range,
						  .initial_state = (void *)&ranges[i] };
	memcpy(&tests[n], others, sizeof(others));
	return cmocka_run_group_tests(tests, NULL, NULL);
}
