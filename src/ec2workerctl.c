/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The client's main.
 */
#include "ctl/ctl.h"
#include "sys/process.h"

int
main(int argc, char **argv)
{
	(void)argc;
	process_init();
	return (int)ctl_main(argv, stdout, stderr);
}
