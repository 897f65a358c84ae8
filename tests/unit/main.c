/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The main program of every unit test: runs the one suite that its file defines.
 * Check forks for each case unless CK_FORK=no; CK_RUN_CASE picks one.
 */
#include "unit.h"

#include "base/mem.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Nobody's credentials are to be found, and nobody but this machine is to be asked. */
static void
forget_aws(void)
{
	for (char **at = environ; *at != NULL;) {
		AUTO(free) char *name = NULL;

		if (strncmp(*at, "AWS_", 4) != 0) {
			at++;
			continue;
		}
		name = xstrndup(*at, strcspn(*at, "="));
		unsetenv(name);
		at = environ;
	}
	setenv("AWS_EC2_METADATA_DISABLED", "true", 1);
}

int
main(void)
{
	SRunner *runner = srunner_create(test_suite());
	int failed;

	forget_aws();
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
