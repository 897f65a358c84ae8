/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Signatures that are refused: for the clock, for the keys, for good.
 */
#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "ec2/creds.h"
#include "ec2/sender.h"
#include "ec2_rig.h"
#include "ec2_service.h"
#include "sys/file.h"
#include "sys/http.h"
#include "sys/loop.h"
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MINUTE_MS 60000
#define FILE_OF(id)                                                                    \
	"[default]\naws_access_key_id = " id "\naws_secret_access_key = s\n"           \
	"aws_session_token = token-" id "\n"

static struct sender *sender;
static char path[] = "/tmp/test-sender-XXXXXX";

static void
write_keys(const char *text)
{
	struct err err = {0};

	ck_assert_msg(file_write(path, 0600, text, strlen(text), &err) == 0, "%s",
		err.text);
}

static void
start_sender(const struct ec2_creds_source *source)
{
	struct ec2_creds *creds = ec2_creds_new(rig.loop, rig.http, source);
	AUTO(free) char *url = service_url(rig.service);
	const struct sender_conf conf = {
		.url = url,
		.region = "us-east-1",
		.service = "ec2",
		.content_type = "text/plain",
	};

	sender = sender_new(rig.loop, rig.http, creds, &conf);
	ec2_creds_unref(creds);
}

static void
setup(void)
{
	int fd;

	rig_setup();
	unsetenv("AWS_ACCESS_KEY_ID");
	unsetenv("AWS_PROFILE");
	fd = mkstemp(path);
	ck_assert_int_ge(fd, 0);
	close(fd);
	write_keys(FILE_OF("OLD"));
}

/* Keys out of a file, which may change. */
static void
setup_file(void)
{
	setup();
	start_sender(&(struct ec2_creds_source){.shared_credentials_file = path});
}

/* Keys that are what they are. */
static void
setup_fixed(void)
{
	setup();
	start_sender(&(struct ec2_creds_source){.identifier = "FIXED", .secret = "s"});
}

static void
teardown(void)
{
	sender_free(sender);
	rig_teardown();
	unlink(path);
}

struct sent {
	unsigned count;
	long status; /* 0: no answer; -1: no keys */
	char text[512];
	int64_t began_ms;
	uint64_t sends;
	bool free_sender; /* in the callback */
};

static void
on_sent(void *arg, const struct sender_result *result)
{
	struct sent *s = arg;

	s->count++;
	s->status = result->reply != NULL ? result->reply->status : -1;
	(void)snprintf(s->text, sizeof(s->text), "%s",
		result->reply != NULL ? result->reply->body : result->err->text);
	s->began_ms = result->began_ms;
	if (s->free_sender) {
		sender_free(sender);
		sender = NULL;
	}
}

static struct sender_call *
start(struct sent *s)
{
	/* On a fresh connection, or libcurl might post twice by itself. */
	const struct sender_request request = {
		.body = "x=1",
		.len = 3,
		.mutating = true,
		.sends = &s->sends,
	};

	return sender_start(sender, &request, on_sent, s);
}

static void
wait_for(const struct sent *s)
{
	while (s->count == 0)
		loop_turn(rig.loop, true);
}

static void
run(struct sent *s)
{
	*s = (struct sent){0};
	start(s);
	ck_assert_uint_eq(s->count, 0);
	wait_for(s);
	ck_assert_uint_eq(s->count, 1);
}

/* Whether the request of that number was signed for a time that far from ours. */
static bool
is_dated(size_t seen, int64_t off_ms)
{
	const char *d = rig.service->seen[seen].date;
	AUTO(free) char *iso = NULL;
	int64_t wall_ms;

	ck_assert_uint_eq(strlen(d), 16);
	iso = xasprintf("%.4s-%.2s-%.2sT%.2s:%.2s:%.2sZ", d, d + 4, d + 6, d + 9,
		d + 11, d + 13);
	ck_assert_int_eq(clock_parse(iso, &wall_ms), 0);
	return llabs(wall_ms - clock_wall_ms() - off_ms) < 5000;
}

static bool
is_signed_with(size_t seen, const char *id)
{
	AUTO(free) char *text = xasprintf("Credential=%s/", id);

	return strstr(rig.service->seen[seen].authorization, text) != NULL;
}

static const char *const refusals[] = {ERROR("AuthFailure"),
	ERROR("SignatureDoesNotMatch"), ERROR("RequestExpired"),
	ERROR("RequestInTheFuture"), ERROR("RequestTimeTooSkewed"),
	ERROR("InvalidSignatureException"), ERROR("ExpiredToken"),
	ERROR("ExpiredTokenException")};

/* Twenty minutes off, either way: signed again, once, and right from the start after that. */
START_TEST(test_clock_is_learnt)
{
	static const int64_t offs[] = {20 * MINUTE_MS, -20 * MINUTE_MS};

	for (size_t o = 0; o < COUNT_OF(offs); o++) {
		for (size_t i = 0; i < COUNT_OF(refusals); i++) {
			const struct service_answer rows[] = {
				{.status = 401,
					.body = refusals[i],
					.clock_ms = offs[o]},
				{.status = 200, .body = "good", .clock_ms = offs[o]},
				{.status = 200, .body = "good", .clock_ms = offs[o]},
				{.status = 200, .body = "good"},
				{.status = 200, .body = "good"},
			};
			size_t at = rig.service->seen_count;
			struct sent s;

			service_script(rig.service, rows, COUNT_OF(rows));
			run(&s);
			ck_assert_int_eq(s.status, 200);
			ck_assert_uint_eq(s.sends, 2);
			ck_assert_uint_eq(rig.service->seen_count, at + 2);
			ck_assert(is_dated(at, 0));
			ck_assert(is_dated(at + 1, offs[o]));
			ck_assert_int_ge(llabs(sender_offset_ms(sender)),
				19 * MINUTE_MS);
			run(&s);
			ck_assert(is_dated(at + 2, offs[o]));
			/* Somebody has set our clock right. */
			run(&s);
			ck_assert_int_eq(sender_offset_ms(sender), 0);
			run(&s);
			ck_assert(is_dated(at + 4, 0));
		}
	}
}
END_TEST

START_TEST(test_small_offsets_are_not_ours)
{
	struct sent s;

	SCRIPT({.status = 200, .clock_ms = 4 * MINUTE_MS});
	run(&s);
	ck_assert_int_eq(sender_offset_ms(sender), 0);
	run(&s);
	ck_assert(is_dated(1, 0));
}
END_TEST

/* Every answer's date counts, not only that of a refusal. */
START_TEST(test_clock_is_learnt_from_success)
{
	struct sent s;

	SCRIPT({.status = 200, .clock_ms = 10 * MINUTE_MS});
	run(&s);
	run(&s);
	ck_assert(is_dated(1, 10 * MINUTE_MS));
	ck_assert_uint_eq(rig.service->seen_count, 2);
}
END_TEST

START_TEST(test_refused_for_good)
{
	for (size_t i = 0; i < COUNT_OF(refusals); i++) {
		const struct service_answer row = {.status = 403, .body = refusals[i]};
		struct sent s;

		service_script(rig.service, &row, 1);
		run(&s);
		ck_assert_int_eq(s.status, 403);
		ck_assert_str_eq(s.text, refusals[i]);
		ck_assert_uint_eq(s.sends, 1);
	}
}
END_TEST

/* What is no refusal of a signature is not asked twice. */
START_TEST(test_other_answers_are_final)
{
	static const struct service_answer rows[] = {
		{.status = 403, .body = ERROR("UnauthorizedOperation")},
		{.status = 500, .body = ERROR("InternalError")},
		{.status = 503, .body = ERROR("RequestLimitExceeded")},
		{.status = 400, .body = "<html/>"},
		{.status = 200, .body = ERROR("AuthFailure")},
		{.way = SERVICE_DROP},
		{.status = 401, .body = ERROR("AuthFailure"), .way = SERVICE_CUT},
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		size_t at = rig.service->seen_count;
		struct sent s;

		service_script(rig.service, &rows[i], 1);
		run(&s);
		ck_assert_msg(rig.service->seen_count == at + 1, "row %zu", i);
	}
}
END_TEST

static void
rotate(void *arg)
{
	write_keys(arg);
	rig.service->on_request = NULL;
}

START_TEST(test_keys_are_read_again)
{
	struct sent s;

	SCRIPT({.status = 401, .body = ERROR("AuthFailure")},
		{.status = 200, .body = "good"});
	rig.service->on_request = rotate;
	rig.service->arg = (char[]){FILE_OF("NEW")};
	run(&s);
	ck_assert_int_eq(s.status, 200);
	ck_assert_uint_eq(s.sends, 2);
	ck_assert(is_signed_with(0, "OLD"));
	ck_assert_str_eq(rig.service->seen[0].token, "token-OLD");
	ck_assert(is_signed_with(1, "NEW"));
	ck_assert_str_eq(rig.service->seen[1].token, "token-NEW");
	ck_assert_ptr_nonnull(strstr(rig.service->seen[1].authorization,
		"SignedHeaders=content-type;host;x-amz-date;x-amz-security-token, "));
}
END_TEST

/* Once for the keys, also when they have not changed; then it is final. */
START_TEST(test_keys_that_stay_wrong)
{
	struct sent s;

	SCRIPT({.status = 401, .body = ERROR("AuthFailure")});
	run(&s);
	ck_assert_int_eq(s.status, 401);
	ck_assert_uint_eq(s.sends, 2);
}
END_TEST

/* Both remedies, each once. */
START_TEST(test_clock_then_keys)
{
	struct sent s;

	SCRIPT({.status = 401,
		       .body = ERROR("RequestExpired"),
		       .clock_ms = 20 * MINUTE_MS},
		{.status = 401,
			.body = ERROR("RequestExpired"),
			.clock_ms = 20 * MINUTE_MS});
	run(&s);
	ck_assert_int_eq(s.status, 401);
	ck_assert_uint_eq(s.sends, 3);
	ck_assert(is_dated(2, 20 * MINUTE_MS));
}
END_TEST

/* Many are refused at once: the file is read once, and all of them take what it has now. */
START_TEST(test_many_are_refused_at_once)
{
	static const struct service_answer no = {.status = 401,
		.body = ERROR("AuthFailure")};
	struct sent sent[10] = {0};

	SCRIPT({.way = SERVICE_HOLD}, {.way = SERVICE_HOLD}, {.way = SERVICE_HOLD},
		{.way = SERVICE_HOLD}, {.way = SERVICE_HOLD}, {.way = SERVICE_HOLD},
		{.way = SERVICE_HOLD}, {.way = SERVICE_HOLD}, {.way = SERVICE_HOLD},
		{.way = SERVICE_HOLD}, {.status = 200, .body = "good"});
	for (size_t i = 0; i < COUNT_OF(sent); i++)
		start(&sent[i]);
	rig_wait_for_held(COUNT_OF(sent));
	write_keys(FILE_OF("NEW"));
	for (size_t i = 0; i + 1 < COUNT_OF(sent); i++)
		service_release(rig.service, i, &no);
	for (size_t i = 0; i + 1 < COUNT_OF(sent); i++)
		wait_for(&sent[i]);
	/* The last one hears of it when the file is gone already. */
	unlink(path);
	service_release(rig.service, COUNT_OF(sent) - 1, &no);
	wait_for(&sent[COUNT_OF(sent) - 1]);
	for (size_t i = 0; i < COUNT_OF(sent); i++)
		ck_assert_int_eq(sent[i].status, 200);
	for (size_t i = COUNT_OF(sent); i < rig.service->seen_count; i++)
		ck_assert(is_signed_with(i, "NEW"));
	ck_assert_uint_eq(rig.service->seen_count, 2 * COUNT_OF(sent));
}
END_TEST

START_TEST(test_without_keys_nothing_leaves)
{
	struct sent s;

	SCRIPT({.status = 200});
	write_keys("[other]\n");
	run(&s);
	ck_assert_int_eq(s.status, -1);
	ck_assert_ptr_nonnull(strstr(s.text, "no credentials"));
	ck_assert_uint_eq(s.sends, 0);
	ck_assert_uint_eq(rig.service->seen_count, 0);
	/* And with the next there may be some. */
	write_keys(FILE_OF("NEW"));
	run(&s);
	ck_assert_int_eq(s.status, 200);
}
END_TEST

/* Waiting for keys, in flight, about to be sent again: wherever it is, it is over. */
START_TEST(test_cancel_at_any_turn)
{
	SCRIPT({.status = 401,
		       .body = ERROR("AuthFailure"),
		       .clock_ms = 20 * MINUTE_MS},
		{.status = 401,
			.body = ERROR("AuthFailure"),
			.clock_ms = -20 * MINUTE_MS});
	sender_cancel(NULL);
	for (int turns = 0; turns < 40; turns++) {
		struct sent s = {0};
		struct sender_call *call = start(&s);

		for (int i = 0; i < turns && s.count == 0; i++)
			loop_turn(rig.loop, false);
		if (s.count > 0)
			continue;
		sender_cancel(call);
		rig_linger(2);
		ck_assert_uint_eq(s.count, 0);
	}
}
END_TEST

START_TEST(test_free_in_the_callback)
{
	struct sent s = {.free_sender = true}, other = {0};

	SCRIPT({.status = 200});
	start(&s);
	start(&other);
	wait_for(&s);
	rig_linger(10);
	ck_assert_uint_eq(s.count + other.count, 1);
}
END_TEST

Suite *
test_suite(void)
{
	Suite *suite = suite_create("sender");
	TCase *file = tcase_create("file"), *fixed = tcase_create("fixed");

	tcase_add_checked_fixture(file, setup_file, teardown);
	tcase_add_checked_fixture(fixed, setup_fixed, teardown);
	tcase_set_timeout(file, 20);
	tcase_set_timeout(fixed, 20);
	tcase_add_test(file, test_clock_is_learnt);
	tcase_add_test(file, test_keys_are_read_again);
	tcase_add_test(file, test_keys_that_stay_wrong);
	tcase_add_test(file, test_clock_then_keys);
	tcase_add_test(file, test_many_are_refused_at_once);
	tcase_add_test(file, test_without_keys_nothing_leaves);
	tcase_add_test(file, test_cancel_at_any_turn);
	tcase_add_test(file, test_free_in_the_callback);
	tcase_add_test(fixed, test_small_offsets_are_not_ours);
	tcase_add_test(fixed, test_clock_is_learnt_from_success);
	tcase_add_test(fixed, test_refused_for_good);
	tcase_add_test(fixed, test_other_answers_are_final);
	suite_add_tcase(suite, file);
	suite_add_tcase(suite, fixed);
	return suite;
}
