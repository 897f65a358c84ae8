/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ec2workerctl: a command line becomes one call or several, replies become text. Shared by
 * the files of this folder; programs use ctl_main alone.
 */
#ifndef CTL_CTL_H
#define CTL_CTL_H

#include "rpc/spec.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct buf;
struct client;
struct ctl;
struct err;
struct opts;
struct verb;

enum ctl_exit {
	CTL_DONE = 0,
	CTL_FAILED = 1, /* refused or failed */
	CTL_USAGE = 2,
	CTL_NO_DAEMON = 3,
	CTL_FORBIDDEN = 4,
	CTL_TIMED_OUT = 5,
};

struct ctl_options {
	char *socket;
	bool json;
	int64_t timeout; /* ms, FIELD_NULL: none */
	bool help, version;
	bool follow; /* of the verb events */
};

struct ctl {
	FILE *out, *err; /* borrowed */
	struct ctl_options options;
	bool colour;   /* of what goes to out */
	bool progress; /* err is a terminal */
	const struct verb *verb;
	json_t *params;        /* of the call, by options and words */
	struct strings *words; /* behind the verb; borrowed */
	struct client *client; /* NULL before the connection */
	enum ctl_exit code;
};

/* The options that stand before a verb or behind it: for help and manual. */
extern const struct opts ctl_opts;

/* Runs a command line (argv[0] is the program's name). */
enum ctl_exit ctl_main(char *const *argv, FILE *out, FILE *err);

/* Sets client. -1 as client_open. */
int ctl_connect(struct ctl *c, struct err *err);
/* "ec2workerctl: sentence" to err. Returns code. */
enum ctl_exit ctl_complain(const struct ctl *c, enum ctl_exit code, const char *fmt,
	...) __attribute__((format(printf, 3, 4)));
/*
 * An error reply: its line to err (with --json itself to out), and its exit code. near: the
 * worker that may be meant, or NULL.
 */
enum ctl_exit ctl_show_error(const struct ctl *c, const char *worker,
	const json_t *error, const char *near);
/* The reply as it is, one line, to out. */
void ctl_print_json(const struct ctl *c, const json_t *value);
bool ctl_is_terminal(FILE *file);
/* Of several outcomes: the common one, or CTL_FAILED. */
enum ctl_exit ctl_worse(enum ctl_exit a, enum ctl_exit b);

#endif
