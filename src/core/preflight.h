/* SPDX-License-Identifier: Apache-2.0 */
/*
 * --check-aws: asks AWS about a whole configuration before anybody relies on it, and tells
 * what is wrong at the keys of the file. Nothing is changed there: it looks, and has EC2
 * say what would become of a launch and of a terminate.
 */
#ifndef CORE_PREFLIGHT_H
#define CORE_PREFLIGHT_H

#include <stddef.h>

struct conf;
struct conf_problems;
struct err;

struct preflight_result {
	size_t questions;  /* that were asked */
	size_t faults;     /* that were found */
	size_t unanswered; /* what could not be found out: AWS was out of reach */
};

/*
 * Asks, waits, and adds what it finds to problems, which kept the places of conf
 * (conf_places_keep). -1 only if it could not begin.
 */
int preflight(const struct conf *conf, struct conf_problems *problems,
	struct preflight_result *ret, struct err *err);

#endif
