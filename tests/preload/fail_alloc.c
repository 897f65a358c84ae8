/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Preloaded: an allocator of which chosen allocations fail. FAIL_ALLOC names a file that
 * is shared with whoever looks on; it says which ones, and is told how many there were and
 * by whom. What is allocated before main() is the loader's, and neither counted nor failed.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <malloc.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { NAME_SIZE = 56, CALLERS = 32 };

/* tests/integration/memory.py knows it too. */
struct control {
	uint64_t counting;    /* 0: nothing is counted, nothing fails */
	uint64_t foreign;     /* only what libraries allocate by themselves */
	uint64_t first, last; /* the numbers of those that fail, from 1 on */
	uint64_t count;       /* since counting was set */
	uint64_t failed;
	/* Whose code it was that asked: the last part of a path; "" is the program's own. */
	struct {
		char name[NAME_SIZE];
		uint64_t count;
	} callers[CALLERS];
};

static struct control *control;
static bool in_main;

/* glibc's own, which need no look-up that might allocate. */
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *ptr, size_t size);
void *__libc_memalign(size_t alignment, size_t size);

__attribute__((constructor)) static void
open_control(void)
{
	const char *path = getenv("FAIL_ALLOC");
	int fd = path != NULL ? open(path, O_RDWR | O_CLOEXEC) : -1;
	void *map = fd >= 0 ? mmap(NULL, sizeof(*control), PROT_READ | PROT_WRITE,
				      MAP_SHARED, fd, 0)
			    : MAP_FAILED;

	if (fd >= 0)
		(void)close(fd);
	if (map != MAP_FAILED)
		control = map;
}

static const char *
last_part(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash != NULL ? slash + 1 : path;
}

static const char *
name_of(void *address)
{
	struct dl_find_object found;

	return _dl_find_object(address, &found) == 0
		? last_part(found.dlfo_link_map->l_name)
		: "?";
}

/* Two threads may take a row at once: both then count in it, under one of their names. */
static void
note_caller(const char *name)
{
	size_t i = 0;

	while (i < CALLERS - 1 && control->callers[i].count > 0 &&
		strncmp(control->callers[i].name, name, NAME_SIZE - 1) != 0)
		i++;
	if (__atomic_fetch_add(&control->callers[i].count, 1, __ATOMIC_RELAXED) == 0)
		(void)strncpy(control->callers[i].name, name, NAME_SIZE - 1);
}

static bool
fails(void *caller)
{
	const char *name;
	uint64_t n;

	if (!in_main || control == NULL || control->counting == 0)
		return false;
	name = name_of(caller);
	note_caller(name);
	if (control->foreign != 0 && name[0] == '\0')
		return false;
	n = __atomic_add_fetch(&control->count, 1, __ATOMIC_RELAXED);
	if (n < control->first || n > control->last)
		return false;
	(void)__atomic_add_fetch(&control->failed, 1, __ATOMIC_RELAXED);
	errno = ENOMEM;
	return true;
}

void *
malloc(size_t size)
{
	return fails(__builtin_return_address(0)) ? NULL : __libc_malloc(size);
}

void *
calloc(size_t count, size_t size)
{
	return fails(__builtin_return_address(0)) ? NULL : __libc_calloc(count, size);
}

void *
realloc(void *ptr, size_t size)
{
	return fails(__builtin_return_address(0)) ? NULL : __libc_realloc(ptr, size);
}

void *
memalign(size_t alignment, size_t size)
{
	return fails(__builtin_return_address(0)) ? NULL
						  : __libc_memalign(alignment, size);
}

void *
aligned_alloc(size_t alignment, size_t size)
{
	return fails(__builtin_return_address(0)) ? NULL
						  : __libc_memalign(alignment, size);
}

int
posix_memalign(void **ret, size_t alignment, size_t size)
{
	if (fails(__builtin_return_address(0)))
		return ENOMEM;
	*ret = __libc_memalign(alignment, size);
	return *ret != NULL ? 0 : ENOMEM;
}

typedef int main_fn(int argc, char **argv, char **env);
typedef int start_fn(main_fn *run, int argc, char **argv, void (*init)(void),
	void (*fini)(void), void (*rtld_fini)(void), void *stack_end);

static main_fn *real_main;

static int
main_here(int argc, char **argv, char **env)
{
	in_main = true;
	return real_main(argc, argv, env);
}

start_fn __libc_start_main;
int
__libc_start_main(main_fn *run, int argc, char **argv, void (*init)(void),
	void (*fini)(void), void (*rtld_fini)(void), void *stack_end)
{
	union {
		void *object;
		start_fn *function;
	} start = {dlsym(RTLD_NEXT, "__libc_start_main")};

	real_main = run;
	return start.function(main_here, argc, argv, init, fini, rtld_fini, stack_end);
}
