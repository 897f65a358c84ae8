/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon_rig.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/log.h"
#include "conf/conf.h"
#include "conf/conf_load.h"
#include "core/daemon.h"
#include "core/launch.h"
#include "core/pool.h"
#include "core/worker.h"
#include "core/worker_view.h"
#include "scratch.h"
#include "sim/cloud.h"
#include "sim/json.h"
#include "sim/sim_parts.h"
#include "sys/crypto.h"
#include "sys/file.h"
#include "sys/loop.h"
#include "unit.h"

#include <signal.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

/* What the network needs of real time, for each step of the clock. */
#define STEP_MS 50
#define STEP_TURNS 6

struct daemon_rig daemon_rig;

/* In a file of their own, so that the other may be readable by all. */
static void
write_keys(void)
{
	static const char keys[] = "[default]\naws_access_key_id = AKIDEXAMPLE\n"
				   "aws_secret_access_key = secret\n";
	struct err err;

	ck_assert_int_eq(file_write("keys", 0600, keys, sizeof(keys) - 1, &err), 0);
}

static void
start_sim(void)
{
	char name[] = "ec2sim", listen[] = "--listen=127.0.0.1:0",
	     pending[] = "--pending=1s", shutdown[] = "--shutdown=3s",
	     keys[] = "--credentials=AKIDEXAMPLE:secret";
	char *argv[] = {name, listen, pending, shutdown, keys, NULL};
	struct err err;

	ck_assert_int_eq(sim_options_parse(COUNT_OF(argv) - 1, argv,
				 &daemon_rig.options, &err),
		0);
	daemon_rig.sim_loop = loop_new(&err);
	daemon_rig.sim = sim_new(daemon_rig.sim_loop, &daemon_rig.options, &err);
	ck_assert_msg(daemon_rig.sim != NULL, "%s", err.text);
}

void
daemon_rig_setup(void)
{
	scratch_setup();
	(void)signal(SIGPIPE, SIG_IGN);
	crypto_init();
	sim_json_init();
	log_set_level(LOG_LEVEL_ERROR);
	/* The HTTP server dates its answers by the real clock, and the client believes it. */
	clock_fake(INT64_C(1000000), (int64_t)time(NULL) * 1000);
	write_keys();
	start_sim();
}

void
daemon_rig_teardown(void)
{
	daemon_free(daemon_rig.daemon);
	sim_free(daemon_rig.sim);
	loop_free(daemon_rig.sim_loop);
	sim_options_fini(&daemon_rig.options);
	daemon_rig = (struct daemon_rig){.sim = NULL};
	clock_real();
	scratch_teardown();
}

void
daemon_rig_write(const char *top, const char *workers)
{
	AUTO(buf) struct buf text = {0};
	struct err err;

	buf_printf(&text,
		"state_dir: %s/state\nsocket: %s/rpc.sock\n"
		"aws: { region: us-east-1, endpoint_url: 'http://127.0.0.1:%u',"
		" shared_credentials_file: %s/keys }\n%s"
		"worker_defaults: { keypair_name: k, security_name: s,"
		" instance_type: m5.large, ami: ami-12345 }\nworkers:\n%s",
		scratch_path(), scratch_path(), sim_port(daemon_rig.sim),
		scratch_path(), top, workers);
	ck_assert_msg(file_write("conf.yaml", 0600, buf_str(&text), text.len, &err) ==
			0,
		"%s", err.text);
}

int
daemon_rig_new(struct err *err)
{
	struct conf_problems *problems = conf_problems_new();
	AUTO(buf) struct buf out = {0};
	struct conf *conf = conf_load("conf.yaml", problems);

	conf_problems_print(problems, &out);
	ck_assert_msg(conf != NULL, "%s", buf_str(&out));
	conf_problems_free(problems);
	daemon_rig.daemon = daemon_new("conf.yaml", conf, err);
	return daemon_rig.daemon == NULL ? -1 : 0;
}

void
daemon_rig_start(const char *top, const char *workers)
{
	struct err err;

	daemon_rig_write(top, workers);
	ck_assert_msg(daemon_rig_new(&err) == 0, "%s", err.text);
	daemon_start(daemon_rig.daemon);
	(void)daemon_rig_run(1000);
}

void
daemon_rig_restart(void)
{
	struct err err;

	daemon_free(daemon_rig.daemon);
	ck_assert_msg(daemon_rig_new(&err) == 0, "%s", err.text);
	daemon_start(daemon_rig.daemon);
	(void)daemon_rig_run(1000);
}

bool
daemon_rig_run(int64_t ms)
{
	int64_t until = clock_ms() + ms;

	while (clock_ms() < until && !loop_is_stopping(daemon_rig.daemon->loop)) {
		clock_fake_advance(STEP_MS);
		for (int turn = 0; turn < STEP_TURNS; turn++) {
			loop_turn(daemon_rig.daemon->loop, false);
			loop_turn(daemon_rig.sim_loop, false);
			usleep(20);
		}
	}
	return loop_is_stopping(daemon_rig.daemon->loop);
}

struct worker *
daemon_rig_worker(const char *name)
{
	struct worker *w = pool_find(daemon_rig.daemon->pool, name);

	ck_assert_msg(w != NULL, "no worker %s", name);
	return w;
}

void
daemon_rig_up(const char *name)
{
	struct err err;

	ck_assert_msg(worker_substantiate(daemon_rig_worker(name),
			      &(struct cause){"uid 0", "test"}, NULL, &err) == 0,
		"%s", err.text);
	(void)daemon_rig_run(100);
}

void
daemon_rig_ready(const char *name)
{
	struct worker *w = daemon_rig_worker(name);
	struct err err;

	daemon_rig_up(name);
	for (int n = 0; n < 200 && worker_state(w) == WORKER_SUBSTANTIATING; n++) {
		(void)daemon_rig_run(500);
		if (w->launch != NULL && w->launch->instance != NULL && !w->attached)
			ck_assert_msg(worker_attached(w, 0, NULL,
					      &(struct cause){"uid 0", NULL},
					      &err) == 0,
				"%s", err.text);
	}
	ck_assert_msg(worker_state(w) == WORKER_SUBSTANTIATED, "%s: %s", name,
		w->last_error.text);
}

size_t
daemon_rig_living(void)
{
	size_t living = 0;

	for (size_t n = 0; n < sim_cloud_count(daemon_rig.sim->cloud); n++)
		living += sim_state_is_live(
			sim_cloud_at(daemon_rig.sim->cloud, n)->state);
	return living;
}
