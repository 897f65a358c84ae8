/* SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "conf/conf.h"
#include "core/cloud.h"
#include "core/cloud_ec2.h"
#include "ec2/verdict.h"
#include "ec2_rig.h"
#include "ec2_service.h"
#include "sys/loop.h"
#include "unit.h"

#include <stdlib.h>
#include <string.h>

static struct cloud_ec2 *clouds;
static const struct cloud_maker *maker;

static void
setup(void)
{
	static const char *const names[] = {"AWS_ACCESS_KEY_ID", "AWS_PROFILE",
		"AWS_DEFAULT_PROFILE", "AWS_REGION", "AWS_DEFAULT_REGION",
		"AWS_SHARED_CREDENTIALS_FILE", "AWS_CONFIG_FILE"};

	for (size_t i = 0; i < COUNT_OF(names); i++)
		unsetenv(names[i]);
	setenv("HOME", "/nonexistent", 1);
	rig_setup();
	clouds = cloud_ec2_new(rig.loop, rig.http);
	maker = cloud_ec2_maker(clouds);
}

static void
teardown(void)
{
	cloud_ec2_free(clouds);
	rig_teardown();
}

static struct cloud *
make(const struct conf *conf, const struct conf_worker *worker, const char *region)
{
	return maker->make(maker->self, conf, worker, region);
}

static char text_id[] = "AKIAPOOL", text_secret[] = "secret-pool",
	    text_other[] = "secret-two", text_worker[] = "AKIAWORKER",
	    text_region[] = "eu-west-1", text_far[] = "us-west-2",
	    text_url[] = "http://127.0.0.1:9", text_ca[] = "/etc/ca.pem",
	    text_profile[] = "ci", text_pool[] = "p", text_session[] = "ses",
	    text_role[] = "arn:aws:iam::123456789012:role/r";

/* What a configuration makes of key, region and credentials. */
START_TEST(test_keys)
{
	static const struct {
		struct conf conf;
		struct conf_worker worker;
		const char *region;
		const char *key, *effective, *credentials;
		int line;
	} cases[] = {
		{{0}, {0}, NULL,
			"https://ec2.us-east-1.amazonaws.com us-east-1 profile:default",
			"us-east-1", "profile:default", __LINE__},
		{{.aws = {.region = text_region, .profile = text_profile}}, {0}, NULL,
			"https://ec2.eu-west-1.amazonaws.com eu-west-1 profile:ci",
			"eu-west-1", "profile:ci", __LINE__},
		{{.aws = {.region = text_region}}, {.region = text_far}, NULL,
			"https://ec2.us-west-2.amazonaws.com us-west-2 profile:default",
			"us-west-2", "profile:default", __LINE__},
		{{.aws = {.region = text_region}}, {.region = text_far}, "ap-south-1",
			"https://ec2.ap-south-1.amazonaws.com ap-south-1 profile:default",
			"ap-south-1", "profile:default", __LINE__},
		{{.aws = {.identifier = text_id,
			  .secret_identifier = {text_secret},
			  .endpoint_url = text_url}},
			{0}, NULL, "http://127.0.0.1:9 us-east-1 keys:AKIAPOOL",
			"us-east-1", "keys:AKIAPOOL", __LINE__},
		{{.aws = {.identifier = text_id, .secret_identifier = {text_secret}}},
			{.identifier = text_worker, .secret_identifier = {text_other}},
			NULL,
			"https://ec2.us-east-1.amazonaws.com us-east-1 keys:AKIAWORKER",
			"us-east-1", "keys:AKIAWORKER", __LINE__},
		{{.pool = text_pool,
			 .aws = {.identifier = text_id,
				 .secret_identifier = {text_secret},
				 .role_arn = text_role}},
			{0}, NULL,
			"https://ec2.us-east-1.amazonaws.com us-east-1 "
			"role:arn:aws:iam::123456789012:role/r",
			"us-east-1", "role:arn:aws:iam::123456789012:role/r", __LINE__},
		{{.aws = {.role_arn = text_role}},
			{.identifier = text_worker, .secret_identifier = {text_other}},
			NULL,
			"https://ec2.us-east-1.amazonaws.com us-east-1 keys:AKIAWORKER",
			"us-east-1", "keys:AKIAWORKER", __LINE__},
		{{.aws = {.ca_file = text_ca, .endpoint_url = text_url}}, {0}, NULL,
			"http://127.0.0.1:9 us-east-1 profile:default ca:/etc/ca.pem",
			"us-east-1", "profile:default", __LINE__},
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct cloud *c = make(&cases[i].conf, &cases[i].worker,
			cases[i].region);

		ck_assert_msg(strcmp(c->key, cases[i].key) == 0 &&
				strcmp(c->region, cases[i].effective) == 0 &&
				strcmp(c->credentials, cases[i].credentials) == 0,
			"line %d: %s, %s, %s", cases[i].line, c->key, c->region,
			c->credentials);
		ck_assert_ptr_null(strstr(c->key, "secret"));
		cloud_free(c);
	}
}
END_TEST

START_TEST(test_default_region_of_the_environment)
{
	static const struct conf conf;
	struct cloud *c;

	setenv("AWS_REGION", "sa-east-1", 1);
	c = make(&conf, NULL, NULL);
	ck_assert_str_eq(c->region, "sa-east-1");
	cloud_free(c);
	cloud_free(NULL);
}
END_TEST

/* A changed secret behind the same name is another cloud while the old one lives. */
START_TEST(test_changed_secret)
{
	const struct conf old = {
		.aws = {.identifier = text_id, .secret_identifier = {text_secret}}};
	const struct conf fresh = {
		.aws = {.identifier = text_id, .secret_identifier = {text_other}}};
	struct cloud *a = make(&old, NULL, NULL), *same = make(&old, NULL, NULL);
	struct cloud *b = make(&fresh, NULL, NULL), *again = make(&fresh, NULL, NULL);
	struct cloud *third;

	ck_assert_str_eq(a->key, same->key);
	ck_assert_str_ne(a->key, b->key);
	ck_assert_str_eq(b->key, again->key);
	ck_assert_str_eq(a->credentials, b->credentials);
	cloud_free(a);
	cloud_free(same);
	/* The old set is gone, the new one keeps its name. */
	third = make(&fresh, NULL, NULL);
	ck_assert_str_eq(third->key, b->key);
	cloud_free(b);
	cloud_free(again);
	cloud_free(third);
	a = make(&fresh, NULL, NULL);
	ck_assert_str_eq(a->key,
		"https://ec2.us-east-1.amazonaws.com us-east-1 keys:AKIAPOOL");
	cloud_free(a);
}
END_TEST

/* Where roles are assumed is nothing to those who have keys. */
START_TEST(test_changed_sources)
{
	static const struct {
		struct conf old, fresh;
		bool same;
		int line;
	} cases[] = {
		{{.aws = {.identifier = text_id, .secret_identifier = {text_secret}}},
			{.aws = {.identifier = text_id,
				 .secret_identifier = {text_secret},
				 .sts_endpoint_url = text_url,
				 .imds_endpoint_url = text_url,
				 .role_session_name = text_session}},
			true, __LINE__},
		{{.aws = {.role_arn = text_role}},
			{.aws = {.role_arn = text_role, .sts_endpoint_url = text_url}},
			false, __LINE__},
		{{.aws = {.role_arn = text_role}},
			{.aws = {.role_arn = text_role, .external_id = text_session}},
			false, __LINE__},
		{{.aws = {.role_arn = text_role}},
			{.aws = {.role_arn = text_role,
				 .role_session_name = text_session}},
			false, __LINE__},
		{{.aws = {.profile = text_profile}},
			{.aws = {.profile = text_profile,
				 .imds_endpoint_url = text_url}},
			false, __LINE__},
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct conf old = cases[i].old, fresh = cases[i].fresh;
		struct cloud *a, *b;

		old.pool = fresh.pool = text_pool;
		a = make(&old, NULL, NULL);
		b = make(&fresh, NULL, NULL);
		ck_assert_msg((strcmp(a->key, b->key) == 0) == cases[i].same,
			"line %d: %s, %s", cases[i].line, a->key, b->key);
		ck_assert_str_eq(a->credentials, b->credentials);
		cloud_free(a);
		cloud_free(b);
	}
}
END_TEST

static void
list(struct cloud *c, struct result *r)
{
	*r = (struct result){0};
	c->ops->list(c->self, "p", on_instances, r);
	result_wait(r);
}

/* A role whose keys end soon, at an STS that answers once: EC2 goes on being asked. */
START_TEST(test_trouble_of_a_set)
{
	static const char sts[] =
		"<AssumeRoleResponse><AssumeRoleResult><Credentials>"
		"<AccessKeyId>ASIA</AccessKeyId><SecretAccessKey>s</SecretAccessKey>"
		"<SessionToken>t</SessionToken><Expiration>%s</Expiration>"
		"</Credentials></AssumeRoleResult></AssumeRoleResponse>";
	AUTO(free) char *url = service_url(rig.service), *body = NULL;
	char until[CLOCK_TEXT_SIZE];
	const struct conf conf = {.pool = text_pool,
		.aws = {.identifier = text_id,
			.secret_identifier = {text_secret},
			.role_arn = text_role,
			.endpoint_url = url,
			.sts_endpoint_url = url}};
	struct service_answer rows[] = {
		{.status = 200},
		SAYS(200, PAGE("", "")),
		SAYS(403, ERROR("AccessDenied")),
		SAYS(200, PAGE("", "")),
	};
	struct cloud *c = make(&conf, NULL, NULL);
	struct cloud_trouble trouble;
	struct result r;

	body = xasprintf(sts, clock_format(clock_wall_ms() + 2000, until));
	rows[0].body = body;
	service_script(rig.service, rows, COUNT_OF(rows));
	list(c, &r);
	ck_assert_int_eq(r.answer.verdict, VERDICT_DONE);
	ck_assert(!cloud_trouble(c, &trouble));
	result_fini(&r);
	rig_linger(1800);
	list(c, &r);
	ck_assert_int_eq(r.answer.verdict, VERDICT_DONE);
	ck_assert(cloud_trouble(c, &trouble));
	ck_assert_ptr_nonnull(strstr(trouble.text, "AccessDenied"));
	ck_assert_int_gt(trouble.since_wall, 0);
	ck_assert(service_has(rig.service, 0, "RoleSessionName=ec2workerd-p"));
	ck_assert_uint_eq(service_count(rig.service, "Action=AssumeRole"), 2);
	result_fini(&r);
	cloud_free(c);
}
END_TEST

#define PARAMS                                                                         \
	"Action=RunInstances", "Filter.1.Name=tag%3Aec2workerd%3Apool",                \
		"Filter.1.Name=client-token", "Action=DescribeInstances",              \
		"Action=TerminateInstances", "Action=GetConsoleOutput",                \
		"Action=DescribeImages", "Action=DescribeSpotPriceHistory",            \
		"Action=DescribeSubnets", "Action=DescribeVolumes",                    \
		"Action=DescribeAddresses", "Action=AssociateAddress",                 \
		"Action=AttachVolume", "Action=DescribeKeyPairs",                      \
		"Action=DescribeSecurityGroups", "Action=DescribeInstanceTypes",       \
		"Action=DescribeInstanceTypeOfferings",                                \
		"Action=DescribeAvailabilityZones", "Action=RunInstances",             \
		"Action=TerminateInstances", "{\"Name\":\"/ci/image\"}"

struct granted {
	struct cloud *cloud;
	struct ec2_slot *slot;
	struct result result;
};

static void
on_granted(void *arg)
{
	struct granted *g = arg;

	g->cloud->ops->run(g->cloud->self, g->slot, "Action=RunInstances", 19,
		on_instances, &g->result);
}

static void
note(void *arg, const struct ec2_answer *answer)
{
	struct result *r = arg;

	r->answer = *answer;
	r->count++;
}

static void
on_images(void *arg, const struct ec2_answer *answer, struct ec2_images *list)
{
	(void)list;
	note(arg, answer);
}

static void
on_prices(void *arg, const struct ec2_answer *answer, struct ec2_prices *list)
{
	(void)list;
	note(arg, answer);
}

static void
on_subnets(void *arg, const struct ec2_answer *answer, struct ec2_subnets *list)
{
	(void)list;
	note(arg, answer);
}

static void
on_volumes(void *arg, const struct ec2_answer *answer, struct ec2_volumes *list)
{
	(void)list;
	note(arg, answer);
}

static void
on_addresses(void *arg, const struct ec2_answer *answer, struct ec2_addresses *list)
{
	(void)list;
	note(arg, answer);
}

/* The operations on what is not an instance. */
static void
ask_things(const struct cloud *c, struct result *results)
{
	static const struct ec2_price_query q = {"m5.large", NULL, "Linux/UNIX", 0};
	static const struct ec2_image_query images;
	static const struct strings none;

	c->ops->images(c->self, &images, on_images, &results[0]);
	result_wait(&results[0]);
	c->ops->prices(c->self, &q, on_prices, &results[1]);
	result_wait(&results[1]);
	c->ops->subnets(c->self, &none, on_subnets, &results[2]);
	result_wait(&results[2]);
	c->ops->volumes(c->self, &none, on_volumes, &results[3]);
	result_wait(&results[3]);
	c->ops->addresses(c->self, &none, on_addresses, &results[4]);
	result_wait(&results[4]);
	c->ops->associate(c->self, "eipalloc-12345678", ID, note, &results[5]);
	result_wait(&results[5]);
	c->ops->attach(c->self, "vol-12345678", ID, "/dev/sdh", note, &results[6]);
	result_wait(&results[6]);
}

static void
on_key_pairs(void *arg, const struct ec2_answer *answer, struct ec2_key_pairs *list)
{
	(void)list;
	note(arg, answer);
}

static void
on_groups(void *arg, const struct ec2_answer *answer, struct ec2_groups *list)
{
	(void)list;
	note(arg, answer);
}

static void
on_types(void *arg, const struct ec2_answer *answer, struct ec2_types *list)
{
	(void)list;
	note(arg, answer);
}

static void
on_offerings(void *arg, const struct ec2_answer *answer, struct ec2_offerings *list)
{
	(void)list;
	note(arg, answer);
}

static void
on_zones(void *arg, const struct ec2_answer *answer, struct ec2_zones *list)
{
	(void)list;
	note(arg, answer);
}

static void
on_parameter(void *arg, const struct ec2_answer *answer, const char *value)
{
	ck_assert_ptr_null(value);
	note(arg, answer);
}

/* What a region has, and what may be done in it. */
static void
ask_region(const struct cloud *c, struct result *results)
{
	static const struct strings none;

	c->ops->key_pairs(c->self, &none, on_key_pairs, &results[0]);
	result_wait(&results[0]);
	c->ops->groups(c->self, &none, NULL, on_groups, &results[1]);
	result_wait(&results[1]);
	c->ops->types(c->self, &none, on_types, &results[2]);
	result_wait(&results[2]);
	c->ops->offerings(c->self, &none, on_offerings, &results[3]);
	result_wait(&results[3]);
	c->ops->zones(c->self, on_zones, &results[4]);
	result_wait(&results[4]);
	c->ops->dry_run(c->self, "Action=RunInstances", 19, note, &results[5]);
	result_wait(&results[5]);
	c->ops->dry_terminate(c->self, ID, note, &results[6]);
	result_wait(&results[6]);
	c->ops->parameter(c->self, "/ci/image", on_parameter, &results[7]);
	result_wait(&results[7]);
}

/* Every operation reaches the service as what it is. */
START_TEST(test_operations)
{
	static const char *const params[] = {PARAMS};
	struct result results[21] = {0}, cancelled = {0};
	AUTO(free) char *url = service_url(rig.service);
	const struct conf conf = {.aws = {.identifier = text_id,
					  .secret_identifier = {text_secret},
					  .endpoint_url = url,
					  .ssm_endpoint_url = url}};
	struct cloud *c = make(&conf, NULL, NULL);
	struct granted g = {.cloud = c};
	struct ec2_slot *unused;

	SCRIPT({.status = 500, .body = ERROR("InternalError")});
	g.slot = c->ops->slot(c->self, on_granted, &g);
	result_wait(&g.result);
	result_fini(&g.result);
	unused = c->ops->slot(c->self, on_granted, &g);
	c->ops->slot_free(c->self, unused);
	c->ops->list(c->self, "p", on_instances, &results[1]);
	result_wait(&results[1]);
	c->ops->find_token(c->self, "t", on_instances, &results[2]);
	result_wait(&results[2]);
	c->ops->describe(c->self, ID, on_instances, &results[3]);
	result_wait(&results[3]);
	c->ops->terminate(c->self, ID, on_instances, &results[4]);
	result_wait(&results[4]);
	c->ops->console(c->self, ID, false, on_console, &results[5]);
	result_wait(&results[5]);
	ask_things(c, &results[6]);
	ask_region(c, &results[13]);
	c->ops->cancel(c->self, c->ops->list(c->self, "p", on_instances, &cancelled));
	rig_linger(10);
	ck_assert_uint_eq(cancelled.count, 0);
	ck_assert_uint_eq(rig.service->seen_count, COUNT_OF(params));
	for (size_t i = 0; i < COUNT_OF(params); i++)
		ck_assert_msg(service_has(rig.service, i, params[i]), "%s", params[i]);
	for (size_t i = 1; i < COUNT_OF(results); i++) {
		ck_assert_int_eq(results[i].answer.verdict, VERDICT_REPEAT);
		result_fini(&results[i]);
	}
	cloud_free(c);
}
END_TEST

Suite *
test_suite(void)
{
	Suite *suite = suite_create("cloud_ec2");
	TCase *tc = tcase_create("cloud_ec2");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 20);
	tcase_add_test(tc, test_keys);
	tcase_add_test(tc, test_default_region_of_the_environment);
	tcase_add_test(tc, test_changed_secret);
	tcase_add_test(tc, test_changed_sources);
	tcase_add_test(tc, test_trouble_of_a_set);
	tcase_add_test(tc, test_operations);
	suite_add_tcase(suite, tc);
	return suite;
}
