/* SPDX-License-Identifier: Apache-2.0 */
/* What the client asks about volumes and spot requests, byte for byte, and what it gives. */
#include "base/err.h"
#include "base/mem.h"
#include "ec2/lookup.h"
#include "ec2/verdict.h"
#include "ec2_rig.h"
#include "ec2_service.h"
#include "unit.h"

#include <string.h>

#define VOLUME "vol-12345678"
#define REQUEST "sir-12345678"
#define VOLUMES(text)                                                                  \
	"<DescribeVolumesResponse><volumeSet>" text                                    \
	"</volumeSet></DescribeVolumesResponse>"
#define REQUESTS(text)                                                                 \
	"<DescribeSpotInstanceRequestsResponse><spotInstanceRequestSet>" text          \
	"</spotInstanceRequestSet></DescribeSpotInstanceRequestsResponse>"

static void
on_leftovers(void *arg, const struct ec2_answer *answer, struct ec2_leftovers *list)
{
	struct result *r = arg;

	if (answer->verdict != VERDICT_DONE)
		ck_assert_uint_eq(list->count, 0);
	r->at = (int64_t)list->count;
	r->answer = *answer;
	r->count++;
}

static void
on_plain(void *arg, const struct ec2_answer *answer)
{
	struct result *r = arg;

	r->answer = *answer;
	r->count++;
}

static void
list_volumes(struct result *r)
{
	ec2_list_leftovers(rig.client, EC2_LEFTOVER_VOLUME, "ci", on_leftovers, r);
}

static void
list_requests(struct result *r)
{
	ec2_list_leftovers(rig.client, EC2_LEFTOVER_REQUEST, "ci", on_leftovers, r);
}

static void
look_at_volume(struct result *r)
{
	ec2_look_at_leftover(rig.client, EC2_LEFTOVER_VOLUME, VOLUME, on_leftovers, r);
}

static void
look_at_request(struct result *r)
{
	ec2_look_at_leftover(rig.client, EC2_LEFTOVER_REQUEST, REQUEST, on_leftovers,
		r);
}

static void
delete_volume(struct result *r)
{
	ec2_end_leftover(rig.client, EC2_LEFTOVER_VOLUME, VOLUME, on_plain, r);
}

static void
cancel_request(struct result *r)
{
	ec2_end_leftover(rig.client, EC2_LEFTOVER_REQUEST, REQUEST, on_plain, r);
}

static const struct {
	int line;
	void (*ask)(struct result *r);
	const char *body, *good; /* what is sent, and a good answer */
	int64_t found;
} asked[] = {
	{__LINE__, list_volumes,
		"Action=DescribeVolumes&Version=2016-11-15"
		"&Filter.1.Name=tag%3Aec2workerd%3Apool&Filter.1.Value.1=ci"
		"&Filter.2.Name=status&Filter.2.Value.1=available&MaxResults=1000",
		VOLUMES("<item><volumeId>" VOLUME
			"</volumeId><status>available</status></item>"),
		1},
	{__LINE__, list_requests,
		"Action=DescribeSpotInstanceRequests&Version=2016-11-15"
		"&Filter.1.Name=tag%3Aec2workerd%3Apool&Filter.1.Value.1=ci"
		"&Filter.2.Name=state&Filter.2.Value.1=open&Filter.2.Value.2=active"
		"&Filter.2.Value.3=cancelled&MaxResults=1000",
		REQUESTS(""), 0},
	{__LINE__, look_at_volume,
		"Action=DescribeVolumes&Version=2016-11-15&VolumeId.1=" VOLUME,
		VOLUMES(""), 0},
	{__LINE__, look_at_request,
		"Action=DescribeSpotInstanceRequests&Version=2016-11-15"
		"&SpotInstanceRequestId.1=" REQUEST,
		REQUESTS("<item><state>open</state><spotInstanceRequestId>" REQUEST
			 "</spotInstanceRequestId></item>"),
		1},
	{__LINE__, delete_volume,
		"Action=DeleteVolume&Version=2016-11-15&VolumeId=" VOLUME,
		"<DeleteVolumeResponse><return>true</return></DeleteVolumeResponse>",
		0},
	{__LINE__, cancel_request,
		"Action=CancelSpotInstanceRequests&Version=2016-11-15"
		"&SpotInstanceRequestId.1=" REQUEST,
		"<CancelSpotInstanceRequestsResponse><spotInstanceRequestSet><item>"
		"<spotInstanceRequestId>" REQUEST "</spotInstanceRequestId><state>"
		"cancelled</state></item></spotInstanceRequestSet>"
		"</CancelSpotInstanceRequestsResponse>",
		0},
};

START_TEST(test_good)
{
	struct service_answer answer = SAYS(200, asked[_i].good);
	struct result r = {0};

	service_script(rig.service, &answer, 1);
	asked[_i].ask(&r);
	result_wait(&r);
	ck_assert_msg(strcmp(rig.service->seen[0].body, asked[_i].body) == 0,
		"line %d: %s", asked[_i].line, rig.service->seen[0].body);
	ck_assert_msg(r.answer.verdict == VERDICT_DONE, "line %d: %s", asked[_i].line,
		r.answer.err.text);
	ck_assert_int_eq(r.at, asked[_i].found);
	result_fini(&r);
}
END_TEST

/* Of another thing, no XML at all, or a refusal: nothing is given. */
static const struct {
	int status;
	const char *body;
	enum verdict verdict;
} bad[] = {
	{200, "<html/>", VERDICT_REPEAT},
	{200, "", VERDICT_REPEAT},
	{503, ERROR("RequestLimitExceeded"), VERDICT_LATER},
	{403, ERROR("UnauthorizedOperation"), VERDICT_REFUSED},
	{400, ERROR("InvalidVolume.NotFound"), VERDICT_REFUSED},
	{400, ERROR("VolumeInUse"), VERDICT_REPEAT},
};

START_TEST(test_bad)
{
	for (size_t n = 0; n < COUNT_OF(asked); n++) {
		struct service_answer answer = SAYS(bad[_i].status, bad[_i].body);
		struct result r = {0};

		service_script(rig.service, &answer, 1);
		asked[n].ask(&r);
		result_wait(&r);
		ck_assert_msg(r.answer.verdict == (int)bad[_i].verdict,
			"line %d, case %d: %d", asked[n].line, _i, r.answer.verdict);
		result_fini(&r);
	}
}
END_TEST

Suite *
test_suite(void)
{
	Suite *s = suite_create("ec2_leftover");
	TCase *t = tcase_create("ec2_leftover");

	tcase_add_checked_fixture(t, rig_setup, rig_teardown);
	tcase_add_loop_test(t, test_good, 0, COUNT_OF(asked));
	tcase_add_loop_test(t, test_bad, 0, COUNT_OF(bad));
	suite_add_tcase(s, t);
	return s;
}
