/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who may do what: from a peer's uid and groups to a role, by the lists of `access`.
 * Names are looked up when the lists are loaded, never for a peer.
 */
#ifndef RPC_ACCESS_H
#define RPC_ACCESS_H

#include "rpc/spec.h"

#include <stdbool.h>
#include <sys/types.h>

struct access;
struct conf_access;
struct sock_peer;

/*
 * Resolves the names; one that nobody has is logged as a warning and left out. May block in
 * the user database. self: who is admin besides root.
 */
struct access *access_new(const struct conf_access *conf, uid_t self);
void access_free(struct access *a);

/* The highest role of any list that has the uid, the primary or a supplementary group. */
enum rpc_role access_role(const struct access *a, const struct sock_peer *peer);

/*
 * In a user namespace that maps only some uids every other peer shows as the overflow uid,
 * which is therefore nobody's. True by default where /proc/self/uid_map is not the full
 * range.
 */
void access_set_partial(struct access *a, bool partial);
/* Whether a uid_map, as text, maps less than all. */
bool access_map_is_partial(const char *uid_map);

#endif
