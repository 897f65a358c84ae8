/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The daemon's socket: its methods, its place and its roles, by the configuration.
 */
#ifndef RPC_SERVER_H
#define RPC_SERVER_H

struct daemon;
struct err;
struct rpc_server;

/*
 * Listens where the configuration says, or on the socket that systemd passed. The daemon
 * outlives it. NULL and err (ERR_CONFIG) if the place cannot be used.
 */
struct rpc_server *rpc_server_new(struct daemon *d, struct err *err);
/* Ends every wait and connection; before daemon_free. */
void rpc_server_free(struct rpc_server *s);

#endif
