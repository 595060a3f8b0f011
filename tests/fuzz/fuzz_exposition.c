/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_exposition.c - a view made from the input, written as text, read back by a reader that shares nothing
 * with the writer: the same families, labels and values, and a page that keeps all rules. By every escaping scheme, and twice, with other
 * values the second time, since what is rendered is kept.
 *
 * An input is a row of families: kind (kinds[]), label count, number in the name, help, count of series,
 * count of bounds, bounds; then per series a length and bytes for each label, and the values.
 */
#include <math.h>

#include "fuzz.h"
#include "page.h"
#include "shm/encode.h"
#include "shm/layout.h"
#include "shm/merge.h"
#include "shm/names.h"
#include "shm/text_rests.h"
#include "shm/spelling.h"

#define FAMILIES_MAX 16
#define SERIES_MAX 8
#define LABELS_MAX 4
#define BOUNDS_MAX 12
#define PIDS_MAX 64

static const struct {
	enum muster_type type;
	enum muster_mode mode;
	const char *suffix, *name;
} kinds[] = {
	{MUSTER_COUNTER, 0, "_total", "counter"},
	{MUSTER_REAL_COUNTER, 0, "_total", "counter"},
	{MUSTER_GAUGE, MUSTER_SUM, "", "gauge"},
	{MUSTER_GAUGE, MUSTER_ALL, "", "gauge"},
	{MUSTER_IN_FLIGHT, 0, "", "gauge"},
	{MUSTER_HISTOGRAM, 0, "", "histogram"},
	{MUSTER_SUMMARY, 0, "", "summary"},
	{MUSTER_GAUGE, MUSTER_MOSTRECENT, "", "gauge"},
	{MUSTER_NATIVE_HISTOGRAM, 0, "", "histogram"},
};

/* Names that meet after escaping, by pieces; from number NEW_NAMES on, and labels with them. */
#define NEW_NAMES 200
static const char *const stems[] = {"f.1",          "f_1",    "f/1",       "f-1_sum", "f 1",
                                    "\xe8\x8a\xb1", "\"\\\n", "U__f_2e_1", "f__1",    "1"};
static const char *const labels_old[LABELS_MAX] = {"a", "b_1", "C", "_d"};
static const char *const labels_new[LABELS_MAX] = {"a.b", "a_b", "..a", "\xe8\x8a\xb1"};

static enum muster_escaping escaping; /* of the page */
static struct muster__merge merge = {.series_max = SIZE_MAX};

/* ---- a view from the input ---------------------------------------------------------------- */

/* Valid UTF-8 of at most `room` bytes: what is not becomes printable. */
static struct muster_str text_take(struct fuzz_input *in, char *out, size_t room)
{
	size_t count = fuzz_u8(in) % (room + 1);

	fuzz_take(in, out, count);
	if (!muster__utf8_valid(out, count))
		for (size_t i = 0; i < count; i++)
			out[i] = (char)((out[i] & 0x7f) ? out[i] & 0x7f : '0');
	return (struct muster_str){out, count};
}

static uint32_t bounds_take(struct fuzz_input *in, double *bounds, uint32_t count)
{
	double bound = (int8_t)fuzz_u8(in);

	for (uint32_t i = 0; i < count; i++) {
		bounds[i] = bound;
		uint8_t step = fuzz_u8(in);
		double next = bound + ldexp(step + 1, step % 60 - 20);
		bound = step & 1 || !(next > bound) ? nextafter(bound, INFINITY) : next;
	}
	return count;
}

static struct muster__view_family *family_take(struct fuzz_input *in)
{
	static struct muster__family_shm record;
	static char names[64], help[64];
	static double bounds[BOUNDS_MAX];
	unsigned kind = fuzz_u8(in) % (sizeof kinds / sizeof *kinds);
	struct muster__family_parts parts = {.record = &record, .bounds = bounds, .unit = {"", 0}};
	struct muster__view_family *family;

	record = (struct muster__family_shm){.type = (uint8_t)kinds[kind].type, .mode = (uint8_t)kinds[kind].mode};
	record.label_count = fuzz_u8(in) % (LABELS_MAX + 1);
	unsigned number = fuzz_u8(in);
	for (size_t i = 0; i < record.label_count; i++)
		parts.labels[i] = muster_str(number < NEW_NAMES ? labels_old[i] : labels_new[i]);
	if (number < NEW_NAMES)
		(void)snprintf(names, sizeof names, "f%u%s", number, kinds[kind].suffix);
	else
		(void)snprintf(names, sizeof names, "%s%s", stems[(number - NEW_NAMES) % (sizeof stems / sizeof *stems)],
		               kinds[kind].suffix);
	parts.name = muster_str(names);
	parts.help = text_take(in, help, sizeof help);
	uint8_t count = fuzz_u8(in);
	if (record.type == MUSTER_HISTOGRAM)
		record.bounds_count = bounds_take(in, bounds, 1 + count / SERIES_MAX % BOUNDS_MAX);
	if (record.type == MUSTER_NATIVE_HISTOGRAM) {
		memcpy(bounds, (const double[]){count, 160 + count, count & 1}, 3 * sizeof *bounds);
		record.bounds_count = MUSTER__NATIVE_PARAMETERS;
	}
	if (record.type == MUSTER_SUMMARY && count / SERIES_MAX % BOUNDS_MAX >= 2) {
		memcpy(bounds, (const double[]){0, 0.99, 600}, 3 * sizeof *bounds);
		record.bounds_count = 3;
	}
	parts.bounds_count = record.bounds_count;
	if (muster__view_family_find(&merge, parts.name) != NULL)
		return NULL;
	FUZZ_REQUIRE(muster__view_family_join(&merge, &parts, &family) == 0, "memory");
	for (count %= SERIES_MAX; count > 0; count--) {
		char values[LABELS_MAX][40];
		struct muster_str strings[LABELS_MAX];
		struct muster__view_series *series;
		for (size_t i = 0; i < record.label_count; i++)
			strings[i] = text_take(in, values[i], sizeof values[i]);
		FUZZ_REQUIRE(muster__view_series_join(&merge, family, strings, &series) == 0, "memory");
	}
	return family;
}

static void pids_take(struct fuzz_input *in)
{
	struct muster__values *v = &merge.values;

	v->pids_count = 0;
	for (size_t i = 0; i < merge.series_count; i++) {
		struct muster__view_series *series = muster__series_at(&merge, i);
		if (series->family->mode != MUSTER_ALL)
			continue;
		for (uint8_t n = fuzz_u8(in) % 3; n > 0 && v->pids_count < PIDS_MAX; n--) {
			uint64_t bits = fuzz_u64(in);
			double value;
			memcpy(&value, &bits, sizeof value);
			v->pids[v->pids_count] = (struct muster__pid_value){{series, fuzz_u32(in), value}, v->pids_count};
			v->pids_count++;
		}
	}
}

/* Any control is one of a sum. */
static void natives_settle(void)
{
	for (size_t i = 0; i < merge.series_count; i++) {
		const struct muster__view_series *s = muster__series_at(&merge, i);
		if (s->family->type != MUSTER_NATIVE_HISTOGRAM)
			continue;
		uint64_t *control = merge.values.ints + s->int_at, any = *control;
		*control = muster__native_control((uint32_t)(any % 13), 0, (uint32_t)(any >> 4 & 0xffff) % 161,
		                                  (int32_t)(any >> 40) % 60);
	}
}

static void values_take(struct fuzz_input *in)
{
	struct muster__view *view = &merge.view;

	FUZZ_REQUIRE(muster__merge_reserve(&merge, PIDS_MAX) == 0, "memory");
	muster__values_clear(&merge.values, &merge);
	for (size_t i = 0; i < view->int_count; i++)
		merge.values.ints[i] = fuzz_u8(in) & 1 ? fuzz_u64(in) : fuzz_u8(in);
	natives_settle();
	for (size_t i = 0; i < view->real_count; i++)
		fuzz_take(in, &merge.values.high[i], sizeof(double));
	for (size_t i = 0; i < view->gauge_count; i++) {
		merge.values.gauges[i].set = fuzz_u8(in) & 1;
		fuzz_take(in, &merge.values.gauges[i].value, sizeof(double));
	}
	pids_take(in);
	FUZZ_REQUIRE(muster__merge_publish(&merge, NULL) == 0, "memory");
	for (size_t i = 0; i < view->sketch_count; i++)
		fuzz_take(in, view->quantiles[i], sizeof view->quantiles[i]);
}

/* ---- what must be on the page ------------------------------------------------------------- */

static const char *name_of(const struct muster__view_family *f)
{
	return f->spelled[escaping]->name;
}

static void labels_differ(const struct muster__view_family *f)
{
	char *const *labels = f->spelled[escaping]->labels;

	for (uint32_t i = 0; i < f->label_count; i++)
		for (uint32_t k = 0; k < i; k++)
			FUZZ_REQUIRE(strcmp(labels[i], labels[k]) != 0, "%s has %s twice", name_of(f), labels[i]);
	FUZZ_REQUIRE(escaping == MUSTER_ESCAPING_ALLOW_UTF_8 || f->spelled[escaping]->legacy, "%s", name_of(f));
}

/* Reading the page line by line. */
struct reading {
	struct page page;
	struct page_line line;
};

static void line_next(struct reading *r, enum page_kind kind, const char *name, const char *suffix)
{
	size_t n = strlen(name);

	FUZZ_REQUIRE(page_next(&r->page, &r->line), "%s", r->page.wrong ? r->page.wrong : "the page ends too early");
	FUZZ_REQUIRE(r->line.kind == kind && strncmp(r->line.name.bytes, name, n) == 0 &&
	                 strcmp(r->line.name.bytes + n, suffix) == 0,
	             "\"%.80s\", want %s%s", r->line.begin, name, suffix);
}

static void labels_are(const struct page_line *line, const struct muster__view_series *s, size_t more)
{
	const char *at = s->values;

	FUZZ_REQUIRE(line->label_count == s->family->label_count + more, "%zu labels", line->label_count);
	for (uint32_t i = 0; i < s->family->label_count; i++) {
		struct muster_str value = muster__value_next(&at);
		FUZZ_REQUIRE(strcmp(line->labels[i].bytes, s->family->spelled[escaping]->labels[i]) == 0 &&
		                 line->values[i].count == value.count &&
		                 memcmp(line->values[i].bytes, value.bytes, value.count) == 0,
		             "label %u in \"%.80s\"", i, line->begin);
	}
}

static void is_uint(const struct page_line *line, uint64_t n)
{
	FUZZ_REQUIRE(strtoull(line->rest.bytes, NULL, 10) == n && line->rest.bytes[0] != '-', "%s, want %llu",
	             line->rest.bytes, (unsigned long long)n);
}

static bool same(double a, double b)
{
	return isnan(a) ? isnan(b) : memcmp(&a, &b, sizeof a) == 0;
}

static void is_real(const char *text, double x)
{
	double got = strtod(text, NULL);

	FUZZ_REQUIRE(same(got, x), "%s, want %.17g", text, x);
}

static void sum_and_count(struct reading *r, const struct muster__view_series *s, uint64_t count)
{
	line_next(r, PAGE_SAMPLE, name_of(s->family), "_sum");
	labels_are(&r->line, s, 0);
	is_real(r->line.rest.bytes, merge.view.reals[s->real_at]);
	line_next(r, PAGE_SAMPLE, name_of(s->family), "_count");
	labels_are(&r->line, s, 0);
	is_uint(&r->line, count);
}

static void histogram(struct reading *r, const struct muster__view_series *s)
{
	const struct muster__view_family *f = s->family;
	uint64_t count = 0;

	for (uint32_t i = 0; i <= f->bounds_count; i++) {
		line_next(r, PAGE_SAMPLE, name_of(f), "_bucket");
		labels_are(&r->line, s, 1);
		const struct page_text *le = r->line.values + f->label_count;
		is_real(le->bytes, i < f->bounds_count ? f->bounds[i] : INFINITY);
		is_uint(&r->line, count += merge.view.ints[s->int_at + i]);
	}
	sum_and_count(r, s, count);
}

static void native_histogram(struct reading *r, const struct muster__view_series *s)
{
	struct muster__native_values n;

	muster__native_values(&merge.view, s, &n);
	line_next(r, PAGE_SAMPLE, name_of(s->family), "_bucket");
	labels_are(&r->line, s, 1);
	is_real(r->line.values[s->family->label_count].bytes, INFINITY);
	is_uint(&r->line, n.count);
	sum_and_count(r, s, n.count);
}

static void quantiles(struct reading *r, const struct muster__view_series *s)
{
	const struct muster__view_family *f = s->family;

	for (uint32_t i = 0; i < f->quantile_count; i++) {
		line_next(r, PAGE_SAMPLE, name_of(f), "");
		labels_are(&r->line, s, 1);
		is_real(r->line.values[f->label_count].bytes, f->quantiles[i]);
		is_real(r->line.rest.bytes, merge.view.quantiles[s->sketch_at][i]);
	}
}

static void series(struct reading *r, const struct muster__view_series *s)
{
	const struct muster__view_family *f = s->family;

	if (f->type == MUSTER_HISTOGRAM) {
		histogram(r, s);
		return;
	}
	if (f->type == MUSTER_NATIVE_HISTOGRAM) {
		native_histogram(r, s);
		return;
	}
	if (f->type == MUSTER_SUMMARY) {
		quantiles(r, s);
		sum_and_count(r, s, merge.view.ints[s->int_at]);
		return;
	}
	if (f->type == MUSTER_GAUGE && !merge.view.gauges[s->gauge_at].set)
		return;
	line_next(r, PAGE_SAMPLE, name_of(f), "");
	labels_are(&r->line, s, 0);
	if (f->type == MUSTER_COUNTER)
		is_uint(&r->line, merge.view.ints[s->int_at]);
	else if (f->type == MUSTER_IN_FLIGHT)
		FUZZ_REQUIRE(strtoll(r->line.rest.bytes, NULL, 10) == (int64_t)merge.view.ints[s->int_at], "in flight");
	else
		is_real(r->line.rest.bytes,
		        f->type == MUSTER_GAUGE ? merge.view.gauges[s->gauge_at].value : merge.view.reals[s->real_at]);
}

static void pid_sample(struct reading *r, const struct muster__view_pid_sample *sample)
{
	const struct muster__view_series *s = sample->series;

	line_next(r, PAGE_SAMPLE, name_of(s->family), "");
	labels_are(&r->line, s, 1);
	FUZZ_REQUIRE(strtoul(r->line.values[s->family->label_count].bytes, NULL, 10) == sample->pid, "pid");
	is_real(r->line.rest.bytes, sample->value);
}

static void family(struct reading *r, const struct muster__view_family *f, size_t *sample)
{
	const char *type = NULL;

	labels_differ(f);
	line_next(r, PAGE_HELP, name_of(f), "");
	FUZZ_REQUIRE(strcmp(r->line.rest.bytes, f->help) == 0, "help %s, want %s", r->line.rest.bytes, f->help);
	line_next(r, PAGE_TYPE, name_of(f), "");
	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
		if (kinds[i].type == f->type)
			type = kinds[i].name;
	FUZZ_REQUIRE(strcmp(r->line.rest.bytes, type) == 0, "type %s, want %s", r->line.rest.bytes, type);
	for (size_t i = 0; f->mode != MUSTER_ALL && i < f->series_count; i++)
		series(r, muster__view_at(&merge.view, f->series[i]));
	for (; *sample < merge.view.pid_sample_count && merge.view.pid_samples[*sample].series->family == f; ++*sample)
		pid_sample(r, &merge.view.pid_samples[*sample]);
}

static void page_is(const char *text, size_t count)
{
	struct reading r;
	const char *where, *broken = page_check(text, count, &where);
	size_t sample = 0;

	FUZZ_REQUIRE(broken == NULL, "%s at \"%.80s\"", broken, where);
	page_begin(&r.page, text, count);
	for (size_t i = 0; i < merge.view.family_count; i++)
		family(&r, merge.view.families[i], &sample);
	FUZZ_REQUIRE(sample == merge.view.pid_sample_count, "samples of pids are left out");
	page_end(&r.page);
}

/* protobuf, OpenMetrics and JSON are only to be written: the sanitizers look */
static void pages_write(struct muster__text_buffer *page, struct muster__text_rests *rests)
{
	const struct muster__making making = {page, &merge.view, escaping, NULL, rests};

	FUZZ_REQUIRE(muster__view_spell(&merge.view, escaping) == 0, "memory");
	page->count = 0;
	muster__protobuf_write(&making);
	muster__json_write(&making);
	muster__openmetrics_write(&making);
	FUZZ_REQUIRE(!page->failed, "memory");
	page->count = 0;
	muster__text_write(&making);
	FUZZ_REQUIRE(!page->failed, "memory");
	page_is(page->bytes, page->count);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input in = {data, size};
	struct muster__text_buffer page = {0};
	struct muster__text_rests rests = {0};

	for (int n = 0; n < FAMILIES_MAX && in.left > 0; n++)
		(void)family_take(&in);
	for (int n = 0; n < 2; n++) {
		values_take(&in);
		for (escaping = 0; escaping < MUSTER_ESCAPING_COUNT; escaping++)
			pages_write(&page, &rests);
	}
	free(page.bytes);
	muster__text_rests_clear(&rests);
	muster__merge_clear(&merge);
	return 0;
}
