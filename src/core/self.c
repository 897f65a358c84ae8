/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Instances of the Nitro system have their id in the asset tag of the board; older ones
 * only tell that they are Amazon's.
 */
#include "core/self.h"

#include "base/log.h"
#include "conf/conf.h"
#include "core/pool.h"
#include "ec2/imds.h"
#include "ec2/reply.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define FIRMWARE "/sys/devices/virtual/dmi/id/"
#define FIRMWARE_SIZE 128

struct self {
	struct pool *pool; /* borrowed */
	struct imds_call *call;
};

/* What the kernel has of it, the first word of it; "" if nothing. */
static const char *
firmware(const char *name, char text[static FIRMWARE_SIZE])
{
	AUTO(free) char *path = xasprintf("%s%s", FIRMWARE, name);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t got = fd < 0 ? 0 : read(fd, text, FIRMWARE_SIZE - 1);

	if (fd >= 0)
		(void)close(fd); /* nothing was written */
	text[got < 0 ? 0 : got] = '\0';
	text[strcspn(text, "\r\n")] = '\0';
	return text;
}

static void
on_instance(void *arg, const char *id)
{
	struct self *s = arg;

	s->call = NULL;
	if (id == NULL)
		return;
	s->pool->own_instance = xstrdup(id);
	log_info(NULL, "this machine is %s", id);
}

static bool
is_amazons(void)
{
	char text[FIRMWARE_SIZE];

	return strstr(firmware("bios_version", text), "amazon") != NULL ||
		strstr(firmware("bios_vendor", text), "Amazon") != NULL;
}

struct self *
self_new(struct pool *pool, struct http *http)
{
	struct self *s = NEW(struct self);
	const char *configured = pool->conf->aws.imds_endpoint_url;
	char tag[FIRMWARE_SIZE];
	AUTO(free) char *endpoint = imds_endpoint(configured);

	s->pool = pool;
	if (configured == NULL &&
		ec2_instance_id_check(firmware("board_asset_tag", tag)) == 0)
		pool->own_instance = xstrdup(tag);
	else if (http != NULL && !imds_is_disabled() &&
		(configured != NULL || is_amazons()))
		s->call = imds_ask_instance(pool->loop, http, endpoint, on_instance, s);
	return s;
}

void
self_free(struct self *s)
{
	if (s == NULL)
		return;
	imds_cancel(s->call);
	free(s);
}
