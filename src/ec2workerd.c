/* SPDX-License-Identifier: Apache-2.0 */
/* The daemon's main: options, and the order in which the parts are made and end. */
#include "base/buf.h"
#include "base/err.h"
#include "base/log.h"
#include "base/pretty.h"
#include "conf/conf.h"
#include "conf/conf_load.h"
#include "core/daemon.h"
#include "core/options.h"
#include "rpc/server.h"
#include "sys/process.h"

#include <stdio.h>

enum { EXIT_GOOD = 0, EXIT_FAILED = 1, EXIT_USAGE = 2, EXIT_CONFIG = 78 };

static struct conf *
load(const char *path)
{
	struct conf_problems *problems = conf_problems_new();
	struct conf *conf = conf_load(path, problems);
	AUTO(buf) struct buf text = {.data = NULL};

	conf_problems_print(problems, &text);
	(void)fputs(buf_str(&text), stderr);
	conf_problems_free(problems);
	return conf;
}

static int
check(const char *path)
{
	struct conf *conf = load(path);

	if (conf == NULL)
		return EXIT_CONFIG;
	printf("%s: good: pool %s, %zu workers\n", path, conf->pool,
		conf->worker_count);
	conf_free(conf);
	return EXIT_GOOD;
}

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
	struct conf *conf;

	if (o->check)
		return check(o->config);
	process_harden();
	conf = load(o->config);
	if (conf == NULL)
		return EXIT_CONFIG;
	log_set_level((enum log_level)daemon_log_level(conf, o->verbose));
	log_set_journal(process_logs_to_journal());
	return run(o, conf);
}

static int
print_schema(void)
{
	AUTO(buf) struct buf json = {.data = NULL}, text = {.data = NULL};

	field_schema_yaml(&conf_fields, &json);
	pretty_json(buf_str(&json), &text);
	return fputs(buf_str(&text), stdout) < 0 ? EXIT_FAILED : EXIT_GOOD;
}

static int
show_help(void)
{
	AUTO(buf) struct buf text = {.data = NULL};

	options_help(&text);
	(void)fputs(buf_str(&text), stdout);
	return EXIT_GOOD;
}

int
main(int argc, char **argv)
{
	struct options o;
	int code = EXIT_USAGE;
	struct err err;

	(void)argc;
	process_init();
	if (options_parse(&o, argv, &err) != 0)
		(void)fprintf(stderr, "ec2workerd: %s\n", err.text);
	else if (o.help)
		code = show_help();
	else if (o.version)
		code = puts("ec2workerd " VERSION) < 0 ? EXIT_FAILED : EXIT_GOOD;
	else if (o.print_schema)
		code = print_schema();
	else
		code = start(&o);
	options_fini(&o);
	return code;
}
