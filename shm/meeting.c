/* SPDX-License-Identifier: Apache-2.0 */
/*
 * meeting.c - which names meet on a page, and what they are called then. Runs in readers, on private memory.
 *
 * All names of a page, with those of samples and those that OpenMetrics leaves without a suffix, are entered in an index.
 * Where one comes twice, what was escaped least is escaped once more, and all is done again. That ends: each time makes
 * a name longer, and it can only meet names that were not escaped, which are short.
 */
#include "meeting.h"

#include "encode.h"
#include "escape.h"
#include "grow.h"
#include "index.h"
#include "names.h"

#define VALUES_MAX 16u /* is never reached: each time makes a name longer by its underscores and by 3 bytes */

/* ---- one name ----------------------------------------------------------------------------- */

char *muster__escaped(char *name, enum muster_escaping escaping, unsigned values, bool colons)
{
	char *text = name;

	for (unsigned n = 0; n == 0 || n < values; n++) {
		size_t bytes = strlen(text);
		char *next = malloc(MUSTER__ESCAPED_BYTES_MAX(bytes) + 1);
		if (next)
			*(n ? muster__escape_values(next, text, bytes, colons)
			    : muster__escape_name(next, text, bytes, values ? MUSTER_ESCAPING_VALUES : escaping, colons)) = '\0';
		if (text != name)
			free(text);
		if (next == NULL)
			return NULL;
		text = next;
	}
	if (strcmp(text, name) != 0)
		return text;
	free(text);
	return name;
}

/* How often a name is written by `values`, and whether it has to be once more. */
struct times {
	unsigned values;
	bool escaped, more;
};

/* Of two that meet, what is escaped is escaped once more, if it is so less often than the other, or as often.
 * Returns whether there was one. */
static bool times_meet(struct times *a, struct times *b)
{
	unsigned least = VALUES_MAX;

	if (a->escaped && a->values < least)
		least = a->values;
	if (b->escaped && b->values < least)
		least = b->values;
	if (least == VALUES_MAX)
		return false;
	a->more |= a->escaped && a->values == least;
	b->more |= b->escaped && b->values == least;
	return true;
}

/* By the scheme `values`, all names are written so once from the beginning. */
static unsigned times_next(struct times t, enum muster_escaping escaping)
{
	return t.values + t.more + (t.more && t.values == 0 && escaping == MUSTER_ESCAPING_VALUES);
}

/* ---- all names of a page ------------------------------------------------------------------ */

#define STORE UINT32_MAX /* in place of a family */

struct claim {
	size_t at, bytes; /* in the text */
	uint32_t family;
	bool base; /* without a suffix that samples have */
};

struct page {
	const struct muster__view *view;
	enum muster_escaping escaping;
	struct muster__called *called;
	struct times *times; /* one for each family */
	struct muster__text_buffer text;
	struct claim *claims;
	size_t claims_count, claims_capacity;
	struct muster__index index;
	bool again; /* a name was escaped once more */
};

static bool claim_equals(const void *ctx, uint32_t item)
{
	const struct page *p = ctx;
	const struct claim *a = &p->claims[item], *b = &p->claims[p->claims_count];

	return a->bytes == b->bytes && memcmp(p->text.bytes + a->at, p->text.bytes + b->at, a->bytes) == 0;
}

static uint64_t claim_hash(const struct page *p, const struct claim *c)
{
	return muster__hash(0, p->text.bytes + c->at, c->bytes);
}

static void claims_index(void *owner)
{
	struct page *p = owner;

	for (size_t i = 0; i < p->claims_count; i++)
		muster__index_add(&p->index, claim_hash(p, &p->claims[i]), (uint32_t)i);
}

static void meet(struct page *p, const struct claim *a, const struct claim *b)
{
	struct times store = {0};

	if (a->family != STORE)
		p->called[a->family].base_taken |= a->base;
	if (b->family != STORE)
		p->called[b->family].base_taken |= b->base;
	p->again |= times_meet(a->family == STORE ? &store : &p->times[a->family],
	                       b->family == STORE ? &store : &p->times[b->family]);
}

/* Enter name[0..bytes] with a suffix. */
static int claim(struct page *p, uint32_t family, bool base, const char *name, size_t bytes, const char *suffix)
{
	struct claim new = {p->text.count, bytes + strlen(suffix), family, base};

	muster__text_put_bytes(&p->text, name, bytes);
	muster__text_put(&p->text, suffix);
	if (p->text.failed || muster__index_reserve(&p->index, p->claims_count + 1, claims_index, p) != 0 ||
	    muster__grow(&p->claims, &p->claims_capacity, p->claims_count + 1, sizeof *p->claims) != 0)
		return -ENOMEM;
	p->claims[p->claims_count] = new;
	uint64_t hash = claim_hash(p, &new);
	uint32_t other = muster__index_find(&p->index, hash, claim_equals, p);
	if (other == MUSTER__INDEX_NONE)
		muster__index_add(&p->index, hash, (uint32_t)p->claims_count++);
	else if (p->claims[other].family != family)
		meet(p, &p->claims[other], &new);
	return 0;
}

/* What OpenMetrics takes from a name, of families and of samples. */
static int base_claim(struct page *p, uint32_t family, const char *name, enum muster_type type)
{
	bool counter = type == MUSTER_COUNTER || type == MUSTER_REAL_COUNTER;
	const char *suffix = counter ? "_total" : "_info";
	size_t bytes = strlen(name), n = strlen(suffix);

	if ((!counter && type != MUSTER_INFO) || bytes <= n || strcmp(name + bytes - n, suffix) != 0)
		return 0;
	int rc = claim(p, family, true, name, bytes - n, "");
	return rc == 0 && counter ? claim(p, family, true, name, bytes - n, "_created") : rc;
}

static int family_claim(struct page *p, uint32_t family, const char *name, enum muster_type type)
{
	int rc = claim(p, family, false, name, strlen(name), "");

	for (size_t i = 0; rc == 0 && i < MUSTER__SAMPLE_SUFFIXES; i++)
		if (muster__sample_suffixes[i].types >> type & 1)
			rc = claim(p, family, false, name, strlen(name), muster__sample_suffixes[i].suffix);
	return rc ? rc : base_claim(p, family, name, type);
}

static int name_again(struct page *p, uint32_t i)
{
	struct muster__called *called = &p->called[i];
	char *own = p->view->families[i]->name;

	if (called->name != own)
		free(called->name);
	called->values = times_next(p->times[i], p->escaping);
	called->base_taken = false;
	called->name = muster__escaped(own, p->escaping, called->values, true);
	p->times[i] = (struct times){called->values, called->name != own, false};
	return called->name ? 0 : -ENOMEM;
}

static int page_look(struct page *p)
{
	char store_name[MUSTER__STORE_NAME_BYTES_MAX];
	int rc = 0;

	p->again = false;
	p->text.count = p->claims_count = 0;
	muster__index_clear(&p->index);
	for (uint32_t i = 0; rc == 0 && i < p->view->family_count; i++)
		rc = name_again(p, i);
	for (size_t i = 0; rc == 0 && i < MUSTER__STORE_COUNTERS; i++) {
		muster__store_name(&muster__store_counters[i], p->escaping, store_name);
		rc = family_claim(p, STORE, store_name, muster__store_counters[i].type);
	}
	for (uint32_t i = 0; rc == 0 && i < p->view->family_count; i++)
		rc = family_claim(p, i, p->called[i].name, p->view->families[i]->type);
	return rc;
}

int muster__view_call(const struct muster__view *view, enum muster_escaping escaping, struct muster__called *called)
{
	struct page p = {.view = view, .escaping = escaping, .called = called};
	size_t capacity = 0;
	int rc = muster__grow(&p.times, &capacity, view->family_count, sizeof *p.times);

	for (p.again = true; rc == 0 && p.again;)
		rc = page_look(&p);
	free(p.times);
	free(p.text.bytes);
	free(p.claims);
	muster__index_clear(&p.index);
	return rc;
}

void muster__called_free(const struct muster__view *view, struct muster__called *called)
{
	for (size_t i = 0; called && i < view->family_count; i++)
		if (called[i].name != view->families[i]->name)
			free(called[i].name);
	free(called);
}

/* ---- labels of one family ----------------------------------------------------------------- */

static bool labels_look(const struct muster__view_family *f, char *const *labels, struct times *times)
{
	struct times none = {0};
	bool again = false;

	for (uint32_t i = 0; i < f->label_count; i++) {
		if (muster__label_name_reserved(labels[i], strlen(labels[i]), f->type, f->mode))
			again |= times_meet(&times[i], &none);
		for (uint32_t k = 0; k < i; k++)
			if (strcmp(labels[i], labels[k]) == 0)
				again |= times_meet(&times[i], &times[k]);
	}
	return again;
}

static int labels_name(const struct muster__view_family *f, enum muster_escaping escaping, struct times *times,
                       char **labels)
{
	for (uint32_t i = 0; i < f->label_count; i++) {
		if (labels[i] != f->labels[i])
			free(labels[i]);
		times[i].values = times_next(times[i], escaping);
		labels[i] = muster__escaped(f->labels[i], escaping, times[i].values, false);
		if (labels[i] == NULL)
			return -ENOMEM;
		times[i].escaped = labels[i] != f->labels[i];
		times[i].more = false;
	}
	return 0;
}

int muster__labels_call(const struct muster__view_family *f, enum muster_escaping escaping, unsigned *values,
                        char **labels)
{
	struct times times[MUSTER_LABELS_MAX] = {0};
	int rc;

	memset(labels, 0, f->label_count * sizeof *labels);
	for (uint32_t i = 0; i < f->label_count; i++)
		times[i].values = values[i];
	do
		rc = labels_name(f, escaping, times, labels);
	while (rc == 0 && labels_look(f, labels, times));
	for (uint32_t i = 0; i < f->label_count; i++)
		values[i] = times[i].values;
	return rc;
}
