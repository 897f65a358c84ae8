/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a fuzz target defines. libFuzzer calls it, or replay.c with the files of a corpus.
 * A target checks more than survival: what must hold of any input is asserted.
 */
#ifndef FUZZ_H
#define FUZZ_H

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#endif
