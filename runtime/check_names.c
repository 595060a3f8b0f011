/* SPDX-License-Identifier: Apache-2.0 */
/*
 * check_names.c - rules on what a family is called: those of promlint that muster_declare() does not enforce, and of
 * "Writing exporters".
 *
 * A name is looked at by its words, what stands between underscores, dots and the like.
 */
#include "check.h"

#include <ctype.h>
#include <string.h>

#include "shm/escape.h"

/* Between words, or behind the last. Letters beyond ASCII are none. */
static bool is_separator(char c)
{
	return (unsigned char)c < 0x80 && !isalnum((unsigned char)c);
}

/* Is `word` one of the words of a name? */
static bool has_word(const char *name, const char *word)
{
	size_t n = strlen(word);

	for (const char *at = strstr(name, word); at; at = strstr(at + 1, word))
		if ((at == name || is_separator(at[-1])) && is_separator(at[n]))
			return true;
	return false;
}

/* The last word, before a counter's _total. */
static size_t last_word(const char *name, const char **word)
{
	size_t count = strlen(name);

	if (count > 6 && strcmp(name + count - 6, "_total") == 0)
		count -= 6;
	const char *end = name + count, *at = end;
	while (at > name && !is_separator(at[-1]))
		at--;
	*word = at;
	return (size_t)(end - at);
}

static void type_in_name(const struct muster__view *view, const struct muster__view_family *f,
                         struct muster__finding *finding)
{
	static const char *const types[] = {"counter", "gauge", "histogram", "summary"};

	(void)view;
	for (size_t i = 0; i < sizeof types / sizeof *types; i++)
		if (has_word(f->name, types[i]))
			muster__finding_set(finding, "the name says \"%s\"", types[i]);
}

static bool has_upper(const char *s)
{
	for (; *s; s++)
		if (isupper((unsigned char)*s))
			return true;
	return false;
}

static void camel_case(const struct muster__view *view, const struct muster__view_family *f,
                       struct muster__finding *finding)
{
	(void)view;
	if (has_upper(f->name))
		muster__finding_set(finding, "the name has capitals");
	for (uint32_t i = 0; i < f->label_count; i++)
		if (has_upper(f->labels[i]) && strcmp(f->labels[i], f->name) != 0)
			muster__finding_set(finding, "the label \"%s\" has capitals", f->labels[i]);
}

static void other_unit(const struct muster__view *view, const struct muster__view_family *f,
                       struct muster__finding *finding)
{
	static const struct {
		const char *unit, *base;
	} rows[] = {
		{"nanoseconds", "seconds"}, {"microseconds", "seconds"}, {"milliseconds", "seconds"},
		{"minutes", "seconds"},     {"hours", "seconds"},        {"days", "seconds"},
		{"weeks", "seconds"},       {"bits", "bytes"},           {"kilobytes", "bytes"},
		{"megabytes", "bytes"},     {"gigabytes", "bytes"},      {"terabytes", "bytes"},
		{"kibibytes", "bytes"},     {"mebibytes", "bytes"},      {"gibibytes", "bytes"},
		{"percent", "ratio"},       {"percentage", "ratio"},     {"fahrenheit", "celsius"},
		{"kilograms", "grams"},     {"kilometers", "meters"},    {"millimeters", "meters"},
		{"miles", "meters"},        {"millivolts", "volts"},     {"milliamperes", "amperes"},
		{"kilojoules", "joules"},   {"calories", "joules"},
	};

	(void)view;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		if (has_word(f->name, rows[i].unit))
			muster__finding_set(finding, "the unit is %s; the base unit is %s", rows[i].unit, rows[i].base);
}

static void short_unit(const struct muster__view *view, const struct muster__view_family *f,
                       struct muster__finding *finding)
{
	static const char *const units[] = {"s", "ms", "us", "ns", "sec", "b", "kb", "mb", "gb", "tb", "pb", "m", "h", "d"};
	const char *word;
	size_t count = last_word(f->name, &word);

	(void)view;
	for (size_t i = 0; i < sizeof units / sizeof *units; i++)
		if (word > f->name && strlen(units[i]) == count && memcmp(units[i], word, count) == 0)
			muster__finding_set(finding, "the name ends in an abbreviated unit, \"%s\"", units[i]);
}

/* Is a name spelled otherwise than escaped by underscores? */
static bool meets(const char *name, const char *spelled, bool colons)
{
	char escaped[MUSTER__ESCAPED_BYTES_MAX(MUSTER_NAME_BYTES_MAX) + 1];

	*muster__escape_name(escaped, name, strlen(name), MUSTER_ESCAPING_UNDERSCORES, colons) = '\0';
	return strcmp(escaped, spelled) != 0;
}

static void names_meet(const struct muster__view *view, const struct muster__view_family *f,
                       struct muster__finding *finding)
{
	const struct muster__spelling *s = f->spelled[MUSTER_ESCAPING_UNDERSCORES];

	(void)view;
	if (meets(f->name, s->name, true))
		muster__finding_set(finding, "by underscores the name is that of another, so it is written as %s", s->name);
	for (uint32_t i = 0; i < f->label_count; i++)
		if (strcmp(f->labels[i], f->name) != 0 && meets(f->labels[i], s->labels[i], false))
			muster__finding_set(finding,
			                    "by underscores the label \"%s\" is another or reserved, so it is written as %s",
			                    f->labels[i], s->labels[i]);
}

static void target_label(const struct muster__view *view, const struct muster__view_family *f,
                         struct muster__finding *finding)
{
	(void)view;
	for (uint32_t i = 0; i < f->label_count; i++)
		if (strcmp(f->labels[i], "job") == 0 || strcmp(f->labels[i], "instance") == 0)
			muster__finding_set(finding, "has a label \"%s\"", f->labels[i]);
}

static void reserved_prefix(const struct muster__view *view, const struct muster__view_family *f,
                            struct muster__finding *finding)
{
	(void)view;
	if (strncmp(f->name, "scrape_", 7) == 0)
		muster__finding_set(finding, "begins with scrape_");
}

static void empty_help(const struct muster__view *view, const struct muster__view_family *f,
                       struct muster__finding *finding)
{
	(void)view;
	if (strcmp(f->help, f->name) == 0 || strpbrk(f->help, " \t") == NULL)
		muster__finding_set(finding, "the help is \"%.80s\"", f->help);
}

const struct muster__check_rule muster__check_names[] = {
	{"type_in_name", type_in_name, "The type is in the TYPE line, and a name outlives a change of type; leave it out."},
	{"camel_case", camel_case, "Names are words in small letters between underscores; queries are case-sensitive."},
	{"other_unit", other_unit, "Dashboards and rules expect base units; record in the base unit and rename."},
	{"short_unit", short_unit, "Units are written out: seconds, bytes; record in the base unit and rename."},
	{"names_meet", names_meet,
     "Who does not ask for UTF-8 sees a name that none would look for; rename one of the two."},
	{"target_label", target_label,
     "Prometheus sets it per target and will rename this one to exported_...; rename it."},
	{"reserved_prefix", reserved_prefix, "Prometheus adds series of such names itself; rename it."},
	{"empty_help", empty_help, "It says nothing the name does not say; tell what is counted and when."},
	{0},
};
