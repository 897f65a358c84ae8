/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the parameters of each method are read into; the rows in args.c describe them,
 * the dispatcher fills and frees them around the call.
 */
#ifndef RPC_ARGS_H
#define RPC_ARGS_H

#include "base/field.h"

/* In the order of their words in the rows. */
enum rpc_up_wait { RPC_UP_ACCEPTED, RPC_UP_RUNNING, RPC_UP_ATTACHED };
enum rpc_down_wait { RPC_DOWN_ACCEPTED, RPC_DOWN_STOPPED };

struct rpc_list_args {
	char *pattern; /* or NULL */
	int state;     /* 0: any, else 1 + enum worker_state */
	int64_t limit;
	char *cursor; /* or NULL */
};

struct rpc_worker_args {
	char *worker;
};

struct rpc_up_args {
	char *worker;
	int wait;        /* enum rpc_up_wait */
	int64_t timeout; /* ms, FIELD_NULL: none */
	char *build;     /* or NULL */
	char *request;   /* or NULL */
};

struct rpc_down_args {
	char *worker;
	int64_t generation; /* 0: whichever is current */
	bool fast;
	int wait;        /* enum rpc_down_wait */
	int64_t timeout; /* ms, FIELD_NULL: none */
	char *reason;    /* or NULL */
	char *request;   /* or NULL */
};

struct rpc_attach_args {
	char *worker;
	int64_t generation; /* 0: not given */
	char *instance_id;  /* or NULL */
};

struct rpc_build_args {
	char *worker;
	int64_t generation; /* 0: not given */
	char *build;        /* or NULL */
	int64_t building;   /* negative: not given */
};

struct rpc_history_args {
	char *worker;
	int64_t limit;
	int64_t before; /* seq; 0: from the newest */
};

struct rpc_check_args {
	char *worker;
	bool fresh;
};

struct rpc_console_args {
	char *worker;
	bool latest;
};

struct rpc_abandon_args {
	char *worker;
	char *launch; /* or NULL */
};

struct rpc_session_args {
	char *owner;
};

struct rpc_subscribe_args {
	char *workers; /* or NULL */
	struct strings types;
	int64_t since; /* FIELD_NULL: not given */
};

struct rpc_orphans_args {
	bool terminate, kept;
};

struct rpc_reload_args {
	bool dry_run;
};

struct rpc_log_level_args {
	int level; /* enum log_level; -1: not given */
};

extern const struct fields rpc_none_params;
extern const struct fields rpc_list_params;
extern const struct fields rpc_worker_params; /* show, password, hold, release */
extern const struct fields rpc_up_params;
extern const struct fields rpc_down_params;
extern const struct fields rpc_attach_params; /* attached, detached */
extern const struct fields rpc_build_params;  /* build_started, build_finished */
extern const struct fields rpc_history_params;
extern const struct fields rpc_check_params;
extern const struct fields rpc_console_params;
extern const struct fields rpc_abandon_params;
extern const struct fields rpc_session_params;
extern const struct fields rpc_subscribe_params;
extern const struct fields rpc_orphans_params;
extern const struct fields rpc_reload_params;
extern const struct fields rpc_log_level_params;

#endif
