/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The instance metadata service, version 2: tokens, and who may read what without one.
 * /latest/ is the computer's that asks (the scenario's `imds`), and below
 * /imds/INSTANCE/latest/ is an instance's, which its user data finds by the variable that
 * SDKs know, AWS_EC2_METADATA_SERVICE_ENDPOINT.
 */
#ifndef SIM_IMDS_H
#define SIM_IMDS_H

#include <stdbool.h>

struct httpd_request;
struct sim;
struct sim_imds;

#define SIM_IMDS_TOKENS_MAX 1000 /* beyond it the oldest are forgotten */

struct sim_imds *sim_imds_new(void);
/* Forgets tokens, and which credentials it handed out. */
void sim_imds_clear(struct sim_imds *imds);
void sim_imds_free(struct sim_imds *imds);

/* Whether a path is for this service. */
bool sim_imds_is(const char *target);
void sim_imds_answer(struct sim *sim, struct httpd_request *request);

#endif
