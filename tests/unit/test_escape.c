/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Escaping schemes. The rows are those of TestEscapeName in prometheus/common, model/metric_test.go, and some more.
 */
#include "support.h"

#include "shm/escape.h"

/* Escaped into exactly the bytes promised, so that a sanitizer sees one more. */
static char *escaped(const char *name, enum muster_escaping escaping, bool colons)
{
	static char text[8][4096];
	static unsigned turn;
	size_t bytes = strlen(name), bytes_max = MUSTER__ESCAPED_BYTES_MAX(bytes);
	char *exact = malloc(bytes_max), *out = text[turn++ % 8];

	assert_non_null(exact);
	size_t count = (size_t)(muster__escape_name(exact, name, bytes, escaping, colons) - exact);
	assert_in_range(count, 0, bytes_max);
	memcpy(out, exact, count);
	out[count] = '\0';
	free(exact);
	return out;
}

static void names_are_escaped_as_prometheus_does(void **state)
{
	static const struct {
		const char *name, *underscores, *dots, *values;
	} rows[] = {
		{"", "", "", ""},
		{"no:escaping_required", "no:escaping_required", "no:escaping__required", "no:escaping_required"},
		{"mysystem.prod.west.cpu.load", "mysystem_prod_west_cpu_load", "mysystem_dot_prod_dot_west_dot_cpu_dot_load",
	     "U__mysystem_2e_prod_2e_west_2e_cpu_2e_load"},
		{"mysystem.prod.west.cpu.load_total", "mysystem_prod_west_cpu_load_total",
	     "mysystem_dot_prod_dot_west_dot_cpu_dot_load__total", "U__mysystem_2e_prod_2e_west_2e_cpu_2e_load__total"},
		{"http.status:sum", "http_status:sum", "http_dot_status:sum", "U__http_2e_status:sum"},
		{"label with \U0001f631", "label_with__", "label__with____", "U__label_20_with_20__1f631_"},
		{"\u82b1\u706b", "__", "____", "U___82b1__706b_"},
		{"label with \u0100", "label_with__", "label__with____", "U__label_20_with_20__100_"},
		{"1st", "_st", "__st", "U___31_st"},
		{"a1\"\n", "a1__", "a1____", "U__a1_22__a_"},
		{"\u07ff\u07ff", "__", "____", "U___7ff__7ff_"},
		{"....", "____", "_dot__dot__dot__dot_", "U___2e__2e__2e__2e_"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		assert_string_equal(escaped(rows[i].name, MUSTER_ESCAPING_UNDERSCORES, true), rows[i].underscores);
		assert_string_equal(escaped(rows[i].name, MUSTER_ESCAPING_DOTS, true), rows[i].dots);
		assert_string_equal(escaped(rows[i].name, MUSTER_ESCAPING_VALUES, true), rows[i].values);
		assert_string_equal(escaped(rows[i].name, MUSTER_ESCAPING_ALLOW_UTF_8, true), rows[i].name);
	}
}

static void a_colon_does_not_fit_a_label(void **state)
{
	(void)state;
	assert_string_equal(escaped("a:b", MUSTER_ESCAPING_UNDERSCORES, false), "a_b");
	assert_string_equal(escaped("a:b", MUSTER_ESCAPING_DOTS, false), "a__b");
	assert_string_equal(escaped("a:b", MUSTER_ESCAPING_VALUES, false), "U__a_3a_b");
	assert_string_equal(escaped("a:b", MUSTER_ESCAPING_ALLOW_UTF_8, false), "a:b");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_are_escaped_as_prometheus_does),
		cmocka_unit_test(a_colon_does_not_fit_a_label),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
