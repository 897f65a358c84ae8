/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names of users and groups to numbers, by whatever the system has for that. Blocks as
 * long as it does: for start and reload.
 */
#ifndef SYS_ACCOUNT_H
#define SYS_ACCOUNT_H

#include <stdbool.h>
#include <sys/types.h>

/* False: there is none of that name. */
bool account_user(const char *name, uid_t *ret_uid);
bool account_group(const char *name, gid_t *ret_gid);

#endif
