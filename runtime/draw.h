/* SPDX-License-Identifier: Apache-2.0 */
/*
 * draw.h - random numbers for what workers of one age are not to do at the same time.
 */
#ifndef MUSTER__DRAW_H
#define MUSTER__DRAW_H

#include <stdint.h>

/* One of 0, 1, ... max, each as likely. Never waits for the kernel to have randomness. */
uint64_t muster__draw(uint64_t max);

#endif
