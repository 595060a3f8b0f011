/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Numbers on the page: the shortest digits that read back, spelled alike everywhere.
 */
#include "support.h"

#include <float.h>
#include <locale.h>

#include "shm/view.h"

#define NUMBER_BYTES_MAX 24
#define RANDOM_COUNT 1000000

/* Spelled into a buffer of exactly the bytes promised, so that a sanitizer sees one more. */
static char *spelled(double x, bool le_style)
{
	static char text[NUMBER_BYTES_MAX + 1];
	char *exact = malloc(NUMBER_BYTES_MAX);
	size_t count = muster__number_real(exact, x, le_style);

	assert_in_range(count, 1, NUMBER_BYTES_MAX);
	memcpy(text, exact, count);
	text[count] = '\0';
	free(exact);
	return text;
}

static char *spelled_uint(uint64_t n)
{
	static char text[21];

	text[muster__number_uint(text, n)] = '\0';
	return text;
}

static char *spelled_int(int64_t n)
{
	static char text[21];

	text[muster__number_int(text, n)] = '\0';
	return text;
}

static uint64_t next_random(void)
{
	static uint64_t x = 0x9e3779b97f4a7c15;

	x ^= x << 13;
	x ^= x >> 7;
	return x ^= x << 17;
}

/* ---- doubles ------------------------------------------------------------------------------ */

/* The digits of a number, from the first that is not 0 to the last. Returns how many. */
static int digits_of(const char *text, char *digits)
{
	int count = 0;

	for (; *text && *text != 'e'; text++)
		if (*text >= '0' && *text <= '9' && (count || *text != '0'))
			digits[count++] = *text;
	while (count > 1 && digits[count - 1] == '0')
		count--;
	digits[count] = '\0';
	return count;
}

/* Reads back as x; no correctly rounded spelling with one digit less does; the digits are the nearest ones. */
static void check_shortest(double x)
{
	const char *text = spelled(x, false);
	char digits[64], loop_digits[64], loop[40];
	int count = digits_of(text, digits);

	if (muster__bits(strtod(text, NULL)) != muster__bits(x))
		fail_msg("%a is spelled %s", x, text);
	(void)snprintf(loop, sizeof loop, "%.*e", count > 1 ? count - 2 : 0, x);
	if (count > 1 && strtod(loop, NULL) == x)
		fail_msg("%s is longer than %s", text, loop);
	(void)snprintf(loop, sizeof loop, "%.*e", count > 1 ? count - 1 : 0, x);
	(void)digits_of(loop, loop_digits);
	if (x != 0 && strtod(loop, NULL) == x && strcmp(digits, loop_digits) != 0)
		fail_msg("%s has not the digits of %s", text, loop);
}

/* x > 0 */
static void check_shortest_around(double x)
{
	double above = muster__double(muster__bits(x) + 1);

	check_shortest(x);
	check_shortest(-x);
	check_shortest(muster__double(muster__bits(x) - 1));
	if (isfinite(above))
		check_shortest(above);
}

static void random_doubles_are_shortest(void **state)
{
	(void)state;
	for (int i = 0; i < RANDOM_COUNT; i++) {
		double x = muster__double(next_random());
		if (isfinite(x))
			check_shortest(x);
	}
}

static void subnormals_are_shortest(void **state)
{
	(void)state;
	check_shortest_around(DBL_MIN);
	for (uint64_t bits = 1; bits < 3000; bits++)
		check_shortest(muster__double(bits));
	for (int i = 0; i < 50000; i++)
		check_shortest(muster__double(next_random() >> (12 + i % 52)));
}

static void powers_and_their_neighbours_are_shortest(void **state)
{
	(void)state;
	for (uint64_t bit = 0; bit < 52; bit++)
		check_shortest_around(muster__double(UINT64_C(1) << bit));
	for (uint64_t exponent = 1; exponent < 2047; exponent++)
		check_shortest_around(muster__double(exponent << 52));
	for (int e = -323; e <= 308; e++) {
		char power[16];
		(void)snprintf(power, sizeof power, "1e%d", e);
		check_shortest_around(strtod(power, NULL));
	}
	check_shortest_around(DBL_MAX);
}

static void sums_of_decimals_are_shortest(void **state)
{
	(void)state;
	for (int i = 0; i < 100000; i++)
		check_shortest_around((double)(next_random() >> (14 + i % 50) | 1) / 1000);
}

struct spelling {
	double x;
	const char *text;
};

static void values_are_plain_from_1e_4_to_1e21(void **state)
{
	static const struct spelling cases[] = {
		{0.1, "0.1"},
		{0.30000000000000004, "0.30000000000000004"},
		{0.0001, "0.0001"},
		{0.00012345678901234567, "0.00012345678901234567"},
		{-0.00012345678901234567, "-0.00012345678901234567"},
		{0.00009999, "9.999e-05"},
		{0.00001, "1e-05"},
		{1, "1"},
		{-1, "-1"},
		{999999, "999999"},
		{1000000, "1000000"},
		{1234567.5, "1234567.5"},
		{9007199254740991, "9007199254740991"},
		{9007199254740992, "9007199254740992"},
		{9007199254740994, "9007199254740994"},
		{1e20, "100000000000000000000"},
		{999999999999999868928.0, "999999999999999900000"},
		{1e21, "1e+21"},
		{1e23, "1e+23"},
		{1.5e100, "1.5e+100"},
		{5e-324, "5e-324"},
		{2.2250738585072014e-308, "2.2250738585072014e-308"},
		{-1.7976931348623157e308, "-1.7976931348623157e+308"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		assert_string_equal(spelled(cases[i].x, false), cases[i].text);
}

static void bounds_are_spelled_as_prometheus_client_does(void **state)
{
	static const struct spelling cases[] = {
		{0.005, "0.005"},
		{0.0001, "0.0001"},
		{0.00001, "1e-05"},
		{0, "0.0"},
		{1, "1.0"},
		{2.5, "2.5"},
		{10, "10.0"},
		{100000, "100000.0"},
		{999999, "999999.0"},
		{999999.5, "999999.5"},
		{1000000, "1e+06"},
		{1234567, "1.234567e+06"},
		{1234567.5, "1.2345675e+06"},
		{1e10, "1e+10"},
		{-1, "-1.0"},
		{-2000000, "-2e+06"},
		{9007199254740992, "9.007199254740992e+15"},
		{INFINITY, "+Inf"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		assert_string_equal(spelled(cases[i].x, true), cases[i].text);
}

static void what_is_no_number_has_a_name(void **state)
{
	(void)state;
	assert_string_equal(spelled(NAN, false), "NaN");
	assert_string_equal(spelled(-NAN, false), "NaN");
	assert_string_equal(spelled(INFINITY, false), "+Inf");
	assert_string_equal(spelled(-INFINITY, false), "-Inf");
	assert_string_equal(spelled(0.0, false), "0");
	assert_string_equal(spelled(-0.0, false), "-0");
}

/* Make a locale with a decimal comma for this test alone. */
static bool comma_set(void)
{
	char command[200], *directory = (char[]){"/tmp/muster-locale-XXXXXX"};

	assert_non_null(mkdtemp(directory));
	(void)snprintf(command, sizeof command, "localedef -i de_DE -f UTF-8 %s/de_DE.UTF-8 >&2", directory);
	bool made = system(command) == 0 && setenv("LOCPATH", directory, 1) == 0 && setlocale(LC_ALL, "de_DE.UTF-8");
	(void)snprintf(command, sizeof command, "rm -r %s", directory);
	assert_int_equal(system(command), 0);
	return made && strcmp(localeconv()->decimal_point, ",") == 0;
}

static void the_locale_is_no_matter(void **state)
{
	(void)state;
	if (!comma_set())
		skip();
	assert_string_equal(spelled(1234567.25, false), "1234567.25");
	assert_string_equal(spelled(0.5, true), "0.5");
	setlocale(LC_ALL, "C");
}

/* ---- integers ----------------------------------------------------------------------------- */

static void check_uint(uint64_t n)
{
	char expected[24];

	(void)snprintf(expected, sizeof expected, "%ju", (uintmax_t)n);
	assert_string_equal(spelled_uint(n), expected);
	(void)snprintf(expected, sizeof expected, "%jd", (intmax_t)n);
	assert_string_equal(spelled_int((int64_t)n), expected);
}

static void integers_of_every_length_are_exact(void **state)
{
	uint64_t ten = 1;

	(void)state;
	for (int digits = 1; digits <= 20; digits++, ten *= 10)
		for (uint64_t near = 0; near < 3; near++)
			check_uint(ten + near - 1);
	for (int bit = 0; bit < 64; bit++)
		check_uint(next_random() >> bit);
	check_uint(0);
	check_uint(UINT64_MAX);
	check_uint(UINT64_C(1) << 63);
}

static void whole_doubles_are_spelled_as_integers(void **state)
{
	(void)state;
	for (int bit = 11; bit < 64; bit++) {
		uint64_t n = next_random() >> bit;
		assert_string_equal(spelled((double)n, false), spelled_uint(n));
		assert_string_equal(spelled(-(double)(n | 1), false), spelled_int(-(int64_t)(n | 1)));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_doubles_are_shortest),
		cmocka_unit_test(subnormals_are_shortest),
		cmocka_unit_test(powers_and_their_neighbours_are_shortest),
		cmocka_unit_test(sums_of_decimals_are_shortest),
		cmocka_unit_test(values_are_plain_from_1e_4_to_1e21),
		cmocka_unit_test(bounds_are_spelled_as_prometheus_client_does),
		cmocka_unit_test(what_is_no_number_has_a_name),
		cmocka_unit_test(the_locale_is_no_matter),
		cmocka_unit_test(integers_of_every_length_are_exact),
		cmocka_unit_test(whole_doubles_are_spelled_as_integers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
