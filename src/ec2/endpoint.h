/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where a service is spoken to: a URL, and its parts as a signed request needs them.
 */
#ifndef EC2_ENDPOINT_H
#define EC2_ENDPOINT_H

#include <stdbool.h>

struct endpoint {
	char *url;  /* owned; scheme, host, path; no query */
	char *host; /* owned; as in the Host header, without the scheme's own port */
	char *path; /* owned; "/" or longer */
	bool plain; /* http:// */
};

/* "https://ec2.us-east-1.amazonaws.com"; China has its own domain. The caller's. */
char *endpoint_default(const char *service, const char *region);
/* What makes no sense is kept as it is: the transport will say so. */
void endpoint_init(struct endpoint *e, const char *url);
void endpoint_fini(struct endpoint *e);

#endif
