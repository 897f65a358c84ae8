/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A table with a row of every type and flag, for the tests of field.
 */
#ifndef THING_H
#define THING_H

#include "base/field.h"

struct part {
	char *name;
	int64_t size;
};

struct thing {
	bool flag;
	int64_t count, port, maybe_count;
	double ratio, maybe_ratio;
	int64_t wait, grace, linger;
	char *title, *code, *note;
	struct secret password;
	int mode, other_mode;
	struct part part;
	struct strings names, users;
	struct field_list parts, volumes;
	struct strmap tags;
};

extern const struct fields part_fields, thing_fields;

#endif
