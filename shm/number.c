/* SPDX-License-Identifier: Apache-2.0 */
/*
 * number.c - numbers as the exposition spells them, independent of the locale. Pure functions.
 *
 * Whole numbers below 2^53 take the integer path; they are nearly all of a page. The rest are printed with
 * 15, 16 or 17 digits, the fewest that read back as the same double. Exponents as Go's strconv 'g' spells
 * them: from 1e+21 and below 1e-4; in bucket bounds from 1e+06, as prometheus_client does.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "view.h"

static const char pairs[] = "00010203040506070809101112131415161718192021222324252627282930313233343536373839404142434445"
							"46474849505152535455565758596061626364656667686970717273747576777879808182838485868788899091"
							"9293949596979899";

size_t muster__number_uint(char *out, uint64_t n)
{
	char digits[20], *at = digits + sizeof digits;

	for (; n >= 100; n /= 100)
		memcpy(at -= 2, pairs + n % 100 * 2, 2);
	if (n >= 10)
		memcpy(at -= 2, pairs + n * 2, 2);
	else
		*--at = (char)('0' + n);
	size_t count = (size_t)(digits + sizeof digits - at);
	memcpy(out, at, count);
	return count;
}

size_t muster__number_int(char *out, int64_t n)
{
	if (n >= 0)
		return muster__number_uint(out, (uint64_t)n);
	*out = '-';
	return 1 + muster__number_uint(out + 1, -(uint64_t)n);
}

/* The fewest digits, without point or trailing zeros, that read back as x > 0: 0.d1d2... * 10^exponent. */
static int shortest(double x, char digits[18], int *exponent)
{
	char text[40];

	for (int precision = 14; precision <= 16; precision++) {
		(void)snprintf(text, sizeof text, "%.*e", precision, x);
		if (precision == 16 || strtod(text, NULL) == x)
			break;
	}
	/* d, the locale's point, d...d, e, sign, exponent */
	int count = 0;
	const char *at = text;
	for (; *at != 'e'; at++)
		if (*at >= '0' && *at <= '9')
			digits[count++] = *at;
	*exponent = atoi(at + 1) + 1;
	while (count > 1 && digits[count - 1] == '0')
		count--;
	return count;
}

static size_t put_exponent(char *out, const char *digits, int count, int exponent)
{
	char *at = out;

	*at++ = digits[0];
	if (count > 1) {
		*at++ = '.';
		memcpy(at, digits + 1, (size_t)count - 1);
		at += count - 1;
	}
	int e = exponent - 1;
	*at++ = 'e';
	*at++ = e < 0 ? '-' : '+';
	e = abs(e);
	if (e < 10)
		*at++ = '0';
	return (size_t)(at - out) + muster__number_uint(at, (uint64_t)e);
}

static size_t put_plain(char *out, const char *digits, int count, int exponent, bool le_style)
{
	char *at = out;

	if (exponent <= 0) {
		*at++ = '0';
		*at++ = '.';
		for (int i = exponent; i < 0; i++)
			*at++ = '0';
	}
	for (int i = 0; i < count || i < exponent; i++) {
		if (i == exponent && i > 0)
			*at++ = '.';
		*at++ = i < count ? digits[i] : '0';
	}
	if (le_style && count <= exponent) {
		*at++ = '.';
		*at++ = '0';
	}
	return (size_t)(at - out);
}

size_t muster__number_real(char *out, double x, bool le_style)
{
	char digits[18];
	int exponent;

	if (x != x)
		return (size_t)(stpcpy(out, "NaN") - out);
	if (isinf(x))
		return (size_t)(stpcpy(out, x > 0 ? "+Inf" : "-Inf") - out);
	if (!le_style && x == (double)(int64_t)x && fabs(x) < 9007199254740992.0 && !(x == 0 && signbit(x)))
		return muster__number_int(out, (int64_t)x);
	size_t sign = signbit(x) ? 1 : 0;
	if (sign)
		*out++ = '-';
	if (x == 0)
		return sign + (size_t)(stpcpy(out, le_style ? "0.0" : "0") - out);
	int count = shortest(fabs(x), digits, &exponent), limit = le_style ? 7 : 22;
	if (exponent < -3 || exponent >= limit)
		return sign + put_exponent(out, digits, count, exponent);
	return sign + put_plain(out, digits, count, exponent, le_style);
}
