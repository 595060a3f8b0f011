/* SPDX-License-Identifier: Apache-2.0 */
/*
 * page.c - reading text 0.0.4 back; see page.h.
 */
#include "page.h"

#include <stdlib.h>
#include <string.h>

void page_begin(struct page *page, const char *text, size_t count)
{
	*page = (struct page){.at = text, .end = text + count};
	/* What is unescaped is not longer, but each text has a NUL, in place of a quote or a space. */
	page->memory = page->free = malloc(count + 16);
	if (page->memory == NULL)
		abort();
}

void page_end(struct page *page)
{
	free(page->memory);
}

static bool wrong(struct page *page, const char *what)
{
	page->wrong = what;
	return false;
}

static bool take(struct page *page, const char *literal)
{
	size_t n = strlen(literal);

	if ((size_t)(page->end - page->at) < n || memcmp(page->at, literal, n) != 0)
		return false;
	page->at += n;
	return true;
}

/* Of a metric: those of other libraries may have colons. */
static bool is_name(char c, bool first)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == ':' || (!first && c >= '0' && c <= '9');
}

static void text_begin(const struct page *page, struct page_text *out)
{
	*out = (struct page_text){page->free, 0};
}

static void text_end(struct page *page, struct page_text *out)
{
	out->count = (size_t)(page->free - out->bytes);
	*page->free++ = '\0';
}

/* Up to `stop`, which is taken. */
static bool take_escaped(struct page *page, char stop, struct page_text *out)
{
	text_begin(page, out);
	while (page->at < page->end && *page->at != stop) {
		char c = *page->at++;
		if (c == '\n')
			return wrong(page, "a line ends within quotes");
		if (c == '\\') {
			c = page->at < page->end ? *page->at++ : '\0';
			if (c == 'n')
				c = '\n';
			else if (c != '\\' && (c != '"' || stop != '"'))
				return wrong(page, "an escape that is none");
		}
		*page->free++ = c;
	}
	if (page->at == page->end)
		return wrong(page, "no end of a text");
	page->at++;
	text_end(page, out);
	return true;
}

/* In quotes if it is not of the old alphabet, and only then. */
static bool take_name(struct page *page, struct page_text *out)
{
	if (take(page, "\"")) {
		bool legacy = true;
		if (!take_escaped(page, '"', out))
			return false;
		for (size_t i = 0; i < out->count; i++)
			legacy &= is_name(out->bytes[i], i == 0);
		return out->count > 0 && !legacy ? true : wrong(page, "quotes that are not needed");
	}
	text_begin(page, out);
	while (page->at < page->end && is_name(*page->at, page->free == out->bytes))
		*page->free++ = *page->at++;
	text_end(page, out);
	return out->count > 0 || wrong(page, "no name");
}

/* `name{label="value"}`, or `{"name",label="value"}`. */
static bool take_key(struct page *page, struct page_line *line)
{
	bool quoted = take(page, "{");

	if (!take_name(page, &line->name))
		return false;
	if (quoted ? take(page, "}") : !take(page, "{"))
		return true;
	if (quoted && !take(page, ","))
		return wrong(page, "no } nor , behind a name");
	do {
		size_t i = line->label_count++;
		if (i == PAGE_LABELS_MAX)
			return wrong(page, "more labels than a family can have");
		if (!take_name(page, line->labels + i))
			return false;
		if (!take(page, "=\""))
			return wrong(page, "no =\" behind a label");
		if (!take_escaped(page, '"', line->values + i))
			return false;
	} while (take(page, ","));
	return take(page, "}") || wrong(page, "no } behind the labels");
}

static bool take_value(struct page *page, struct page_line *line)
{
	char *end;

	if (!take(page, " "))
		return wrong(page, "no space before the value");
	text_begin(page, &line->rest);
	while (page->at < page->end && *page->at != '\n')
		*page->free++ = *page->at++;
	text_end(page, &line->rest);
	(void)strtod(line->rest.bytes, &end);
	if (line->rest.count == 0 || *end != '\0' || strpbrk(line->rest.bytes, " xXpP"))
		return wrong(page, "no number");
	return take(page, "\n") || wrong(page, "no end of the line");
}

bool page_next(struct page *page, struct page_line *line)
{
	if (page->at == page->end || page->wrong)
		return false;
	*line = (struct page_line){.begin = page->at, .kind = PAGE_SAMPLE};
	page->free = page->memory;
	if (take(page, "# HELP "))
		line->kind = PAGE_HELP;
	else if (take(page, "# TYPE "))
		line->kind = PAGE_TYPE;
	if (line->kind != PAGE_SAMPLE) {
		if (!take_name(page, &line->name))
			return false;
		if (!take(page, " ") || !take_escaped(page, '\n', &line->rest))
			return page->wrong ? false : wrong(page, "no text behind the name");
	} else {
		if (!take_key(page, line))
			return false;
		line->key_end = page->at;
		if (!take_value(page, line))
			return false;
	}
	line->end = page->at - 1;
	return true;
}

/* ---- a whole page ------------------------------------------------------------------------- */

struct key {
	const char *bytes;
	size_t count;
};

struct checking {
	struct key *names, *samples;
	size_t name_count, sample_count;
	char family[256], type[16];
	enum page_kind last;
	const char *where;
};

static int key_order(const void *a, const void *b)
{
	const struct key *x = a, *y = b;
	int order = memcmp(x->bytes, y->bytes, x->count < y->count ? x->count : y->count);

	return order ? order : x->count < y->count ? -1 : x->count > y->count;
}

static const char *twice(struct key *keys, size_t count)
{
	if (count > 1)
		qsort(keys, count, sizeof *keys, key_order);
	for (size_t i = 1; i < count; i++)
		if (key_order(keys + i - 1, keys + i) == 0)
			return keys[i].bytes;
	return NULL;
}

static bool head_check(struct checking *c, const struct page_line *line)
{
	static const char *const types[] = {"counter", "gauge", "histogram", "summary"};

	if (line->kind == PAGE_HELP) {
		(void)strncpy(c->family, line->name.bytes, sizeof c->family - 1);
		return line->name.count < sizeof c->family;
	}
	if (c->last != PAGE_HELP || strcmp(c->family, line->name.bytes) != 0)
		return false;
	(void)strncpy(c->type, line->rest.bytes, sizeof c->type - 1);
	for (size_t i = 0; i < sizeof types / sizeof *types; i++)
		if (strcmp(types[i], line->rest.bytes) == 0)
			return true;
	return false;
}

static bool last_label_is(const struct page_line *line, const char *name)
{
	return line->label_count > 0 && strcmp(line->labels[line->label_count - 1].bytes, name) == 0;
}

/* Is it a sample of the family above it? */
static bool sample_check(const struct checking *c, const struct page_line *line)
{
	size_t n = strlen(c->family);
	bool histogram = strcmp(c->type, "histogram") == 0;
	const char *suffix = line->name.bytes + n;

	if (c->last == PAGE_HELP || strncmp(line->name.bytes, c->family, n) != 0)
		return false;
	if (!histogram && strcmp(c->type, "summary") != 0)
		return *suffix == '\0';
	return strcmp(suffix, "_sum") == 0 || strcmp(suffix, "_count") == 0 ||
	       (histogram ? strcmp(suffix, "_bucket") == 0 && last_label_is(line, "le")
	                  : *suffix == '\0' && last_label_is(line, "quantile"));
}

static const char *line_check(struct checking *c, const struct page_line *line)
{
	c->where = line->begin;
	if (line->kind == PAGE_SAMPLE) {
		if (!sample_check(c, line))
			return "a sample of another family than that above it";
		c->samples[c->sample_count++] = (struct key){line->begin, (size_t)(line->key_end - line->begin)};
	} else {
		if (!head_check(c, line))
			return "HELP and TYPE of a family that do not belong together";
		if (line->kind == PAGE_TYPE)
			c->names[c->name_count++] = (struct key){line->begin + 7, line->name.count};
	}
	for (size_t i = 0; i < line->label_count; i++)
		for (size_t k = 0; k < i; k++)
			if (strcmp(line->labels[i].bytes, line->labels[k].bytes) == 0)
				return "a label twice in a sample";
	c->last = line->kind;
	return NULL;
}

static const char *lines_check(struct page *page, struct checking *c)
{
	struct page_line line;
	const char *broken = NULL;

	while (broken == NULL && page_next(page, &line))
		broken = line_check(c, &line);
	if (page->wrong)
		c->where = line.begin;
	if (broken || page->wrong)
		return broken ? broken : page->wrong;
	if ((c->where = twice(c->names, c->name_count)) != NULL)
		return "a family twice";
	if ((c->where = twice(c->samples, c->sample_count)) != NULL)
		return "a sample twice";
	return NULL;
}

const char *page_check(const char *text, size_t count, const char **where)
{
	struct checking c = {.last = PAGE_HELP};
	struct page page;
	size_t lines = 1;

	for (size_t i = 0; i < count; i++)
		lines += text[i] == '\n';
	c.names = calloc(lines, sizeof *c.names);
	c.samples = calloc(lines, sizeof *c.samples);
	if (c.names == NULL || c.samples == NULL)
		abort();
	page_begin(&page, text, count);
	const char *broken = lines_check(&page, &c);
	page_end(&page);
	*where = c.where;
	free(c.names);
	free(c.samples);
	return broken;
}
