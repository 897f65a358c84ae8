/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The shapes of results, one table for each thing that a reply shows.
 */
#ifndef RPC_SCHEMA_H
#define RPC_SCHEMA_H

struct fields;

/* The types of events, NULL-terminated. */
extern const char *const rpc_event_types[];

extern const struct fields rpc_none_fields;   /* {} */
extern const struct fields rpc_worker_fields; /* a worker as list and show have it */
extern const struct fields rpc_error_fields;  /* last_error */
extern const struct fields rpc_event_fields;  /* a record of history and timeline */
extern const struct fields rpc_list_fields;
extern const struct fields rpc_up_fields;
extern const struct fields rpc_down_fields;
extern const struct fields rpc_password_fields;
extern const struct fields rpc_check_fields;
extern const struct fields rpc_history_fields;
extern const struct fields rpc_console_fields;
extern const struct fields rpc_session_fields;
extern const struct fields rpc_subscribe_fields;
extern const struct fields rpc_status_fields;
extern const struct fields rpc_orphans_fields;
extern const struct fields rpc_log_level_fields;
extern const struct fields rpc_discover_fields;
extern const struct fields rpc_reload_fields;
extern const struct fields rpc_version_fields;
extern const struct fields rpc_metrics_fields;

#endif
