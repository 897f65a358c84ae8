/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Name servers that never answer: a lookup of a name below "hangs.invalid" does not return.
 * Preloaded into a program as it is shipped.
 */
#include <dlfcn.h>
#include <netdb.h>
#include <string.h>
#include <unistd.h>

typedef int lookup_fn(const char *node, const char *service,
	const struct addrinfo *hints, struct addrinfo **res);

int
getaddrinfo(const char *node, const char *service, const struct addrinfo *hints,
	struct addrinfo **res)
{
	static const char name[] = "hangs.invalid";
	size_t len = node == NULL ? 0 : strlen(node);
	lookup_fn *real;

	while (len >= sizeof(name) - 1 &&
		strcmp(node + len - (sizeof(name) - 1), name) == 0)
		(void)pause();
	*(void **)&real = dlsym(RTLD_NEXT, "getaddrinfo");
	return real(node, service, hints, res);
}
