/* SPDX-License-Identifier: Apache-2.0 */
/*
 * values.c - adding the words of slabs up, run by run, and handing the sums to the view.
 *
 * Runs in readers. Words of live slabs are loaded once each, relaxed; nothing read from them decides
 * where to read or write. One row per operation; the modes of gauges mean what prometheus_client means.
 */
#include "merge.h"

#include <math.h>

#include "atomic.h"
#include "grow.h"

/* ---- room --------------------------------------------------------------------------------- */

int muster__values_reserve(struct muster__values *v, const struct muster__merge *merge, size_t pids)
{
	const struct muster__view *view = &merge->view;
	size_t drops = merge->families_count * MUSTER__DROP_CELLS;

	if (muster__grow(&v->ints, &v->ints_capacity, view->int_count, sizeof *v->ints) != 0 ||
	    muster__grow(&v->high, &v->high_capacity, view->real_count, sizeof *v->high) != 0 ||
	    muster__grow(&v->low, &v->low_capacity, view->real_count, sizeof *v->low) != 0 ||
	    muster__grow(&v->gauges, &v->gauges_capacity, view->gauge_count, sizeof *v->gauges) != 0 ||
	    muster__grow(&v->exemplars, &v->exemplars_capacity, view->exemplar_count, sizeof *v->exemplars) != 0 ||
	    muster__grow(&v->drops, &v->drops_capacity, drops, sizeof *v->drops) != 0)
		return -ENOMEM;
	int rc = muster__sketches_reserve(v, view->sketch_count);
	return rc ? rc : muster__grow(&v->pids, &v->pids_capacity, pids, sizeof *v->pids);
}

static void zero(void *array, size_t bytes)
{
	if (bytes)
		memset(array, 0, bytes);
}

void muster__values_clear(struct muster__values *v, const struct muster__merge *merge)
{
	const struct muster__view *view = &merge->view;

	zero(v->ints, view->int_count * sizeof *v->ints);
	zero(v->high, view->real_count * sizeof *v->high);
	zero(v->low, view->real_count * sizeof *v->low);
	zero(v->gauges, view->gauge_count * sizeof *v->gauges);
	zero(v->drops, merge->families_count * MUSTER__DROP_CELLS * sizeof *v->drops);
	zero(v->events, sizeof v->events);
	muster__sketches_clear(v);
	for (size_t i = 0; i < view->exemplar_count; i++)
		v->exemplars[i].time_ns = v->exemplars[i].bytes = 0;
	v->pids_count = 0;
	v->broken = false;
}

void muster__values_destroy(struct muster__values *v)
{
	free(v->ints);
	free(v->high);
	free(v->low);
	free(v->gauges);
	free(v->exemplars);
	free(v->drops);
	free(v->pids);
	muster__sketches_destroy(v);
	*v = (struct muster__values){0};
}

/* ---- operations --------------------------------------------------------------------------- */

static const uint64_t *int_cells(const struct muster__source *s, size_t bank)
{
	return (const uint64_t *)(const void *)(s->banks + bank * s->bank_stride) + MUSTER__WORD_CELLS;
}

static const uint64_t *real_cells(const struct muster__source *s, size_t bank)
{
	return (const uint64_t *)(const void *)(s->banks + bank * s->bank_stride + s->real_off);
}

static void add_ints(struct muster__values *v, const struct muster__source *s, const struct muster__run *run)
{
	uint64_t *to = v->ints + run->at;

	for (size_t bank = 0; bank < s->bank_count; bank++) {
		const uint64_t *from = int_cells(s, bank) + run->cell;
		for (uint32_t i = 0; i < run->count; i++)
			to[i] += muster__load_relaxed(from + i);
	}
}

static void add_native(struct muster__values *v, const struct muster__source *s, const struct muster__run *run)
{
	uint64_t part[MUSTER__NATIVE_SUM_WORDS_MAX];

	for (size_t bank = 0; bank < s->bank_count; bank++)
		if (muster__native_copy(part, int_cells(s, bank) + run->cell, run->shape))
			muster__native_add(v->ints + run->at, part, run->shape);
		else
			v->broken = true;
}

/* TwoSum, Knuth, The Art of Computer Programming 4.2.2: high + low is the sum without rounding. */
void muster__real_add_exact(double *high, double *low, double x)
{
	double sum = *high + x, part = sum - *high;

	*low += (*high - (sum - part)) + (x - part);
	*high = sum;
}

static void add_reals(struct muster__values *v, const struct muster__source *s, const struct muster__run *run)
{
	for (size_t bank = 0; bank < s->bank_count; bank++) {
		const uint64_t *from = real_cells(s, bank) + run->cell;
		for (uint32_t i = 0; i < run->count; i++)
			muster__real_add_exact(v->high + run->at + i, v->low + run->at + i,
			                       muster__double(muster__load_relaxed(from + i)));
	}
}

double muster__values_real(const struct muster__values *values, size_t at)
{
	double high = values->high[at];

	return isfinite(high) ? high + values->low[at] : high;
}

/* NaN gives way to a number. */
static double least(double a, double b)
{
	return isnan(a) || b < a ? b : a;
}

static double greatest(double a, double b)
{
	return isnan(a) || b > a ? b : a;
}

static double plus(double a, double b)
{
	return a + b;
}

/* Is this word what was forgotten of the gauge? Another one wakes it. */
static bool is_hidden(const struct muster__source *s, uint32_t cell, uint64_t word)
{
	size_t low = 0, high = s->hidden_count;

	while (low < high) {
		size_t middle = (low + high) / 2;
		if (s->hidden[middle].cell < cell)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == s->hidden_count || s->hidden[low].cell != cell)
		return false;
	s->hidden[low].woken |= s->hidden[low].word != word;
	return !s->hidden[low].woken;
}

static void combine(struct muster__values *v, const struct muster__source *s, const struct muster__run *run,
                    double (*of)(double, double))
{
	for (uint32_t i = 0; i < run->count; i++) {
		struct muster__view_gauge *gauge = v->gauges + run->at + i;
		uint64_t word = muster__load_relaxed(s->gauges + run->cell + i);
		if (word == 0 || (s->hidden_count && is_hidden(s, run->cell + i, word)))
			continue;
		double x = muster__double(word ^ MUSTER__GAUGE_KEY);
		gauge->value = gauge->set ? of(gauge->value, x) : x;
		gauge->set = true;
	}
}

static void gauges_min(struct muster__values *v, const struct muster__source *s, const struct muster__run *run)
{
	combine(v, s, run, least);
}

static void gauges_max(struct muster__values *v, const struct muster__source *s, const struct muster__run *run)
{
	combine(v, s, run, greatest);
}

static void gauges_sum(struct muster__values *v, const struct muster__source *s, const struct muster__run *run)
{
	combine(v, s, run, plus);
}

static void gauges_recent(struct muster__values *v, const struct muster__source *s, const struct muster__run *run)
{
	for (size_t bank = 0; bank < s->bank_count; bank++) {
		const uint64_t *times = int_cells(s, bank) + run->cell, *reals = real_cells(s, bank) + run->real_cell;
		for (uint32_t i = 0; i < run->count; i++) {
			struct muster__view_gauge *gauge = v->gauges + run->at + i;
			uint64_t time_ns = muster__load_acquire(times + i), bits = muster__load_relaxed(reals + i);
			if (time_ns > gauge->time_ns)
				*gauge = (struct muster__view_gauge){muster__double(bits), time_ns, true};
		}
	}
}

static const struct {
	void (*add)(struct muster__values *v, const struct muster__source *s, const struct muster__run *run);
	bool live; /* leaves out the dead */
} operations[] = {
	[MUSTER__OP_ADD_INT] = {add_ints, false},         [MUSTER__OP_ADD_INT_LIVE] = {add_ints, true},
	[MUSTER__OP_ADD_REAL] = {add_reals, false},       [MUSTER__OP_ADD_NATIVE] = {add_native, false},
	[MUSTER__OP_MIN] = {gauges_min, false},           [MUSTER__OP_LIVEMIN] = {gauges_min, true},
	[MUSTER__OP_MAX] = {gauges_max, false},           [MUSTER__OP_LIVEMAX] = {gauges_max, true},
	[MUSTER__OP_SUM] = {gauges_sum, false},           [MUSTER__OP_LIVESUM] = {gauges_sum, true},
	[MUSTER__OP_MOSTRECENT] = {gauges_recent, false}, [MUSTER__OP_LIVEMOSTRECENT] = {gauges_recent, true},
};

/* ---- a slab ------------------------------------------------------------------------------- */

static void pids_add(struct muster__values *v, const struct muster__source *s, const struct muster__mapping_runs *m)
{
	for (size_t i = 0; i < m->pids_count && v->pids_count < v->pids_capacity; i++) {
		const struct muster__pid_cell *cell = m->pids + i;
		uint64_t word = cell->live && !s->live ? 0 : muster__load_relaxed(s->gauges + cell->cell);
		if (word == 0 || (s->hidden_count && is_hidden(s, cell->cell, word)))
			continue;
		v->pids[v->pids_count] = (struct muster__pid_value){
			{cell->series, cell->pid ? cell->pid : s->pid, muster__double(word ^ MUSTER__GAUGE_KEY)}, v->pids_count};
		v->pids_count++;
	}
}

static void drops_add(struct muster__values *v, const struct muster__source *s, const struct muster__catalogue *node)
{
	for (uint32_t i = 0; i < node->mapping.families; i++) {
		const struct muster__family_shm *record = (const void *)(node->kept.raw + node->families[i].off);
		if (node->families[i].view == NULL)
			continue;
		uint64_t *to = v->drops + node->families[i].view->index * MUSTER__DROP_CELLS;
		for (int drop = 0; drop < MUSTER__DROP_COUNT; drop++)
			to[drop] += muster__load_relaxed(int_cells(s, 0) + record->drop_cell + drop);
	}
}

/* The ledger, which is added first, has the time of a gauge that was forgotten: only later ones count. */
static void forgotten_unset(struct muster__values *v, const struct muster__source *s,
                            const struct muster__mapping_runs *m)
{
	for (size_t i = 0; i < m->forgotten_count; i++) {
		const struct muster__forgotten_series *f = m->forgotten + i;
		if (muster__is_gauge(f->series->family->type))
			v->gauges[f->series->gauge_at].set = false;
		if (muster__mode_timestamped(f->series->family->mode))
			v->gauges[f->series->gauge_at].time_ns = muster__load_relaxed(int_cells(s, 0) + f->int_cell);
	}
}

void muster__values_add(struct muster__values *v, const struct muster__source *s)
{
	for (const struct muster__catalogue *node = s->catalogue; node; node = node->base) {
		const struct muster__mapping_runs *m = &node->mapping;
		for (size_t i = 0; i < m->runs_count; i++)
			if (s->live || !operations[m->runs[i].op].live)
				operations[m->runs[i].op].add(v, s, m->runs + i);
		pids_add(v, s, m);
		drops_add(v, s, node);
		muster__exemplars_add(v, s, m);
		forgotten_unset(v, s, m);
		for (size_t i = 0; i < m->sketches_count; i++)
			muster__sketch_merge(v, s, m->sketches + i, 1);
		if (s->ledger)
			continue;
		v->events[MUSTER__EVENT_FAMILY_CONFLICT] += m->conflicts;
		v->events[MUSTER__EVENT_REGION_LIMIT] += m->left_out;
	}
	for (int event = 0; event < MUSTER__EVENT_COUNT; event++)
		v->events[event] += muster__load_relaxed(s->events + event);
}

/* ---- samples per pid ---------------------------------------------------------------------- */

static int pid_order(const void *a, const void *b)
{
	const struct muster__pid_value *x = a, *y = b;
	int order = 0;

	if (x->sample.series != y->sample.series) {
		order = muster__view_family_compare(x->sample.series->family, y->sample.series->family);
		return order ? order : muster__view_series_compare(x->sample.series, y->sample.series);
	}
	if (x->sample.pid != y->sample.pid)
		return x->sample.pid < y->sample.pid ? -1 : 1;
	return x->order < y->order ? -1 : x->order > y->order;
}

/* A pid that is used again, or is the same in two pid namespaces, must not be on the page twice. */
void muster__values_settle_pids(struct muster__values *v)
{
	size_t kept = 0;

	if (v->pids_count > 1)
		qsort(v->pids, v->pids_count, sizeof *v->pids, pid_order);
	for (size_t i = 0; i < v->pids_count; i++) {
		const struct muster__view_pid_sample *last = kept ? &v->pids[kept - 1].sample : NULL;
		if (last && last->series == v->pids[i].sample.series && last->pid == v->pids[i].sample.pid)
			kept--;
		v->pids[kept++] = v->pids[i];
	}
	v->pids_count = kept;
}

/* ---- the view ----------------------------------------------------------------------------- */

/* A gauge without labels is on the page from its declaration on; another library's while a file has it. */
static void unset_show(struct muster__merge *merge)
{
	for (size_t i = 0; i < merge->families_count; i++) {
		const struct muster__view_family *family = merge->families[i];
		if (!muster__is_gauge(family->type) || family->label_count != 0 || family->series_count == 0 ||
		    muster__mode_per_pid(family->mode) || (family->flags & MUSTER__FAMILY_IMPORTED))
			continue;
		merge->values.gauges[muster__view_at(&merge->view, family->series[0])->gauge_at].set = true;
	}
}

/* What is left of a forgotten series; a slab that is not believed any more may have left less than nothing. */
static uint64_t left_of(struct muster__view *view, const struct muster__view_series *series)
{
	struct muster__counts counts = muster__view_counts(series);
	uint64_t *n = view->ints + series->int_at + counts.first, sum = 0;

	for (uint32_t i = 0; i < counts.count; i++, n++) {
		*n = (int64_t)*n < 0 ? 0 : *n;
		sum += *n;
	}
	return sum;
}

bool muster__real_is_left(double x, const struct muster__source *ledger, const struct muster__forgotten_series *f)
{
	double taken = muster__double(muster__load_relaxed(real_cells(ledger, 0) + f->real_cell));

	return x > fabs(taken) * 0x1p-70;
}

static bool is_nothing(struct muster__view *view, const struct muster__forgotten_series *f,
                       const struct muster__source *ledger)
{
	switch (f->series->family->type) {
	case MUSTER_REAL_COUNTER:
		return !muster__real_is_left(view->reals[f->series->real_at], ledger, f);
	case MUSTER_GAUGE:
	case MUSTER_INFO:
	case MUSTER_STATESET:
		return false; /* what is not set is not shown */
	default:
		return left_of(view, f->series) == 0;
	}
}

static int hide(struct muster__merge *merge, const struct muster__source *ledger)
{
	for (size_t i = 0; i < merge->hidden_count; i++)
		merge->hidden[i]->hidden = false;
	merge->hidden_count = 0;
	for (const struct muster__catalogue *node = ledger ? ledger->catalogue : NULL; node; node = node->base)
		for (size_t i = 0; i < node->mapping.forgotten_count; i++) {
			const struct muster__forgotten_series *f = node->mapping.forgotten + i;
			if (!is_nothing(&merge->view, f, ledger))
				continue;
			if (muster__grow(&merge->hidden, &merge->hidden_capacity, merge->hidden_count + 1, sizeof *merge->hidden) !=
			    0)
				return -ENOMEM;
			merge->hidden[merge->hidden_count++] = f->series;
			f->series->hidden = true;
		}
	return 0;
}

int muster__merge_publish(struct muster__merge *merge, const struct muster__source *ledger)
{
	struct muster__values *v = &merge->values;
	struct muster__view *view = &merge->view;

	if (muster__grow(&view->pid_samples, &merge->samples_capacity, v->pids_count, sizeof *view->pid_samples) != 0)
		return -ENOMEM;
	for (size_t i = 0; i < view->real_count; i++)
		view->reals[i] = muster__values_real(v, i);
	for (size_t i = 0; view->sketch_count && i < merge->series_count; i++)
		if (muster__series_at(merge, i)->family->quantile_count)
			muster__sketch_quantiles(v, muster__series_at(merge, i),
			                         view->quantiles[muster__series_at(merge, i)->sketch_at]);
	for (size_t i = 0; i < merge->families_count; i++)
		memcpy(merge->families[i]->drops, v->drops + i * MUSTER__DROP_CELLS, sizeof merge->families[i]->drops);
	muster__values_settle_pids(v);
	for (size_t i = 0; i < v->pids_count; i++)
		view->pid_samples[i] = v->pids[i].sample;
	view->pid_sample_count = v->pids_count;
	memcpy(view->events, v->events, sizeof view->events);
	unset_show(merge);
	muster__view_sort(view);
	return hide(merge, ledger);
}
