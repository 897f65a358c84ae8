/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The main program of every unit test: runs the one suite that its file defines.
 * Check forks for each case unless CK_FORK=no; CK_RUN_CASE picks one.
 */
#include "unit.h"

#include <stdlib.h>

int
main(void)
{
	SRunner *runner = srunner_create(test_suite());
	int failed;

	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
