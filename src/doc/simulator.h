/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What ec2sim understands, as mdoc.
 */
#ifndef DOC_SIMULATOR_H
#define DOC_SIMULATOR_H

struct buf;

/* The actions of EC2's Query API that it does. */
void simulator_actions(struct buf *out);
/* Method, path and purpose for each door below /_sim/. */
void simulator_doors(struct buf *out);

#endif
