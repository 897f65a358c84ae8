/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The role of the container we run in, from the agent that its variables name (EC2.md 9).
 */
#ifndef EC2_CONTAINER_H
#define EC2_CONTAINER_H

#include "ec2/keyset.h"

#include <stdbool.h>

struct container_call;
struct http;
struct loop;

/* Whether AWS_CONTAINER_CREDENTIALS_RELATIVE_URI or _FULL_URI is set. */
bool container_is_set(void);
/*
 * Where the agent is. -1: ERR_CONFIG, the URL is none or would carry keys in the clear to
 * somewhere else than this machine or its link.
 */
int container_url(char **ret_url, struct err *err);
/* ca_file may be NULL. done: FOUND or FAILED. */
struct container_call *container_start(struct loop *loop, struct http *http,
	const char *ca_file, keyset_done *done, void *arg);
void container_cancel(struct container_call *call);

#endif
