/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the simulator's metadata service knows of a host and of an instance: each path, the
 * directories made of them, and what is not there. The protocol is tested in
 * integration/test_ec2sim_imds.py.
 */
#include "unit.h"

#include "base/buf.h"
#include "base/mem.h"
#include "sim/cloud.h"
#include "sim/keys.h"
#include "sim/metadata.h"
#include "sim_call.h"

#include <stdio.h>
#include <string.h>

#define WALL_MS INT64_C(1800000000000) /* 2027-01-15T08:00:00Z */
#define ROLES "meta-data/iam/security-credentials"

static char role[] = "master";
static char own_id[] = "i-00000001";
static char own_type[] = "c7g.large";
static char own_zone[] = "eu-west-1b";
static char own_image[] = "ami-1";
static char key[] = "Name", value[] = "the master";
static char *keys[] = {key}, *values[] = {value};

static const struct sim_host host = {
	.role = role,
	.instance = own_id,
	.type = own_type,
	.zone = own_zone,
	.image = own_image,
	.lifetime = 3600000,
	.rotate = true,
	.status = FIELD_NULL,
	.tags = {keys, values, 1},
};

static const struct sim_key *
credentials(void *arg, int64_t *ret_since_ms)
{
	*ret_since_ms = WALL_MS;
	return arg;
}

/* What is at a path; NULL if nothing is. Borrowed until the next. */
static const char *
get(const struct sim_subject *s, const char *path)
{
	static char text[8192];
	AUTO(buf) struct buf out = {0};

	if (sim_metadata_get(s, path, &out) == NULL) {
		ck_assert_msg(out.len == 0, "%s: %s", path, buf_str(&out));
		return NULL;
	}
	(void)snprintf(text, sizeof(text), "%s", buf_str(&out));
	return text;
}

static const struct {
	int line;
	const char *path;
	const char *text; /* NULL: not there */
} of_host[] = {
	{__LINE__, "meta-data/instance-id", "i-00000001"},
	{__LINE__, "meta-data/instance-id/", "i-00000001"},
	{__LINE__, "meta-data/instance-type", "c7g.large"},
	{__LINE__, "meta-data/ami-id", "ami-1"},
	{__LINE__, "meta-data/ami-launch-index", "0"},
	{__LINE__, "meta-data/instance-life-cycle", "on-demand"},
	{__LINE__, "meta-data/placement/availability-zone", "eu-west-1b"},
	{__LINE__, "meta-data/placement/region", "eu-west-1"},
	{__LINE__, "meta-data/placement/", "availability-zone\nregion"},
	{__LINE__, "meta-data/placement", "availability-zone\nregion"},
	{__LINE__, "meta-data/services/domain", "amazonaws.com"},
	{__LINE__, "meta-data/services/partition", "aws"},
	{__LINE__, "meta-data/local-ipv4", "10.255.255.254"},
	{__LINE__, "meta-data/tags/", "instance/"},
	{__LINE__, "meta-data/tags/instance", "Name"},
	{__LINE__, "meta-data/tags/instance/Name", "the master"},
	{__LINE__, "meta-data/tags/instance/name", NULL},
	{__LINE__, ROLES, "master"},
	{__LINE__, ROLES "/", "master"},
	{__LINE__, ROLES "/other", NULL},
	{__LINE__, ROLES "s", NULL},
	{__LINE__, "meta-data/iam/", "info\nsecurity-credentials/"},
	{__LINE__, "", "dynamic/\nmeta-data/"},
	{__LINE__, "dynamic", "instance-identity/"},
	{__LINE__, "dynamic/instance-identity/", "document"},
	{__LINE__, "user-data", NULL},
	{__LINE__, "meta-data/public-ipv4", NULL},
	{__LINE__, "meta-data/public-hostname", NULL},
	{__LINE__, "meta-data/reservation-id", NULL},
	{__LINE__, "meta-data/spot/instance-action", NULL},
	{__LINE__, "meta-data/spot/termination-time", NULL},
	{__LINE__, "meta-data/spot/", NULL},
	{__LINE__, "meta-data/instance", NULL},
	{__LINE__, "meta-data/instance-id/more", NULL},
	{__LINE__, "meta-data//instance-id", NULL},
	{__LINE__, "metadata", NULL},
};

START_TEST(paths_of_the_host)
{
	const struct sim_subject s = {.host = &host, .wall_ms = WALL_MS};
	const char *text = get(&s, of_host[_i].path);

	ck_assert_msg(str_equal(text, of_host[_i].text), "line %d: %s",
		of_host[_i].line, text != NULL ? text : "nothing");
}
END_TEST

START_TEST(host_without)
{
	const struct sim_host bare = {.instance = own_id,
		.type = own_type,
		.zone = own_zone,
		.image = own_image};
	const struct sim_subject s = {.host = &bare, .wall_ms = WALL_MS};

	ck_assert_ptr_null(get(&s, ROLES));
	ck_assert_ptr_null(get(&s, "meta-data/iam/"));
	ck_assert_ptr_null(get(&s, "meta-data/iam/info"));
	ck_assert_ptr_null(get(&s, "meta-data/tags/"));
	ck_assert_ptr_null(strstr(get(&s, "meta-data/"), "iam/"));
	ck_assert_ptr_null(sim_subject_role(&s));
	ck_assert(sim_subject_needs_token(&s));
}
END_TEST

START_TEST(documents)
{
	struct sim_keys *issuer = sim_keys_new();
	const struct sim_key *k = sim_keys_issue(issuer, "arn", WALL_MS + 3600000);
	const struct sim_subject s = {.host = &host,
		.wall_ms = WALL_MS,
		.credentials = credentials,
		.arg = (void *)(uintptr_t)k};
	const char *text = get(&s, ROLES "/master");

	ck_assert_ptr_nonnull(strstr(text, "\"Code\": \"Success\""));
	ck_assert_ptr_nonnull(strstr(text, "\"Type\": \"AWS-HMAC\""));
	ck_assert_ptr_nonnull(strstr(text, k->id));
	ck_assert_ptr_nonnull(
		strstr(text, "\"LastUpdated\": \"2027-01-15T08:00:00Z\""));
	ck_assert_ptr_nonnull(strstr(text, "\"Expiration\": \"2027-01-15T09:00:00Z\""));
	text = get(&s, "dynamic/instance-identity/document");
	ck_assert_ptr_nonnull(strstr(text, "\"architecture\": \"arm64\""));
	ck_assert_ptr_nonnull(strstr(text, "\"region\": \"eu-west-1\""));
	ck_assert_ptr_nonnull(strstr(text, "\"instanceId\": \"i-00000001\""));
	text = get(&s, "meta-data/iam/info");
	ck_assert_ptr_nonnull(strstr(text, ":instance-profile/master\""));
	sim_keys_free(issuer);
}
END_TEST

#define RUN                                                                            \
	"Placement.AvailabilityZone=us-east-1b&InstanceType=m5.large&"                 \
	"UserData=IyEvYmluL3NoCg%3D%3D&TagSpecification.1.ResourceType=instance&"      \
	"TagSpecification.1.Tag.1.Key=a%3Ab&TagSpecification.1.Tag.1.Value=c&"         \
	"InstanceMarketOptions.MarketType=spot&IamInstanceProfile.Name=builder&"       \
	"MetadataOptions.HttpTokens=required"

START_TEST(instance)
{
	struct ec2 *e = ec2_new();
	const char *id = ec2_run(e,
		RUN "&MetadataOptions.InstanceMetadataTags=enabled");
	struct sim_subject s = {.host = &host, .wall_ms = WALL_MS};

	s.instance = sim_cloud_find_anywhere(e->cloud, id);
	ck_assert_str_eq(get(&s, "meta-data/instance-id"), id);
	ck_assert_str_eq(get(&s, "meta-data/placement/region"), "us-east-1");
	ck_assert_str_eq(get(&s, "meta-data/instance-life-cycle"), "spot");
	ck_assert_str_eq(get(&s, "meta-data/reservation-id"), s.instance->launch->id);
	ck_assert_str_eq(get(&s, "meta-data/local-ipv4"), "10.0.0.1");
	ck_assert_str_eq(get(&s, "meta-data/hostname"), "ip-10-0-0-1.ec2.internal");
	ck_assert_str_eq(get(&s, "meta-data/tags/instance/a:b"), "c");
	ck_assert_str_eq(get(&s, "user-data"), "#!/bin/sh\n");
	ck_assert_str_eq(get(&s, ""), "dynamic/\nmeta-data/\nuser-data");
	ck_assert_str_eq(get(&s, ROLES), "builder");
	ck_assert(sim_subject_needs_token(&s));
	ck_assert_ptr_null(get(&s, "meta-data/public-ipv4"));
	ec2_advance(e, 2000);
	ck_assert_str_eq(get(&s, "meta-data/public-ipv4"), "198.18.0.1");
	ck_assert_str_eq(get(&s, "meta-data/public-hostname"),
		"ec2-198-18-0-1.compute-1.amazonaws.com");
	ec2_free(e);
}
END_TEST

/* What the launch has not asked for is not shown. */
START_TEST(instance_without)
{
	struct ec2 *e = ec2_new();
	const char *id = ec2_run(e,
		"TagSpecification.1.ResourceType=instance&TagSpecification.1.Tag.1.Key=a");
	struct sim_subject s = {.host = &host, .wall_ms = WALL_MS};

	s.instance = sim_cloud_find_anywhere(e->cloud, id);
	ck_assert_ptr_null(get(&s, "meta-data/tags/instance/a"));
	ck_assert_ptr_null(get(&s, "meta-data/tags/"));
	ck_assert_ptr_null(get(&s, ROLES));
	ck_assert_ptr_null(get(&s, "user-data"));
	ck_assert_str_eq(get(&s, "meta-data/instance-life-cycle"), "on-demand");
	ck_assert(!sim_subject_needs_token(&s));
	ec2_free(e);
}
END_TEST

Suite *
test_suite(void)
{
	Suite *s = suite_create("sim_metadata");
	TCase *all = tcase_create("all");

	tcase_add_loop_test(all, paths_of_the_host, 0, COUNT_OF(of_host));
	tcase_add_test(all, host_without);
	tcase_add_test(all, documents);
	tcase_add_test(all, instance);
	tcase_add_test(all, instance_without);
	suite_add_tcase(s, all);
	return s;
}
