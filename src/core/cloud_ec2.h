/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The adapter between core/cloud.h and the EC2 client; owns the credential sets that the
 * clouds share.
 */
#ifndef CORE_CLOUD_EC2_H
#define CORE_CLOUD_EC2_H

struct cloud_ec2;
struct cloud_maker;
struct conf;
struct conf_worker;
struct err;
struct http;
struct loop;

/* http is borrowed and outlives every cloud. */
struct cloud_ec2 *cloud_ec2_new(struct loop *loop, struct http *http);
/* Borrowed; valid until cloud_ec2_free. */
const struct cloud_maker *cloud_ec2_maker(struct cloud_ec2 *c);
/* fn is called when keys could not be renewed, and when they could again. */
void cloud_ec2_watch(struct cloud_ec2 *c, void (*fn)(void *arg), void *arg);
/* The region that a worker means (NULL: the pool), by files and environment alone. Caller frees. */
char *cloud_ec2_region(const struct conf *conf, const struct conf_worker *worker);
/* After the last cloud. */
void cloud_ec2_free(struct cloud_ec2 *c);

#endif
