/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The daemon as a whole: configuration, ledger, engines and pool; start, reload, stop.
 * Knows nothing of sockets or JSON: what serves those is told by on_reloaded.
 */
#ifndef CORE_DAEMON_H
#define CORE_DAEMON_H

#include "core/types.h"

struct cloud_ec2;
struct conf;
struct conf_problems;
struct http;
struct monitor;
struct pool;
struct store;
struct strings;

#define DAEMON_SIGNALS 3

struct daemon {
	struct loop *loop;       /* owned */
	char *conf_path;         /* owned */
	struct conf *conf;       /* owned; the one in force */
	struct http *http;       /* owned */
	struct cloud_ec2 *ec2;   /* owned */
	struct store *store;     /* owned */
	struct pool *pool;       /* owned */
	struct monitor *monitor; /* owned; from the start on */
	int64_t started_wall;
	int64_t verbose; /* so many levels above log_level are logged */
	bool stopping;
	bool failed;          /* ended for an error at work: exit 1 */
	loop_fn *on_reloaded; /* roles may have changed; or NULL */
	void *on_reloaded_arg;
	struct loop_timer watchdog, stop_limit, commit_retry;
	struct loop_poke leaving;
	struct loop_signal *signals[DAEMON_SIGNALS]; /* owned */
};

/* Everything up to a loop that can run; ERR_CONFIG means exit 78. conf becomes the daemon's in any case. */
struct daemon *daemon_new(const char *conf_path, struct conf *conf, struct err *err);
/* log_level, and verbose levels more; enum log_level. */
int daemon_log_level(const struct conf *conf, int64_t verbose);
/* Listens to signals, steps what was resumed, says READY. */
void daemon_start(struct daemon *d);
/* 0, or the exit code. */
int daemon_run(struct daemon *d);

struct daemon_reload {
	struct strings added, removed, changed, stale, warnings;
};
/*
 * Reads the file again. A bad one changes nothing: -1 and ERR_CONFIG; problems (the
 * caller's) has all that is wrong, or none if the sentence names a key that only a restart
 * changes.
 */
int daemon_reload(struct daemon *d, bool dry_run, struct daemon_reload *ret,
	struct conf_problems *problems, struct err *err);
void daemon_reload_fini(struct daemon_reload *r);
/* As on_stop says: at once, or after everything condemned is shutting down (25 s at most). */
void daemon_stop(struct daemon *d, const struct cause *cause);
void daemon_free(struct daemon *d);

#endif
