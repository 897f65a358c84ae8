/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a unit test defines, and the few helpers that all of them share.
 */
#ifndef UNIT_H
#define UNIT_H

#include <check.h>

/* Defined once in each tests/unit/test_<module>.c. */
Suite *test_suite(void);

#endif
