/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What all simulated lives begin with.
 */
#ifndef SIM_LAYOUT_H
#define SIM_LAYOUT_H

struct conf;
struct fake_cloud;

#define LAYOUT_GIVEN "ami-12345" /* the image of workers that name one */
#define LAYOUT_CHOSEN                                                                  \
	"ami-00000010" /* of those that leave it to a listing or a parameter */

/* What there is for whoever names it. */
void layout_fill(struct fake_cloud *cloud);
/* The caller's; NULL, and the problems on stderr, if it cannot be read. */
struct conf *layout_conf(void);

#endif
