/* SPDX-License-Identifier: Apache-2.0 */
/*
 * auth.c - reads Basic credentials strictly: the scheme, one or more spaces, canonical base64 of
 * "user:password". Whatever cannot be read so is malformed, which is the client's bug; what can be read
 * and is not ours is wrong, which may be an attack. The two are counted apart.
 */
#include "auth.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>

static const char base64_digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/* Decode four digits to at most three bytes. Returns how many, or 0 for what base64 never produces. */
static size_t quad_decode(const char *in, unsigned char *out)
{
	size_t digits = in[3] != '=' ? 4 : in[2] != '=' ? 3 : 2;
	uint32_t bits = 0;

	for (size_t i = 0; i < 4; i++) {
		const char *digit = i < digits ? memchr(base64_digits, in[i], 64) : base64_digits;
		if (!digit)
			return 0;
		bits = bits << 6 | (uint32_t)(digit - base64_digits);
	}
	if (bits & (digits == 4 ? 0u : digits == 3 ? 0xffu : 0xffffu))
		return 0; /* bits beyond the last byte: not canonical */
	for (size_t i = 0; i < digits - 1; i++)
		out[i] = (unsigned char)(bits >> (16 - 8 * i));
	return digits - 1;
}

/* Returns the bytes decoded, 0 if `in` is not base64 or empty. `out` has room for count / 4 * 3. */
static size_t base64_decode(const char *in, size_t count, unsigned char *out)
{
	size_t filled = 0;

	if (count % 4)
		return 0;
	for (size_t i = 0; i < count; i += 4) {
		size_t more = quad_decode(in + i, out + filled);
		if (more == 0 || (more < 3 && i + 4 < count))
			return 0;
		filled += more;
	}
	return filled;
}

/* Takes as long for a wrong byte at the start as at the end. */
static bool same_secret(const unsigned char *bytes, size_t count)
{
	static const char secret[] = AUTH_CREDENTIALS;
	unsigned char different = count != sizeof secret - 1;

	for (size_t i = 0; i < count; i++)
		different |= bytes[i] ^ (unsigned char)secret[i % sizeof secret];
	return !different;
}

enum auth auth_check(const char *value, size_t count)
{
	unsigned char bytes[AUTH_FIELD_BYTES_MAX];
	size_t at = 5;

	if (count > AUTH_FIELD_BYTES_MAX || count < 6 || strncasecmp(value, "Basic", 5) != 0 || value[5] != ' ')
		return AUTH_MALFORMED;
	while (at < count && value[at] == ' ')
		at++;
	size_t filled = base64_decode(value + at, count - at, bytes);
	if (filled == 0 || !memchr(bytes, ':', filled))
		return AUTH_MALFORMED;
	return same_secret(bytes, filled) ? AUTH_GOOD : AUTH_WRONG;
}
