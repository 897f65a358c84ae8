/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The errors EC2 and its neighbours answer with: code, HTTP status, sentence. The sim's
 * other errors (options, scenario, control requests) are struct err.
 */
#ifndef SIM_ERROR_H
#define SIM_ERROR_H

struct buf;

/* One per code; the names and statuses stand in error.c. */
enum sim_code {
	SIM_AUTH_FAILURE,
	SIM_BLOCKED,
	SIM_DRY_RUN_OPERATION,
	SIM_EXPIRED_TOKEN,
	SIM_FILTER_LIMIT_EXCEEDED,
	SIM_IDEMPOTENT_INSTANCE_TERMINATED,
	SIM_IDEMPOTENT_PARAMETER_MISMATCH,
	SIM_INCOMPLETE_SIGNATURE,
	SIM_INCORRECT_INSTANCE_STATE,
	SIM_INSTANCE_LIMIT_EXCEEDED,
	SIM_INSUFFICIENT_INSTANCE_CAPACITY,
	SIM_INTERNAL_ERROR,
	SIM_INVALID_ACTION,
	SIM_INVALID_AMI_ID_MALFORMED,
	SIM_INVALID_CHARACTER,
	SIM_INVALID_CLIENT_TOKEN,
	SIM_INVALID_CLIENT_TOKEN_ID,
	SIM_INVALID_GROUP_ID_MALFORMED,
	SIM_INVALID_ID,
	SIM_INVALID_INSTANCE_ID_MALFORMED,
	SIM_INVALID_INSTANCE_ID_NOT_FOUND,
	SIM_INVALID_PAGINATION_TOKEN,
	SIM_INVALID_PARAMETER_COMBINATION,
	SIM_INVALID_PARAMETER_VALUE,
	SIM_INVALID_SUBNET_ID_MALFORMED,
	SIM_INVALID_VOLUME_NOT_FOUND,
	SIM_MALFORMED_QUERY_STRING,
	SIM_MAX_SPOT_INSTANCE_COUNT_EXCEEDED,
	SIM_MISSING_ACTION,
	SIM_MISSING_AUTHENTICATION_TOKEN,
	SIM_MISSING_PARAMETER,
	SIM_NO_SUCH_VERSION,
	SIM_OPERATION_NOT_PERMITTED,
	SIM_REQUEST_EXPIRED,
	SIM_REQUEST_IN_THE_FUTURE,
	SIM_REQUEST_LIMIT_EXCEEDED,
	SIM_SERVICE_UNAVAILABLE,
	SIM_SIGNATURE_DOES_NOT_MATCH,
	SIM_TAG_LIMIT_EXCEEDED,
	SIM_UNAUTHORIZED_OPERATION,
	SIM_UNAVAILABLE,
	SIM_UNKNOWN_PARAMETER,
	SIM_UNSUPPORTED,
	SIM_UNSUPPORTED_OPERATION,
	SIM_CODE_COUNT
};

struct sim_error {
	int status;
	char code[80];
	char message[512]; /* UTF-8, cut when too long */
};

/* Fills error with the code's name and status. Returns -1. */
int sim_fail(struct sim_error *error, enum sim_code code, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
const char *sim_code_name(enum sim_code code);
/* The HTTP status EC2 sends with a code; 400 for one that is not in the table. */
int sim_code_status(const char *name);
/* Appends EC2's error document (EC2-WIRE.md 3.2). */
void sim_error_xml(const struct sim_error *error, const char *request_id,
	struct buf *out);

#endif
