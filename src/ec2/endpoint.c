/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Takes an endpoint's URL apart. The Host header is sent as written here, so that what is
 * signed is what goes out.
 */
#include "ec2/endpoint.h"

#include "base/mem.h"

#include <string.h>
#include <strings.h>

char *
endpoint_default(const char *service, const char *region)
{
	const char *china = strncmp(region, "cn-", 3) == 0 ? ".cn" : "";

	return xasprintf("https://%s.%s.amazonaws.com%s", service, region, china);
}

/* The length of host without ":port" if that is the scheme's own. */
static size_t
length_without_port(const char *host, size_t len, const char *port)
{
	size_t n = strlen(port);

	return len > n && memcmp(host + len - n, port, n) == 0 ? len - n : len;
}

void
endpoint_init(struct endpoint *e, const char *url)
{
	const char *scheme_end = strstr(url, "://");
	const char *host = scheme_end != NULL ? scheme_end + 3 : url;
	size_t host_len = strcspn(host, "/?#");
	const char *path = host + host_len;
	size_t path_len = strcspn(path, "?#");

	e->plain = strncasecmp(url, "http://", 7) == 0;
	e->host = xstrndup(host,
		length_without_port(host, host_len, e->plain ? ":80" : ":443"));
	e->path = path_len > 0 ? xstrndup(path, path_len) : xstrdup("/");
	e->url = xasprintf("%.*s%s%s", (int)(host - url), url, e->host, e->path);
}

void
endpoint_fini(struct endpoint *e)
{
	free(e->url);
	free(e->host);
	free(e->path);
	*e = (struct endpoint){0};
}
