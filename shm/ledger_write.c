/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ledger_write.c - totals into a complete ledger file, in the format of a slab.
 *
 * Built in memory, reserved, then written: a full file system is an error before anything is lost. Bank 0
 * holds the totals; bank 1, if there is need for it, holds what rounding left over of the reals, so that
 * the sum over banks stays exact from ledger to ledger. Runs in the master.
 */
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "forgetting.h"
#include "grow.h"
#include "store.h"

#define PID_SAMPLES_MAX 1000u /* of one family that has a sample per process; the oldest go */

/* ---- the image ---------------------------------------------------------------------------- */

struct image {
	const struct muster__ledger_content *content;
	unsigned char *catalogue;
	uint64_t *ints, *gauges;
	double *high, *low;
	struct muster__exemplar_shm *exemplars;
	size_t catalogue_bytes, ints_count, gauges_count, reals_count, exemplars_count;
	size_t catalogue_capacity, ints_capacity, gauges_capacity, high_capacity, low_capacity, exemplars_capacity;
	uint32_t families, series;
	struct muster__ledger_size room;
	size_t left_out;                        /* series for want of it */
	const struct muster__sketch **sketches; /* in the order of their series */
	size_t sketches_count, sketches_capacity;
	struct muster__sketch_area area;
};

static void image_free(struct image *m)
{
	free(m->catalogue);
	free(m->ints);
	free(m->gauges);
	free(m->high);
	free(m->low);
	free(m->sketches);
	free(m->exemplars);
}

/* Append a zeroed record of at least `bytes`; NULL if there is no memory. */
static void *record_put(struct image *m, uint16_t kind, size_t bytes)
{
	uint32_t whole = muster__align8((uint32_t)bytes);

	if (muster__grow(&m->catalogue, &m->catalogue_capacity, m->catalogue_bytes + whole, 1) != 0 || m->catalogue == NULL)
		return NULL;
	struct muster__record_shm *record = (void *)(m->catalogue + m->catalogue_bytes);
	memset(record, 0, whole);
	record->bytes = whole;
	record->kind = kind;
	m->catalogue_bytes += whole;
	return record;
}

static char *put(char *at, const void *bytes, size_t count)
{
	if (count)
		memcpy(at, bytes, count);
	return at + count;
}

static char *put_counted(char *at, const char *bytes, size_t count)
{
	uint16_t n = (uint16_t)count;

	return put(put(at, &n, sizeof n), bytes, count);
}

/* `count` values, and zeros in the other of `cells`. */
static int ints_put(struct image *m, const uint64_t *values, size_t count, size_t cells, uint32_t *cell)
{
	if (muster__grow(&m->ints, &m->ints_capacity, m->ints_count + cells, sizeof *m->ints) != 0)
		return -ENOMEM;
	memcpy(m->ints + m->ints_count, values, count * sizeof *values);
	*cell = (uint32_t)m->ints_count;
	m->ints_count += cells;
	return 0;
}

static int real_put(struct image *m, double high, double low, uint32_t *cell)
{
	if (muster__grow(&m->high, &m->high_capacity, m->reals_count + 1, sizeof *m->high) != 0 ||
	    muster__grow(&m->low, &m->low_capacity, m->reals_count + 1, sizeof *m->low) != 0)
		return -ENOMEM;
	double sum = high + low; /* the nearest double, so that bank 0 alone is right too */
	bool split = __builtin_isfinite(sum) && low != 0;
	m->high[m->reals_count] = split ? sum : high;
	m->low[m->reals_count] = split ? low - (sum - high) : 0;
	*cell = (uint32_t)m->reals_count++;
	return 0;
}

static int gauge_put(struct image *m, double value, bool set, uint32_t *cell)
{
	if (muster__grow(&m->gauges, &m->gauges_capacity, m->gauges_count + 1, sizeof *m->gauges) != 0)
		return -ENOMEM;
	m->gauges[m->gauges_count] = set ? muster__bits(value) ^ MUSTER__GAUGE_KEY : 0;
	*cell = (uint32_t)m->gauges_count++;
	return 0;
}

static int sketch_put(struct image *m, const struct muster__sketch *sketch)
{
	if (muster__grow(&m->sketches, &m->sketches_capacity, m->sketches_count + 1, sizeof *m->sketches) != 0)
		return -ENOMEM;
	m->sketches[m->sketches_count++] = sketch;
	return 0;
}

/* ---- families and series ------------------------------------------------------------------ */

static int family_put(struct image *m, const struct muster__view_family *f)
{
	uint32_t drop_cell;
	const uint64_t *drops = m->content->values->drops + f->index * MUSTER__DROP_CELLS;
	struct muster__family_shm *r = record_put(m, MUSTER__RECORD_FAMILY, muster__ledger_family_bytes(f));

	if (r == NULL || ints_put(m, drops, MUSTER__DROP_CELLS, MUSTER__DROP_CELLS, &drop_cell) != 0)
		return -ENOMEM;
	r->record.flags = f->flags;
	r->family = m->families++;
	r->type = (uint8_t)f->type;
	r->mode = (uint8_t)f->mode;
	r->label_count = (uint16_t)f->label_count;
	r->bounds_count = f->stored_count;
	r->drop_cell = drop_cell;
	r->name_bytes = (uint16_t)strlen(f->name);
	r->help_bytes = (uint16_t)strlen(f->help);
	r->unit_bytes = (uint16_t)strlen(f->unit);
	char *at = put((char *)(r + 1), f->bounds, f->stored_count * sizeof(double));
	at = put(at, f->name, r->name_bytes);
	at = put(at, f->help, r->help_bytes);
	at = put(at, f->unit, r->unit_bytes);
	for (uint32_t i = 0; i < f->label_count; i++)
		at = put_counted(at, f->labels[i], strlen(f->labels[i]));
	return 0;
}

/* Store the values of a series; its cells. */
static int series_values_put(struct image *m, const struct muster__view_series *s, uint32_t *int_cell,
                             uint32_t *real_cell)
{
	const struct muster__values *v = m->content->values;
	const struct muster__view_family *f = s->family;
	struct muster__cells cells = muster__cells_of(f->type, f->mode, f->bounds, f->stored_count);
	int rc = 0;

	if (muster__is_gauge(f->type)) {
		const struct muster__view_gauge *gauge = v->gauges + s->gauge_at;
		if (!muster__mode_timestamped(f->mode))
			return gauge_put(m, gauge->value, gauge->set, int_cell);
		rc = ints_put(m, &gauge->time_ns, 1, 1, int_cell);
		return rc ? rc : real_put(m, gauge->value, 0, real_cell);
	}
	if (cells.ints)
		rc = ints_put(m, v->ints + s->int_at, cells.sums, cells.ints, int_cell);
	if (rc == 0 && cells.reals)
		rc = real_put(m, v->high[s->real_at], v->low[s->real_at], real_cell);
	return rc == 0 && cells.sketches ? sketch_put(m, v->sketches + s->sketch_at) : rc;
}

static struct muster__series_shm *series_record_put(struct image *m, const struct muster__view_series *s)
{
	struct muster__series_shm *r = record_put(m, MUSTER__RECORD_SERIES, muster__ledger_series_bytes(s));

	if (r == NULL)
		return NULL;
	m->series++;
	r->family = m->families - 1;
	r->int_cell = r->real_cell = MUSTER__NO_CELL;
	r->created_unix_ns = s->created_unix_ns;
	memcpy(r + 1, s->values, muster__values_bytes(s));
	return r;
}

static void exemplar_put(struct muster__exemplar_shm *to, const struct muster__view_exemplar *from)
{
	if (from->time_ns == 0)
		return;
	to->claim = UINT64_C(1) << 32; /* once, and done */
	to->value = muster__bits(from->value);
	to->unix_ns = from->time_ns;
	to->bytes = from->bytes;
	memcpy((void *)to->labels, from->labels, from->bytes);
}

/* The exemplars of a series, if it has any and the ledger has room: nothing but them depends on it. */
static int exemplars_put(struct image *m, const struct muster__view_series *s)
{
	uint32_t at = muster__exemplar_at(s);
	const struct muster__view_exemplar *from = at ? m->content->values->exemplars + at : NULL;
	uint32_t count = s->family->bounds_count + 1, any = 0;

	for (uint32_t i = 0; from && i < count; i++)
		any |= from[i].time_ns != 0;
	if (!any || m->exemplars_count + count > MUSTER__LEDGER_EXEMPLARS_MAX)
		return 0;
	struct muster__exemplars_shm *r = record_put(m, MUSTER__RECORD_EXEMPLARS, sizeof *r);
	if (r == NULL ||
	    muster__grow(&m->exemplars, &m->exemplars_capacity, m->exemplars_count + count, sizeof *m->exemplars) != 0)
		return -ENOMEM;
	r->series = m->series - 1;
	r->slot = (uint32_t)m->exemplars_count;
	for (uint32_t i = 0; i < count; i++)
		exemplar_put(m->exemplars + m->exemplars_count++, from + i);
	return 0;
}

static int series_put(struct image *m, const struct muster__view_series *s)
{
	struct muster__series_shm *r = series_record_put(m, s);

	if (r && m->content->forgetting->flagged[s->index])
		r->record.flags = MUSTER__SERIES_FORGOTTEN;
	int rc = r ? series_values_put(m, s, &r->int_cell, &r->real_cell) : -ENOMEM;
	return rc ? rc : exemplars_put(m, s);
}

static int pid_put(struct image *m, const struct muster__view_pid_sample *sample)
{
	struct muster__series_shm *r = series_record_put(m, sample->series);

	if (r == NULL)
		return -ENOMEM;
	r->pid = sample->pid;
	return gauge_put(m, sample->value, true, &r->int_cell);
}

static int by_age(const void *a, const void *b)
{
	const struct muster__pid_value *x = *(struct muster__pid_value *const *)a;
	const struct muster__pid_value *y = *(struct muster__pid_value *const *)b;

	return x->order < y->order ? -1 : x->order > y->order;
}

/* The samples of one family, oldest first, so that the next ledger knows which are old. */
static int pids_put(struct image *m, const struct muster__view_family *f)
{
	const struct muster__values *v = m->content->values;
	size_t n = 0;
	int rc = 0;

	const struct muster__pid_value **aged = malloc((v->pids_count + 1) * sizeof *aged);
	if (aged == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < v->pids_count; i++)
		if (v->pids[i].sample.series->family == f)
			aged[n++] = v->pids + i;
	qsort(aged, n, sizeof *aged, by_age);
	for (size_t i = n > PID_SAMPLES_MAX ? n - PID_SAMPLES_MAX : 0; rc == 0 && i < n; i++)
		rc = pid_put(m, &aged[i]->sample);
	free(aged);
	return rc;
}

/* Gauges of live modes and what was in flight die with their workers. */
static bool leaves_values(const struct muster__view_family *f)
{
	switch (f->mode) {
	case MUSTER_LIVEALL:
	case MUSTER_LIVEMIN:
	case MUSTER_LIVEMAX:
	case MUSTER_LIVESUM:
	case MUSTER_LIVEMOSTRECENT:
		return false;
	default:
		return f->type != MUSTER_IN_FLIGHT;
	}
}

static int by_time(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? 1 : x > y ? -1 : 0;
}

/* Before which time samples of single processes go, so that not more than PID_SAMPLES_MAX are left; 0: none go. */
static int samples_since(const struct image *m, const struct muster__view_family *f, uint64_t *out)
{
	const struct muster__ledger_content *c = m->content;
	size_t n = 0;

	*out = 0;
	if (!(f->flags & MUSTER__FAMILY_PER_PROCESS) || f->series_count <= PID_SAMPLES_MAX)
		return 0;
	uint64_t *times = malloc(f->series_count * sizeof *times);
	if (times == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < f->series_count; i++) {
		const struct muster__view_series *s = muster__view_at(&c->merge->view, f->series[i]);
		if (c->series[s->index])
			times[n++] = c->values->gauges[s->gauge_at].time_ns;
	}
	qsort(times, n, sizeof *times, by_time);
	if (n > PID_SAMPLES_MAX)
		*out = times[PID_SAMPLES_MAX - 1];
	free(times);
	return 0;
}

static bool is_wanted(const struct muster__ledger_content *c, const struct muster__view_series *s, bool leaves,
                      uint64_t since)
{
	if (!(leaves ? c->series[s->index] : c->forgetting->flagged[s->index]))
		return false;
	return since == 0 || c->forgetting->flagged[s->index] || c->values->gauges[s->gauge_at].time_ns >= since;
}

static int family_write(struct image *m, const struct muster__view_family *f)
{
	const struct muster__ledger_content *c = m->content;
	bool leaves = leaves_values(f);
	uint64_t since = 0;
	int rc = family_put(m, f);

	if (rc == 0 && muster__mode_per_pid(f->mode))
		return leaves ? pids_put(m, f) : 0;
	if (rc == 0)
		rc = samples_since(m, f, &since);
	for (size_t i = 0; rc == 0 && i < f->series_count; i++) {
		const struct muster__view_series *s = muster__view_at(&c->merge->view, f->series[i]);
		if (!is_wanted(c, s, leaves, since))
			continue;
		if (muster__ledger_room_take(&m->room, c, s))
			rc = series_put(m, s);
		else
			m->left_out++;
	}
	return rc;
}

static int forgotten_put(struct image *m, const struct muster__forgotten_slab *f)
{
	struct muster__forgotten_shm *r =
		record_put(m, MUSTER__RECORD_FORGOTTEN, sizeof *r + f->hidden_count * sizeof(struct muster__hidden_shm));

	if (r == NULL)
		return -ENOMEM;
	r->identity = f->identity;
	r->asked_bytes = f->asked_bytes;
	struct muster__hidden_shm *hidden = (void *)(r + 1);
	for (size_t i = 0; i < f->hidden_count; i++)
		hidden[i] = (struct muster__hidden_shm){.word = f->hidden[i].word, .cell = f->hidden[i].cell};
	return 0;
}

static int image_build(struct image *m)
{
	const struct muster__ledger_content *c = m->content;
	int rc = 0;

	m->room = muster__ledger_room(c);
	for (size_t i = 0; rc == 0 && i < c->merge->families_count; i++)
		if (c->families[i])
			rc = family_write(m, c->merge->families[i]);
	for (size_t i = 0; rc == 0 && i < c->folded_count; i++) {
		struct muster__folded_shm *r = record_put(m, MUSTER__RECORD_FOLDED, sizeof *r);
		if (r == NULL)
			return -ENOMEM;
		r->identity = c->folded[i];
	}
	for (size_t i = 0; rc == 0 && i < c->forgetting->slabs_count; i++)
		rc = forgotten_put(m, c->forgetting->slabs + i);
	return rc;
}

/* ---- the file ----------------------------------------------------------------------------- */

static uint64_t page_up(uint64_t bytes)
{
	return (bytes + MUSTER__PAGE - 1) / MUSTER__PAGE * MUSTER__PAGE;
}

static bool needs_low(const struct image *m)
{
	for (size_t i = 0; i < m->reals_count; i++)
		if (m->low[i] != 0)
			return true;
	return false;
}

static struct muster__geometry geometry_of(struct image *m, struct muster__exemplar_area *exemplars)
{
	struct muster__geometry g = {
		.catalogue_off = MUSTER__PAGE,
		.catalogue_bytes = page_up(m->catalogue_bytes),
		.gauge_cells = (uint32_t)m->gauges_count,
		.int_cells = (uint32_t)m->ints_count,
		.real_cells = (uint32_t)m->reals_count,
		.bank_count = needs_low(m) ? 2 : 1,
	};

	g.gauge_off = g.catalogue_off + g.catalogue_bytes;
	*exemplars = (struct muster__exemplar_area){.off = page_up(g.gauge_off + (uint64_t)g.gauge_cells * 8),
	                                            .slots = (uint32_t)m->exemplars_count};
	m->area.off = page_up(exemplars->off + m->exemplars_count * sizeof *m->exemplars);
	m->area.count = (uint32_t)m->sketches_count;
	g.bank_off = m->area.off + muster__sketch_area_bytes(m->area.count);
	g.real_off = (MUSTER__WORD_CELLS + (uint64_t)g.int_cells) * 8;
	g.bank_stride = page_up(g.real_off + (uint64_t)g.real_cells * 8);
	g.file_bytes = g.bank_off + g.bank_count * g.bank_stride;
	return g;
}

static void header_fill(struct muster__header_shm *h, const struct image *m, const struct muster__geometry *g,
                        const struct muster__exemplar_area *exemplars)
{
	memset(h, 0, sizeof *h);
	h->magic = MUSTER__MAGIC;
	h->major = MUSTER__FORMAT_MAJOR;
	h->minor = MUSTER__FORMAT_MINOR;
	h->word_bytes = 8;
	h->kind = MUSTER__KIND_LEDGER;
	h->header_bytes = MUSTER__PAGE;
	h->byte_order = MUSTER__BYTE_ORDER;
	h->geometry = *g;
	h->sketches = m->area;
	h->identity = m->content->writer;
	h->created_unix_ns = muster__unix_ns();
	h->exemplars = *exemplars;
	h->checksum = muster__header_checksum(h);
	h->catalogue_used = m->catalogue_bytes;
	h->banks_used = g->bank_count;
	for (int i = 0; i < MUSTER__EVENT_COUNT; i++)
		h->events[i] = m->content->values->events[i];
	h->events[MUSTER__EVENT_REGION_LIMIT] += m->left_out;
}

static int write_at(int fd, const void *bytes, size_t count, uint64_t off)
{
	const char *at = bytes;

	while (count > 0) {
		ssize_t n = pwrite(fd, at, count, (off_t)off);
		if (n < 0 && errno != EINTR)
			return -errno;
		if (n <= 0)
			continue;
		at += n;
		off += (uint64_t)n;
		count -= (size_t)n;
	}
	return 0;
}

static int space_reserve(int fd, uint64_t off, uint64_t bytes)
{
	if (fallocate(fd, 0, (off_t)off, (off_t)bytes) == 0)
		return 0;
	return errno == EOPNOTSUPP ? 0 : -errno; /* the writes will tell */
}

static bool page_is_empty(const uint64_t *page)
{
	for (uint32_t i = 0; page && i < MUSTER__SKETCH_PAGE_WORDS; i++)
		if (page[i] != 0)
			return false;
	return true;
}

/* Pages that hold something; the others stay holes. */
static int sketch_write(int fd, const struct image *m, size_t i)
{
	uint64_t off = m->area.off + muster__sketch_directory_bytes(m->area.count) + i * MUSTER__SKETCH_BYTES,
			 directory = 0;
	int rc = 0;

	for (uint32_t page = 0; rc == 0 && page < MUSTER__SKETCH_PAGES; page++, off += MUSTER__PAGE) {
		if (page_is_empty(m->sketches[i]->pages[page]))
			continue;
		directory |= UINT64_C(1) << page;
		rc = space_reserve(fd, off, MUSTER__PAGE);
		if (rc == 0)
			rc = write_at(fd, m->sketches[i]->pages[page], MUSTER__PAGE, off);
	}
	return rc ? rc : write_at(fd, &directory, sizeof directory, m->area.off + i * sizeof directory);
}

static int sketches_write(int fd, const struct image *m)
{
	int rc = m->area.count ? space_reserve(fd, m->area.off, muster__sketch_directory_bytes(m->area.count)) : 0;

	for (size_t i = 0; rc == 0 && i < m->sketches_count; i++)
		rc = sketch_write(fd, m, i);
	return rc;
}

static int image_write(int fd, struct image *m)
{
	struct muster__exemplar_area exemplars;
	struct muster__geometry g = geometry_of(m, &exemplars);
	struct muster__header_shm header;
	uint64_t reals = g.bank_off + g.real_off;
	size_t reals_bytes = m->reals_count * sizeof(double);

	header_fill(&header, m, &g, &exemplars);
	int rc = ftruncate(fd, (off_t)g.file_bytes) == 0 ? 0 : -errno;
	if (rc == 0)
		rc = space_reserve(fd, 0, m->area.off);
	if (rc == 0)
		rc = space_reserve(fd, g.bank_off, g.file_bytes - g.bank_off);
	if (rc == 0)
		rc = sketches_write(fd, m);
	if (rc == 0)
		rc = write_at(fd, m->catalogue, m->catalogue_bytes, g.catalogue_off);
	if (rc == 0)
		rc = write_at(fd, m->gauges, m->gauges_count * sizeof(uint64_t), g.gauge_off);
	if (rc == 0)
		rc = write_at(fd, m->exemplars, m->exemplars_count * sizeof *m->exemplars, exemplars.off);
	if (rc == 0)
		rc = write_at(fd, m->ints, m->ints_count * sizeof(uint64_t), g.bank_off + MUSTER__WORD_CELLS * 8);
	if (rc == 0)
		rc = write_at(fd, m->high, reals_bytes, reals);
	if (rc == 0 && g.bank_count > 1)
		rc = write_at(fd, m->low, reals_bytes, reals + g.bank_stride);
	return rc ? rc : write_at(fd, &header, sizeof header, 0);
}

static int file_write(int dir, struct image *m)
{
	muster__region_name_clear(dir, MUSTER__LEDGER_NEW);
	int fd = openat(dir, MUSTER__LEDGER_NEW, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	int rc = image_write(fd, m);
	if (close(fd) != 0 && rc == 0)
		rc = -errno;
	if (rc != 0)
		(void)unlinkat(dir, MUSTER__LEDGER_NEW, 0);
	return rc;
}

int muster__ledger_write(int dir, const struct muster__ledger_content *content, size_t *left_out)
{
	struct image image = {.content = content};
	int rc = image_build(&image);

	if (rc == 0)
		rc = file_write(dir, &image);
	if (rc == 0)
		*left_out = image.left_out;
	image_free(&image);
	return rc;
}
