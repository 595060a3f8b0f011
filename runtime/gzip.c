/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gzip.c - libdeflate at one level. Runs on the master's loop.
 */
#include "gzip.h"

#include <libdeflate.h>
#include <string.h>

#define LEVEL 1

struct muster__body *muster__gzip(const struct muster__body *body)
{
	static struct libdeflate_compressor *compressor;

	if (compressor == NULL)
		compressor = libdeflate_alloc_compressor(LEVEL);
	struct muster__body *packed = compressor ? muster__body_create(body->count) : NULL;
	if (packed == NULL)
		return NULL;
	packed->count = libdeflate_gzip_compress(compressor, body->bytes, body->count, packed->bytes, body->count);
	if (packed->count == 0) {
		muster__body_release(packed);
		return NULL;
	}
	return packed;
}
