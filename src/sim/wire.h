/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The forms in which services speak: EC2's own XML, that of the older query services
 * (STS), and JSON with the operation in a header (SSM). Each has its own words for the
 * errors that all know.
 */
#ifndef SIM_WIRE_H
#define SIM_WIRE_H

#include <stddef.h>

struct buf;
struct sim_action;
struct sim_error;
struct sim_params;
struct sim_service;

/* Content-Type of replies; service NULL: as EC2 has it, here and below. */
const char *sim_wire_type(const struct sim_service *service);
/* What stands around the elements of a reply. */
void sim_wire_open(const struct sim_service *service, const struct sim_action *action,
	const char *request_id, struct buf *out);
void sim_wire_close(const struct sim_service *service, const struct sim_action *action,
	const char *request_id, struct buf *out);
/* Gives the error the service's own code and status, and appends its document. */
void sim_wire_error(const struct sim_service *service, struct sim_error *error,
	const char *request_id, struct buf *out);

/*
 * X-Amz-Target "AmazonSSM.GetParameter" and an object of scalars, as parameters with an
 * Action. -1: SerializationException.
 */
int sim_wire_read_json(const char *target, const char *body, size_t len,
	struct sim_params *ret_params, struct sim_error *error);

#endif
