/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the environment says of a failpoint, read each time that one is passed. A word that
 * it does not know is a test's mistake, and aborts.
 */
#include "base/failpoint.h"

#ifdef FAILPOINTS

#include "base/mem.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static const struct {
	const char *name;
	int number;
} errors[] = {
	{"EACCES", EACCES},
	{"EDQUOT", EDQUOT},
	{"EIO", EIO},
	{"EMFILE", EMFILE},
	{"ENOMEM", ENOMEM},
	{"ENOSPC", ENOSPC},
};

/* How a process ends that was told to exit: neither well nor by a signal. */
#define EXIT_CODE 99
#define SPACE " \t\n"

static int
error_number(const char *name)
{
	for (size_t i = 0; i < COUNT_OF(errors); i++)
		if (strcmp(errors[i].name, name) == 0)
			return errors[i].number;
	abort();
}

/* All of it, whatever signals come. */
static void
sleep_for(const char *text)
{
	double seconds = strtod(text, NULL);
	struct timespec left = {.tv_sec = (time_t)seconds};

	left.tv_nsec = (long)((seconds - (double)left.tv_sec) * 1e9);
	while (nanosleep(&left, &left) < 0 && errno == EINTR)
		;
}

/* The rest of a word behind its head, or NULL if it is another one. */
static const char *
after(const char *word, const char *head)
{
	size_t len = strlen(head);

	return strncmp(word, head, len) == 0 ? word + len : NULL;
}

/* Whether the words that follow count. */
static bool
obey(const struct failpoint *point, const char *word, int *ret_errnum)
{
	const char *value;

	if ((value = after(word, "nth:")) != NULL)
		return point->passed == (unsigned)strtoul(value, NULL, 10);
	if ((value = after(word, "err:")) != NULL)
		*ret_errnum = error_number(value);
	else if ((value = after(word, "sleep:")) != NULL)
		sleep_for(value);
	else if (strcmp(word, "kill") == 0)
		(void)raise(SIGKILL); /* cannot fail */
	else if (strcmp(word, "exit") == 0)
		_exit(EXIT_CODE);
	else
		abort();
	return true;
}

/* What was said of all points. */
static char *
read_orders(void)
{
	const char *text = getenv("EC2WORKERD_FAILPOINTS");
	char *line = NULL;
	size_t size = 0;
	FILE *file;

	if (text == NULL || text[0] != '/')
		return xstrdup_opt(text);
	file = fopen(text, "re");
	if (file == NULL)
		return NULL; /* nothing is said yet */
	if (getdelim(&line, &size, '\0', file) < 0) {
		free(line);
		line = NULL;
	}
	(void)fclose(file); /* only read */
	return line;
}

/* What stands behind "NAME=", up to white space; NULL: nothing. */
static char *
orders_for(const char *name, const char *text)
{
	size_t len = strlen(name);

	while (text != NULL && *text != '\0') {
		text += strspn(text, SPACE);
		if (strncmp(text, name, len) == 0 && text[len] == '=')
			return xstrndup(text + len + 1, strcspn(text + len + 1, SPACE));
		text += strcspn(text, SPACE);
	}
	return NULL;
}

bool
failpoint_pass(struct failpoint *point)
{
	AUTO(free) char *all = read_orders();
	AUTO(free) char *orders = orders_for(point->name, all);
	char *rest = NULL;
	int errnum = 0;

	if (orders == NULL)
		return false;
	point->passed++;
	for (char *word = strtok_r(orders, ",", &rest); word != NULL;
		word = strtok_r(NULL, ",", &rest))
		if (!obey(point, word, &errnum))
			break;
	if (errnum != 0)
		errno = errnum;
	return errnum != 0;
}

#endif
