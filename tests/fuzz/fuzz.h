/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz.h - what harnesses share. A harness is one file with LLVMFuzzerTestOneInput(); linked with libFuzzer or
 * AFL++ it is a fuzzer, linked with replay.c a test of the corpus.
 */
#ifndef TESTS_FUZZ_H
#define TESTS_FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What must hold for every input; the fuzzer keeps the input that ends here. */
#define FUZZ_REQUIRE(what, ...)                                                                                        \
	do {                                                                                                               \
		if (!(what)) {                                                                                                 \
			fprintf(stderr, "%s:%d: %s: ", __FILE__, __LINE__, #what);                                                 \
			fprintf(stderr, __VA_ARGS__);                                                                              \
			fputc('\n', stderr);                                                                                       \
			abort();                                                                                                   \
		}                                                                                                              \
	} while (0)

/* Taking an input apart; behind its end there are zeros. */
struct fuzz_input {
	const uint8_t *at;
	size_t left;
};

static inline void fuzz_take(struct fuzz_input *in, void *out, size_t count)
{
	size_t n = count < in->left ? count : in->left;

	memset(out, 0, count);
	if (n)
		memcpy(out, in->at, n);
	in->at += n;
	in->left -= n;
}

static inline uint8_t fuzz_u8(struct fuzz_input *in)
{
	uint8_t x;

	fuzz_take(in, &x, sizeof x);
	return x;
}

static inline uint32_t fuzz_u32(struct fuzz_input *in)
{
	uint32_t x;

	fuzz_take(in, &x, sizeof x);
	return x;
}

static inline uint64_t fuzz_u64(struct fuzz_input *in)
{
	uint64_t x;

	fuzz_take(in, &x, sizeof x);
	return x;
}

#endif
