/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The INI dialect of AWS's shared files, as Python's configparser reads it, except that a
 * section may occur again: the last value of a key wins.
 */
#ifndef EC2_INI_H
#define EC2_INI_H

#include <stddef.h>

struct err;

struct ini_pair {
	char *section; /* owned; as written between the brackets, blanks around it cut */
	char *key;     /* owned; lower case */
	char *value;   /* owned; wiped when freed, it may be a secret */
};

/* Sections without keys are pairs whose key is "". */
struct ini {
	struct ini_pair *pairs; /* owned */
	size_t count;
};

/*
 * Comments begin a line with # or ;, lines may end in CRLF, a byte order mark is skipped,
 * and what is indented below a key is its nested value, which nobody here needs. -1
 * (ERR_PARSE, with the line's number and without its text) if it is none of this.
 */
int ini_parse(const char *text, size_t len, struct ini *ret, struct err *err);
void ini_fini(struct ini *ini);

#endif
