/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory: allocators that abort instead of failing, cleanup of locals, secrets.
 * Running out of memory is a crash, and a crash takes the tested way back.
 */
#ifndef BASE_MEM_H
#define BASE_MEM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>

void *xmalloc(size_t size) __attribute__((malloc, returns_nonnull));
void *xcalloc(size_t count, size_t size) __attribute__((malloc, returns_nonnull));
void *xrealloc(void *ptr, size_t size) __attribute__((returns_nonnull));
/* realloc to count * size; an overflow aborts. */
void *xreallocarray(void *ptr, size_t count, size_t size)
	__attribute__((returns_nonnull));
char *xstrdup(const char *s) __attribute__((malloc, returns_nonnull));
char *xstrndup(const char *s, size_t len) __attribute__((malloc, returns_nonnull));
char *xasprintf(const char *fmt, ...)
	__attribute__((malloc, returns_nonnull, format(printf, 1, 2)));
/* How these end the process; for what libraries allocate by themselves. */
void mem_exhausted(void) __attribute__((noreturn));
/* NULL stays NULL. */
char *xstrdup_opt(const char *s);
bool str_equal(const char *a, const char *b); /* NULL equals only NULL */

#define NEW(type) ((type *)xcalloc(1, sizeof(type)))
#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))
/* The struct that holds `member` at `ptr`. */
#define CONTAINER_OF(ptr, type, member)                                                \
	((type *)(void *)((char *)(ptr)-offsetof(type, member)))

/*
 * AUTO(free) char *s = ...;  runs the cleanup when s leaves its scope,
 * which may be all that s is for.
 * AUTO_DEFINE(name, type, fn) makes one that calls fn(value) for type value.
 */
#define AUTO(name) __attribute__((cleanup(auto_##name), unused))
#define AUTO_DEFINE(name, type, fn)                                                    \
	static inline void auto_##name(type *p)                                        \
	{                                                                              \
		fn(*p);                                                                \
	}

static inline void
auto_free(void *p)
{
	free(*(void **)p);
}

static inline void *
take_ptr(void *p)
{
	void *v = *(void **)p;

	*(void **)p = NULL;
	return v;
}
/* Gives the pointer away and leaves NULL behind, so that AUTO() frees nothing. */
#define TAKE(ptr) ((__typeof__(ptr))take_ptr(&(ptr)))

/* A secret: wiped when freed, never printed. An absent one has text NULL. */
struct secret {
	char *text; /* owned, NUL-terminated */
};

void secret_set(struct secret *s, const char *text); /* copies; NULL clears */
void secret_move(struct secret *to, struct secret *from);
void secret_fini(struct secret *s);
/* Overwrites memory in a way the compiler keeps. */
void mem_wipe(void *ptr, size_t size);
/* Wipes and frees a string; NULL is fine. */
void str_wipe_free(char *s);

#endif
