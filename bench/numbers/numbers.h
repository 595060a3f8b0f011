/* SPDX-License-Identifier: Apache-2.0 */
/*
 * numbers.h - formatters of doubles, to be measured in turn. All write the shortest decimal that reads back as the
 * same bits, at most 32 bytes, and return the count.
 */
#ifndef BENCH_NUMBERS_H
#define BENCH_NUMBERS_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef size_t number_fn(char *out, double x);

number_fn number_to_chars; /* std::to_chars of libstdc++ */
#ifdef WITH_FMT
number_fn number_fmt; /* fmt::format_to, "{}" */
#endif

#ifdef __cplusplus
}
#endif
#endif
