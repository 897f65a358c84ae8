/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The three places a name may come from, in their order.
 */
#include "sys/boot.h"

#include "base/buf.h"
#include "base/mem.h"
#include "sys/crypto.h"
#include "sys/file.h"

#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#define NAME_LEN (BOOT_NAME_SIZE - 1)
#define FILE_MAX 64

_Static_assert(BOOT_NAME_SIZE == CRYPTO_UUID_SIZE, "our own names are UUIDs as well");

/* Not by file_read: what /proc shows has no size. */
static bool
read_kernel(const char *path, char out[static BOOT_NAME_SIZE])
{
	char text[BOOT_NAME_SIZE] = "";
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t got = fd < 0 ? 0 : read(fd, text, NAME_LEN);

	if (fd >= 0)
		(void)close(fd); /* only read */
	if (got != NAME_LEN)
		return false;
	memcpy(out, text, sizeof(text));
	return true;
}

static bool
read_own(const char *path, char out[static BOOT_NAME_SIZE])
{
	AUTO(buf) struct buf text = {.data = NULL};

	if (file_read(path, FILE_MAX, true, &text, NULL, NULL) != 0 ||
		text.len != NAME_LEN || strlen(buf_str(&text)) != NAME_LEN)
		return false;
	memcpy(out, text.data, BOOT_NAME_SIZE);
	return true;
}

/* "/run/ec2workerd/boot"; NULL if there is no such directory. The caller's. */
static char *
own_path(void)
{
	const char *directory = getenv("RUNTIME_DIRECTORY");

	if (directory == NULL || directory[0] != '/')
		return NULL;
	return xasprintf("%.*s/boot", (int)strcspn(directory, ":"), directory);
}

void
boot_name(const char *path, char out[static BOOT_NAME_SIZE])
{
	AUTO(free) char *own = own_path();

	if (read_kernel(path != NULL ? path : "/proc/sys/kernel/random/boot_id", out))
		return;
	if (own != NULL && read_own(own, out))
		return;
	crypto_uuid(out);
	if (own != NULL)
		(void)file_write(own, 0600, out, NAME_LEN,
			NULL); /* without it the next start is a new boot */
}
