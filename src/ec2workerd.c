/* SPDX-License-Identifier: Apache-2.0 */
/* The daemon's main: options, and the order in which the parts are made and end. */
#include "base/buf.h"
#include "base/err.h"
#include "base/log.h"
#include "conf/conf.h"
#include "core/daemon.h"
#include "core/modes.h"
#include "core/options.h"
#include "rpc/json.h"
#include "rpc/server.h"
#include "sys/crypto.h"
#include "sys/process.h"

#include <stdio.h>

static int
run(const struct options *o, struct conf *conf)
{
	struct err err;
	struct rpc_server *server = NULL;
	struct daemon *daemon = daemon_new(o->config, conf, &err);
	int code;

	if (daemon != NULL)
		server = rpc_server_new(daemon, &err);
	if (server != NULL) {
		log_info(NULL, "version %s, pool %s, configuration %.12s", VERSION,
			daemon->conf->pool, daemon->conf->digest);
		daemon->verbose = o->verbose;
		daemon_start(daemon);
		code = daemon_run(daemon);
	} else {
		log_error(NULL, "%s", err.text);
		code = err.code == ERR_CONFIG ? EXIT_CONFIG : EXIT_FAILED;
	}
	rpc_server_free(server);
	daemon_free(daemon);
	return code;
}

static int
start(const struct options *o)
{
	AUTO(buf) struct buf problems = {.data = NULL};
	struct conf *conf;

	process_harden();
	conf = mode_load(o->config, &problems);
	(void)fputs(buf_str(&problems), stderr);
	if (conf == NULL)
		return EXIT_CONFIG;
	log_set_level((enum log_level)daemon_log_level(conf, o->verbose));
	log_set_journal(process_logs_to_journal());
	return run(o, conf);
}

static int
say(mode_fn *mode, const char *path)
{
	AUTO(buf) struct buf out = {.data = NULL}, err = {.data = NULL};
	int code = mode(path, &out, &err);

	(void)fputs(buf_str(&err), stderr);
	if (fputs(buf_str(&out), stdout) < 0 || fflush(stdout) != 0)
		return EXIT_FAILED;
	return code;
}

int
main(int argc, char **argv)
{
	struct options o;
	int code = EXIT_USAGE;
	struct err err;
	mode_fn *mode;

	(void)argc;
	process_init();
	crypto_init();
	json_use_xalloc();
	if (options_parse(&o, argv, &err) != 0) {
		(void)fprintf(stderr, "ec2workerd: %s\n", err.text);
	} else {
		mode = mode_of(&o);
		code = mode != NULL ? say(mode, o.config) : start(&o);
	}
	options_fini(&o);
	return code;
}
