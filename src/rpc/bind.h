/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which function answers which method.
 */
#ifndef RPC_BIND_H
#define RPC_BIND_H

#include "rpc/rpc.h"

/* RPC_METHOD_COUNT of them, by enum rpc_method. */
extern rpc_call *const rpc_calls[];
/* Of struct rpc_service; context is the daemon. */
const char *rpc_unwritable(void *context);

#endif
