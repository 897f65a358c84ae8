/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What SSM answers: it speaks JSON where EC2 speaks XML.
 */
#ifndef EC2_JSON_H
#define EC2_JSON_H

#include <stddef.h>

struct err;

/*
 * The origin of ret from {"__type": "com.amazonaws.ssm#ParameterNotFound", "message": ...}:
 * the word behind the "#". -1 if it is no such thing; the rest of ret is left alone.
 */
int ec2_json_error(const char *body, size_t len, struct err *ret);
/* Parameter.Value of GetParameter's answer; the caller's. ERR_PARSE. */
int ec2_json_parameter(const char *body, size_t len, char **ret_value, struct err *err);

#endif
