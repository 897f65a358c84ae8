/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What one value must look like by itself: the checks that the rows of conf_table.c name.
 * Each is a field_check: 0, or -1 and what was expected.
 */
#ifndef CONF_FORM_H
#define CONF_FORM_H

#include <stdbool.h>
#include <stddef.h>

struct err;

/* How a variable may be called, for schemas; conf_check.c says it in words. */
#define CONF_VAR_NAMES "^[A-Za-z0-9_-]+$"

/* In front of the name of a parameter of SSM, in the place of an image. */
#define CONF_AMI_RESOLVE "resolve:ssm:"

int form_account_id(const char *value, struct err *err);
int form_address(const char *value, struct err *err);
int form_ami(const char *value, struct err *err);
int form_arn(const char *value, struct err *err);
int form_device(const char *value, struct err *err);
int form_endpoint(const char *value, struct err *err);
int form_external_id(const char *value, struct err *err);
int form_instance_type(const char *value, struct err *err);
int form_ipv4(const char *value, struct err *err);
int form_key_id(const char *value, struct err *err);
int form_listen(const char *value, struct err *err);
int form_octal_mode(const char *value, struct err *err);
int form_path(const char *value, struct err *err);
int form_placement(const char *value, struct err *err);
int form_pool(const char *value, struct err *err);
int form_printable(const char *value, struct err *err);
/* What form_region takes, for schemas. */
#define FORM_REGION_PATTERN "^[a-z]{2,}(-[a-z]+)+-[0-9]+$"
int form_region(const char *value, struct err *err);
int form_role_arn(const char *value, struct err *err);
int form_security_group_id(const char *value, struct err *err);
int form_snapshot_id(const char *value, struct err *err);
int form_virtual_name(const char *value, struct err *err);
int form_volume_type(const char *value, struct err *err);
int form_session_name(const char *value, struct err *err);
int form_smtp_url(const char *value, struct err *err);
int form_socket(const char *value, struct err *err);
int form_subnet_id(const char *value, struct err *err);
int form_tag_value(const char *value, struct err *err);
int form_unix_name(const char *value, struct err *err);
int form_user(const char *value, struct err *err);
int form_volume_id(const char *value, struct err *err);
int form_var(const char *value, struct err *err);

/* Whether text[0..len) has the form of a region: eu-west-1, us-gov-east-1, cn-north-1. */
bool form_is_region(const char *text, size_t len);
/* Characters of UTF-8 text. */
size_t form_length(const char *text);

#endif
