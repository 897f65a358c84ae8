/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A host is in the list from its first lookup that hung until one succeeds.
 */
#include "sys/http_names.h"

#include "base/clock.h"
#include "base/mem.h"

#include <string.h>
#include <sys/stat.h>
#include <utlist.h>

/* Threads that hang in lookups, above which no name that hung before is looked up. */
#define HANGING_MAX 12u
#define REST_BASE_MS 1000
#define REST_DOUBLINGS 6u

struct http_name {
	char *host; /* owned; with its port, if the URL has one */
	unsigned times;
	int64_t until_ms; /* boottime */
	struct http_name *next;
};

/* All threads but the loop's are lookups. */
static unsigned
hanging(void)
{
	struct stat st;

	if (stat("/proc/self/task", &st) < 0 || st.st_nlink < 3)
		return 0;
	return (unsigned)st.st_nlink - 3;
}

static char *
host_of(const char *url)
{
	const char *begin = strstr(url, "://");

	begin = begin == NULL ? url : begin + 3;
	return xstrndup(begin, strcspn(begin, "/?#"));
}

static struct http_name *
find(struct http_name *names, const char *host)
{
	struct http_name *n;

	LL_FOREACH(names, n) {
		if (strcmp(n->host, host) == 0)
			return n;
	}
	return NULL;
}

static void
forget(struct http_name **names, struct http_name *n)
{
	LL_DELETE(*names, n);
	free(n->host);
	free(n);
}

bool
http_name_may(struct http_name **names, const char *url)
{
	AUTO(free) char *host = *names == NULL ? NULL : host_of(url);
	const struct http_name *n = host == NULL ? NULL : find(*names, host);

	return n == NULL || (clock_ms() >= n->until_ms && hanging() < HANGING_MAX);
}

void
http_name_note(struct http_name **names, const char *url, bool hung)
{
	AUTO(free) char *host = *names == NULL && !hung ? NULL : host_of(url);
	struct http_name *n = host == NULL ? NULL : find(*names, host);

	if (!hung) {
		if (n != NULL)
			forget(names, n);
		return;
	}
	if (n == NULL) {
		n = NEW(struct http_name);
		n->host = TAKE(host);
		LL_PREPEND(*names, n);
	}
	if (n->times < REST_DOUBLINGS)
		n->times++;
	n->until_ms = clock_ms() + ((int64_t)REST_BASE_MS << n->times);
}

void
http_names_free(struct http_name **names)
{
	while (*names != NULL)
		forget(names, *names);
}
