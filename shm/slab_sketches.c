/* SPDX-License-Identifier: Apache-2.0 */
/*
 * slab_sketches.c - which pages of sketches a slab has, and the pages of one that is dead. Runs in readers.
 *
 * Reading a page that is not backed would make tmpfs back it, or fault. So only pages of the directory are touched,
 * whose words are loaded once into private memory and only ever gain bits.
 */
#include "atomic.h"
#include "grow.h"
#include "guard.h"
#include "slab.h"

static const uint64_t *directory_of(const struct muster__slab *slab)
{
	return (const uint64_t *)(const void *)(slab->map + slab->sketch_area.off);
}

static const uint64_t *pages_of(const struct muster__slab *slab)
{
	return directory_of(slab) + muster__sketch_directory_bytes(slab->sketch_area.count) / 8;
}

static void look(void *ctx)
{
	struct muster__slab *slab = ctx;

	/* ORDER(sketch-page) acquire; pairs with muster__store_back_sketch(): what is listed is backed. */
	for (size_t i = 0; i < slab->sketches.count; i++)
		slab->sketches.directory[i] |= muster__load_acquire(directory_of(slab) + i);
}

int muster__slab_sketches_look(struct muster__slab *slab)
{
	struct muster__slab_sketches *s = &slab->sketches;
	uint32_t count = slab->catalogue->end.sketches;

	if (count == 0)
		return 0;
	if (muster__grow(&s->directory, &s->capacity, count, sizeof *s->directory) != 0)
		return -ENOMEM;
	s->count = count;
	return muster__guard_run(slab->map, slab->map_bytes, look, slab) == 0 ? 0 : MUSTER__BAD(SHRUNK);
}

size_t muster__slab_sketches_pages(const struct muster__slab *slab)
{
	size_t n = 0;

	for (size_t i = 0; i < slab->sketches.count; i++)
		n += (size_t)__builtin_popcountll(slab->sketches.directory[i]);
	return n;
}

/* The owner is dead: nothing changes any more. */
static void take(void *ctx)
{
	struct muster__slab *slab = ctx;
	struct muster__slab_sketches *s = &slab->sketches;
	uint64_t *to = s->pages;

	for (size_t i = 0; i < s->count; i++) {
		s->first[i] = (uint32_t)((size_t)(to - s->pages) / MUSTER__SKETCH_PAGE_WORDS);
		for (uint64_t left = s->directory[i]; left; left &= left - 1) {
			const uint64_t *from =
				pages_of(slab) + (i * MUSTER__SKETCH_PAGES + (size_t)__builtin_ctzll(left)) * MUSTER__SKETCH_PAGE_WORDS;
			for (uint32_t word = 0; word < MUSTER__SKETCH_PAGE_WORDS; word++)
				*to++ = muster__load_relaxed(from + word);
		}
	}
}

int muster__slab_sketches_take(struct muster__slab *slab)
{
	struct muster__slab_sketches *s = &slab->sketches;
	int rc = muster__slab_sketches_look(slab);

	if (rc != 0 || s->count == 0)
		return rc;
	free(s->first);
	free(s->pages);
	s->first = calloc(s->count, sizeof *s->first);
	s->pages = malloc((muster__slab_sketches_pages(slab) + 1) * MUSTER__PAGE);
	if (s->first == NULL || s->pages == NULL)
		return -ENOMEM;
	return muster__guard_run(slab->map, slab->map_bytes, take, slab) == 0 ? 0 : MUSTER__BAD(SHRUNK);
}

void muster__slab_sketches_free(struct muster__slab *slab)
{
	free(slab->sketches.directory);
	free(slab->sketches.first);
	free(slab->sketches.pages);
	slab->sketches = (struct muster__slab_sketches){0};
}

void muster__slab_sketches_source(const struct muster__slab *slab, struct muster__source *out)
{
	out->sketch_directory = slab->sketches.directory;
	out->sketch_count = slab->sketches.count;
	out->sketch_first = slab->last ? slab->sketches.first : NULL;
	out->sketch_pages = slab->last ? slab->sketches.pages : slab->sketches.count ? pages_of(slab) : NULL;
}
