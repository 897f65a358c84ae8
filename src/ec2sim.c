/* SPDX-License-Identifier: Apache-2.0 */
/* ec2sim: options, build, loop, teardown. */
#include "base/buf.h"
#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "sim/json.h"
#include "sim/options.h"
#include "sim/sim.h"
#include "sys/crypto.h"
#include "sys/loop.h"
#include "sys/process.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

/* Exit codes: 0 good, 1 failed at work, 2 usage. */
enum { EXIT_GOOD, EXIT_FAILED, EXIT_USAGE };

static void
on_stop(void *arg)
{
	loop_stop(arg);
}

/* "127.0.0.1" of "127.0.0.1:0": the address that the ready line names. */
static int
address_len(const char *listen)
{
	const char *colon = strrchr(listen, ':');

	return colon != NULL ? (int)(colon - listen) : (int)strlen(listen);
}

static int
run(const struct sim_options *options)
{
	struct err err;
	struct loop *loop = loop_new(&err);
	struct loop_signal *term = NULL;
	struct loop_signal *interrupt = NULL;
	struct sim *sim = NULL;
	int ret = EXIT_FAILED;

	if (loop != NULL) {
		term = loop_signal_new(loop, SIGTERM, on_stop, loop);
		interrupt = loop_signal_new(loop, SIGINT, on_stop, loop);
		sim = sim_new(loop, options, &err);
	}
	if (sim != NULL) {
		printf("ec2sim: listening on %.*s:%u\n", address_len(options->listen),
			options->listen, sim_port(sim));
		(void)fflush(stdout);
		loop_run(loop);
		ret = EXIT_GOOD;
	} else {
		(void)fprintf(stderr, "ec2sim: %s\n", err.text);
	}
	sim_free(sim);
	loop_signal_free(term);
	loop_signal_free(interrupt);
	loop_free(loop);
	return ret;
}

static void
print_help(void)
{
	AUTO(buf) struct buf text = {0};

	sim_options_help(&text);
	(void)fputs(buf_str(&text), stdout);
}

int
main(int argc, char **argv)
{
	struct sim_options options;
	struct err err;
	int ret = EXIT_GOOD;

	process_init();
	crypto_init();
	sim_json_init();
	if (sim_options_parse(argc, argv, &options, &err) != 0) {
		(void)fprintf(stderr, "ec2sim: %s\nTry --help.\n", err.text);
		return EXIT_USAGE;
	}
	if (options.help)
		print_help();
	else if (options.version)
		printf("ec2sim %s\n", VERSION);
	else
		ret = run(&options);
	sim_options_fini(&options);
	return ret;
}
