/* SPDX-License-Identifier: Apache-2.0 */
#include "ec2_rig.h"

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "ec2/creds.h"
#include "ec2/verdict.h"
#include "ec2_service.h"
#include "sys/http.h"
#include "sys/loop.h"
#include "unit.h"

#include <string.h>

struct rig rig;

void
rig_setup(void)
{
	static const struct ec2_creds_source source = {.identifier = "AKIA",
		.secret = "s"};
	struct ec2_client_conf conf = {.region = "us-east-1"};
	AUTO(free) char *url = NULL;
	struct ec2_creds *creds;
	struct err err;

	unsetenv("http_proxy");
	unsetenv("all_proxy");
	rig.loop = loop_new(&err);
	rig.http = http_new(rig.loop, "ec2workerd/test", &err);
	ck_assert_ptr_nonnull(rig.http);
	rig.service = NEW(struct service);
	service_start(rig.service, rig.loop);
	url = service_url(rig.service);
	conf.endpoint = conf.ssm_endpoint = url;
	creds = ec2_creds_new(rig.loop, rig.http, &source);
	rig.client = ec2_client_new(rig.loop, rig.http, &conf, creds);
	ec2_creds_unref(creds);
}

void
rig_teardown(void)
{
	ec2_client_free(rig.client);
	http_free(rig.http);
	service_stop(rig.service);
	free(rig.service);
	loop_free(rig.loop);
}

static void
on_elapsed(void *arg)
{
	*(bool *)arg = true;
}

void
rig_linger(int64_t ms)
{
	struct loop_timer timer = {0};
	bool elapsed = false;

	loop_timer_init(&timer, rig.loop, on_elapsed, &elapsed);
	loop_timer_in(&timer, ms);
	while (!elapsed)
		loop_turn(rig.loop, true);
}

void
rig_wait_for_held(size_t count)
{
	while (rig.service->held_count < count)
		loop_turn(rig.loop, true);
}

static void
note(struct result *r, const struct ec2_answer *answer)
{
	r->count++;
	r->answer = *answer;
	if (r->free_client) {
		ec2_client_free(rig.client);
		rig.client = NULL;
	}
}

void
on_instances(void *arg, const struct ec2_answer *answer, struct ec2_instances *list)
{
	struct result *r = arg;
	struct buf ids = {0};

	for (size_t i = 0; i < list->count; i++)
		buf_printf(&ids, "%s ", list->items[i].id);
	if (answer->verdict != VERDICT_DONE)
		ck_assert_uint_eq(list->count, 0);
	free(r->ids);
	r->ids = buf_take(&ids);
	note(r, answer);
}

void
on_console(void *arg, const struct ec2_answer *answer, const char *output, size_t len,
	int64_t at)
{
	struct result *r = arg;

	ck_assert_uint_eq(strlen(output), len);
	free(r->output);
	r->output = xstrdup(output);
	r->at = at;
	note(r, answer);
}

void
result_wait(const struct result *r)
{
	ck_assert_uint_eq(r->count, 0);
	while (r->count == 0)
		loop_turn(rig.loop, true);
}

void
result_fini(struct result *r)
{
	free(r->ids);
	free(r->output);
	*r = (struct result){0};
}

void
launch_leave(struct launch *l)
{
	static const char body[] = "Action=RunInstances&x=1";

	l->call = ec2_run_instances(rig.client, l->slot, body, strlen(body),
		on_instances, &l->result);
	l->slot = NULL;
}

static void
on_granted(void *arg)
{
	struct launch *l = arg;

	ck_assert(!l->granted);
	l->granted = true;
	if (!l->keep)
		launch_leave(l);
}

void
launch_start(struct launch *l)
{
	l->slot = ec2_launch_slot(rig.client, on_granted, l);
	ck_assert(!l->granted);
}
