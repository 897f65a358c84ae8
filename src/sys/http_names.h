/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Hosts whose name was not found in time lately. Each lookup has a thread of libcurl's, which
 * nobody can end: so a name that hangs is looked up seldom, and by few of them.
 */
#ifndef SYS_HTTP_NAMES_H
#define SYS_HTTP_NAMES_H

#include <stdbool.h>

struct http_name;

/* A list, NULL at first. Whether this URL's host may be looked up now. */
bool http_name_may(struct http_name **names, const char *url);
/* A lookup of it was given up; or there is an address now. */
void http_name_note(struct http_name **names, const char *url, bool hung);
void http_names_free(struct http_name **names);

#endif
