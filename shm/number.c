/* SPDX-License-Identifier: Apache-2.0 */
/*
 * number.c - numbers as the exposition spells them, independent of the locale. Pure functions, no libc call
 * but memcpy and memset.
 *
 * Whole numbers below 2^53 take the integer path; they are nearly all of a page. Any other double is spelled
 * with the fewest digits that read back as the same double and, of those, the ones nearest to it.
 *
 * Form: plain from 1e-4 to below 1e+21, else with an exponent of at least two digits. That is the rule of Go's %v.
 * Go's own exposition uses strconv 'g' with precision -1, which is alike but turns to exponents at 1e+06;
 * readers take both, and a counter that passes 999999 should not change its looks. In bucket bounds, where the
 * spelling is part of a series' identity, 1e+06 it is, and a whole number below ends in ".0", as prometheus_client and
 * OpenMetrics ("Canonical numbers") have it.
 *
 * Source: R. Giulietti, "The Schubfach way to render doubles", 2021; his names in brackets.
 */
#include <locale.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "number_table.h"
#include "view.h"

#define PLAIN_POINT_MIN (-3) /* 1e-4 is 0.1 * 10^-3 */
#define PLAIN_POINT_MAX 21
#define PLAIN_POINT_MAX_LE 6

__extension__ typedef unsigned __int128 u128;

/* ---- integers ----------------------------------------------------------------------------- */

static const char pairs[] = "00010203040506070809101112131415161718192021222324252627282930313233343536373839"
							"40414243444546474849505152535455565758596061626364656667686970717273747576777879"
							"8081828384858687888990919293949596979899";

static const uint64_t tens[] = {
	UINT64_C(0), /* so that 0 has one digit */
	UINT64_C(10),
	UINT64_C(100),
	UINT64_C(1000),
	UINT64_C(10000),
	UINT64_C(100000),
	UINT64_C(1000000),
	UINT64_C(10000000),
	UINT64_C(100000000),
	UINT64_C(1000000000),
	UINT64_C(10000000000),
	UINT64_C(100000000000),
	UINT64_C(1000000000000),
	UINT64_C(10000000000000),
	UINT64_C(100000000000000),
	UINT64_C(1000000000000000),
	UINT64_C(10000000000000000),
	UINT64_C(100000000000000000),
	UINT64_C(1000000000000000000),
	UINT64_C(10000000000000000000),
};

/* Decimal digits of n: floor(log10) of its highest bit, 1233 / 2^12 being log10(2), corrected by one look. */
static size_t digit_count(uint64_t n)
{
	unsigned guess = (64u - (unsigned)__builtin_clzll(n | 1)) * 1233 >> 12;

	return guess + (n >= tens[guess]);
}

size_t muster__number_uint(char *out, uint64_t n)
{
	size_t count = digit_count(n);
	char *at = out + count;

	for (; n >= 100; n /= 100)
		memcpy(at -= 2, pairs + n % 100 * 2, 2);
	if (n >= 10)
		memcpy(out, pairs + n * 2, 2);
	else
		*out = (char)('0' + n);
	return count;
}

size_t muster__number_int(char *out, int64_t n)
{
	if (n >= 0)
		return muster__number_uint(out, (uint64_t)n);
	*out = '-';
	return 1 + muster__number_uint(out + 1, -(uint64_t)n);
}

/* ---- the shortest decimal ----------------------------------------------------------------- */

struct decimal {
	uint64_t digits;
	int exponent; /* value = digits * 10^exponent */
};

/* Proved over all exponents of a double by tools/gen_number_table.py. */
static int floor_log10_of_power_of_2(int q)
{
	return q * 1262611 >> 22;
}

static int floor_log10_of_3_4ths_of_power_of_2(int q)
{
	return (q * 1262611 - 524031) >> 22;
}

static int floor_log2_of_power_of_10(int e)
{
	return e * 1741647 >> 19;
}

/* floor(power * c / 2^128), its lowest bit set if something was cut off [rop]. The power's own rounding up
 * shows as at most 1 in the highest word cut off; a true fraction is never that small [section 9.9]. */
static uint64_t round_to_odd(const struct power *power, uint64_t c)
{
	u128 low = (u128)power->low * c >> 64;
	u128 all = (u128)power->high * c + low;

	return (uint64_t)(all >> 64) | ((uint64_t)all > 1);
}

/* Three numbers in units of 10^k / 4: the lower and upper borders of what rounds to x, and x itself. */
struct interval {
	uint64_t lower, value, upper;
	int k;
};

/* x = c * 2^q. Below the least c of a binade the doubles lie twice as dense, so the lower border is half as far. */
static struct interval interval_of(uint64_t c, int q, bool uneven)
{
	int k = uneven ? floor_log10_of_3_4ths_of_power_of_2(q) : floor_log10_of_power_of_2(q);
	int shift = q + floor_log2_of_power_of_10(-k) + 1;
	const struct power *power = &powers[-k - POWER_MIN];
	uint64_t odd = c & 1; /* round half to even: the borders themselves belong to an even c only */

	return (struct interval){
		.lower = round_to_odd(power, (4 * c - 2 + uneven) << shift) + odd,
		.value = round_to_odd(power, 4 * c << shift),
		.upper = round_to_odd(power, (4 * c + 2) << shift) - odd,
		.k = k,
	};
}

/* Of the multiples of 10^(k+1) at most one lies inside, and is the shortest if it does; else the nearest multiple of
 * 10^k that lies inside. */
static struct decimal shortest_inside(const struct interval *i)
{
	uint64_t below = i->value / 4, tenth = below / 10;
	bool tenth_inside = i->lower <= 40 * tenth, next_tenth_inside = 40 * tenth + 40 <= i->upper;

	if (below >= 10 && tenth_inside != next_tenth_inside)
		return (struct decimal){tenth + next_tenth_inside, i->k + 1};
	bool below_inside = i->lower <= 4 * below, above_inside = 4 * below + 4 <= i->upper;
	uint64_t middle = 4 * below + 2;
	bool nearer_above = i->value > middle || (i->value == middle && (below & 1));
	bool above = below_inside != above_inside ? above_inside : nearer_above;
	return (struct decimal){below + above, i->k};
}

/* bits: of a finite double above 0. */
static struct decimal shortest(uint64_t bits)
{
	uint64_t fraction = bits & ((UINT64_C(1) << 52) - 1);
	int biased = (int)(bits >> 52);
	struct interval i = biased ? interval_of(fraction | UINT64_C(1) << 52, biased - 1075, fraction == 0 && biased > 1)
	                           : interval_of(fraction, -1074, false);

	return shortest_inside(&i);
}

/* ---- spelling ----------------------------------------------------------------------------- */

/* Digits without trailing zeros; value = 0.d1d2d3... * 10^point. */
struct spelling {
	char digits[20];
	int count, point;
};

static struct spelling spelling_of(struct decimal d)
{
	struct spelling s;

	s.count = (int)muster__number_uint(s.digits, d.digits);
	s.point = s.count + d.exponent;
	while (s.digits[s.count - 1] == '0')
		s.count--;
	return s;
}

static char *put(char *at, const char *bytes, int count)
{
	memcpy(at, bytes, (size_t)count);
	return at + count;
}

static char *put_zeros(char *at, int count)
{
	memset(at, '0', (size_t)count);
	return at + count;
}

static char *put_with_exponent(char *at, const struct spelling *s)
{
	int exponent = s->point - 1, size = exponent < 0 ? -exponent : exponent;

	*at++ = s->digits[0];
	if (s->count > 1) {
		*at++ = '.';
		at = put(at, s->digits + 1, s->count - 1);
	}
	*at++ = 'e';
	*at++ = exponent < 0 ? '-' : '+';
	if (size < 10)
		*at++ = '0';
	return at + muster__number_uint(at, (uint64_t)size);
}

static char *put_plain(char *at, const struct spelling *s)
{
	if (s->point <= 0) {
		at = put(at, "0.", 2);
		at = put_zeros(at, -s->point);
		return put(at, s->digits, s->count);
	}
	if (s->count > s->point) {
		at = put(at, s->digits, s->point);
		*at++ = '.';
		return put(at, s->digits + s->point, s->count - s->point);
	}
	at = put(at, s->digits, s->count);
	return put_zeros(at, s->point - s->count);
}

/* bits: of a finite double above 0. */
static char *put_shortest(char *at, uint64_t bits, int point_max)
{
	struct spelling s = spelling_of(shortest(bits));

	return s.point < PLAIN_POINT_MIN || s.point > point_max ? put_with_exponent(at, &s) : put_plain(at, &s);
}

static char *put_finite(char *at, uint64_t bits, bool le_style)
{
	double x = muster__double(bits);

	if (x >= (le_style ? 1e6 : 9007199254740992.0) || x != (double)(int64_t)x)
		return put_shortest(at, bits, le_style ? PLAIN_POINT_MAX_LE : PLAIN_POINT_MAX);
	at += muster__number_uint(at, (uint64_t)x);
	return le_style ? put(at, ".0", 2) : at;
}

size_t muster__number_real(char *out, double x, bool le_style)
{
	uint64_t infinity = UINT64_C(0x7ff) << 52, bits = muster__bits(x), size = bits & INT64_MAX;
	char *at = out;

	if (size > infinity)
		return (size_t)(put(at, "NaN", 3) - out);
	if (bits != size)
		*at++ = '-';
	else if (size == infinity)
		*at++ = '+';
	at = size == infinity ? put(at, "Inf", 3) : put_finite(at, size, le_style);
	return (size_t)(at - out);
}

double muster__number_read(const char *text)
{
	locale_t c = newlocale(LC_ALL_MASK, "C", NULL);
	char *end = NULL;

	if (c == NULL)
		return NAN;
	double x = strtod_l(text, &end, c);
	freelocale(c);
	return end == text ? NAN : x;
}
