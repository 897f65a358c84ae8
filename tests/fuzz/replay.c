/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Stands in for libFuzzer's main program: gives each file of the named directories to the
 * target once, each in a process of its own, so that one crash hides no other.
 */
#include "fuzz.h"

#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#define INPUT_MAX (4u * 1024u * 1024u)

static void
run_here(const char *path)
{
	FILE *file = fopen(path, "rb");
	uint8_t *data;
	size_t size;

	if (file == NULL) {
		perror(path);
		exit(EXIT_FAILURE);
	}
	data = malloc(INPUT_MAX);
	if (data == NULL)
		abort();
	size = fread(data, 1, INPUT_MAX, file);
	fclose(file);
	/* Exactly as large as the input, so that a read past its end is seen. */
	data = realloc(data, size > 0 ? size : 1);
	if (data == NULL)
		abort();
	LLVMFuzzerTestOneInput(data, size);
	free(data);
	exit(EXIT_SUCCESS);
}

/* 1 if the target took the input, 0 if it died of it. */
static int
run_apart(const char *path)
{
	pid_t child;
	int status = -1;

	fflush(NULL);
	child = fork();
	if (child == 0)
		run_here(path);
	if (child > 0 && waitpid(child, &status, 0) == child && status == 0)
		return 1;
	printf("%s: failed (wait status %d)\n", path, status);
	return 0;
}

static int
run_directory(const char *path, int *passed, int *failed)
{
	char file[PATH_MAX];
	struct dirent *entry;
	DIR *dir = opendir(path);

	if (dir == NULL) {
		perror(path);
		return -1;
	}
	while ((entry = readdir(dir)) != NULL) {
		if (entry->d_name[0] == '.')
			continue;
		snprintf(file, sizeof(file), "%s/%s", path, entry->d_name);
		if (run_apart(file))
			++*passed;
		else
			++*failed;
	}
	closedir(dir);
	return 0;
}

int
main(int argc, char **argv)
{
	int passed = 0, failed = 0;

	for (int i = 1; i < argc; i++) {
		if (run_directory(argv[i], &passed, &failed) < 0)
			failed++;
	}
	printf("fuzz: %d passed, %d failed\n", passed, failed);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
