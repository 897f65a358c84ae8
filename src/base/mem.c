/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Allocation that cannot fail, and the end of secrets. Nothing here can log: the log
 * allocates.
 */
#include "base/mem.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

void
mem_exhausted(void)
{
	static const char text[] = "out of memory\n";

	/* Whether it arrives or not, the next step is the same. */
	(void)!write(STDERR_FILENO, text, sizeof(text) - 1);
	abort();
}

static void *
checked(void *ptr)
{
	if (ptr == NULL)
		mem_exhausted();
	return ptr;
}

void *
xmalloc(size_t size)
{
	return checked(malloc(size > 0 ? size : 1));
}

void *
xcalloc(size_t count, size_t size)
{
	return checked(count > 0 && size > 0 ? calloc(count, size) : calloc(1, 1));
}

void *
xrealloc(void *ptr, size_t size)
{
	return checked(realloc(ptr, size > 0 ? size : 1));
}

void *
xreallocarray(void *ptr, size_t count, size_t size)
{
	size_t total;

	if (__builtin_mul_overflow(count, size, &total))
		mem_exhausted();
	return xrealloc(ptr, total);
}

char *
xstrdup(const char *s)
{
	return xstrndup(s, strlen(s));
}

char *
xstrndup(const char *s, size_t len)
{
	size_t n = strnlen(s, len);
	char *copy = xmalloc(n + 1);

	memcpy(copy, s, n);
	copy[n] = '\0';
	return copy;
}

char *
xasprintf(const char *fmt, ...)
{
	va_list ap;
	char *s;
	int n;

	va_start(ap, fmt);
	n = vasprintf(&s, fmt, ap);
	va_end(ap);
	if (n < 0)
		mem_exhausted();
	return s;
}

char *
xstrdup_opt(const char *s)
{
	return s != NULL ? xstrdup(s) : NULL;
}

bool
str_equal(const char *a, const char *b)
{
	if (a == NULL || b == NULL)
		return a == b;
	return strcmp(a, b) == 0;
}

void
secret_set(struct secret *s, const char *text)
{
	char *copy = xstrdup_opt(text); /* text may be the old one */

	secret_fini(s);
	s->text = copy;
}

void
secret_move(struct secret *to, struct secret *from)
{
	if (to == from)
		return;
	secret_fini(to);
	to->text = TAKE(from->text);
}

void
secret_fini(struct secret *s)
{
	str_wipe_free(TAKE(s->text));
}

void
mem_wipe(void *ptr, size_t size)
{
	if (size > 0)
		explicit_bzero(ptr, size);
}

void
str_wipe_free(char *s)
{
	if (s != NULL)
		mem_wipe(s, strlen(s));
	free(s);
}
