/* SPDX-License-Identifier: Apache-2.0 */
/*
 * make_corpus DIR - write the seed corpus: DIR/{slab,ledger,http,exposition,import,web}/NAME, and for slabs and ledgers a
 * file EXPECTED with a line "NAME REASON" for each, REASON being none where it is believed. The same bytes on
 * every run; tests/e2e/hostile_corpus.sh compares them with tests/corpus.
 */
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "seeds.h"
#include "slab_cases.h"
#include "tests/unit/slab_honest.h"

static const char *corpus;

static FILE *file_open(const char *kind, const char *name)
{
	char path[1000];

	(void)snprintf(path, sizeof path, "%s/%s", corpus, kind);
	(void)mkdir(path, 0755);
	(void)snprintf(path, sizeof path, "%s/%s/%s", corpus, kind, name);
	FILE *file = fopen(path, "wb");
	if (file == NULL)
		err(1, "%s", path);
	return file;
}

static void file_write(const char *kind, const char *name, const void *bytes, size_t count)
{
	FILE *file = file_open(kind, name);

	if (fwrite(bytes, 1, count, file) != count || fclose(file) != 0)
		err(1, "%s/%s", kind, name);
}

/* ---- slabs and ledgers -------------------------------------------------------------------- */

static size_t case_pack(const struct slab_case *row, uint64_t instance, uint8_t kind, uint8_t *packed, size_t room)
{
	static const uint32_t hole = UINT32_C(1) << 30;
	static struct forge forged;
	struct muster__header_shm *h = forge_header(&forged);
	uint64_t bytes = row->bytes < FORGE_BYTES ? row->bytes : FORGE_BYTES;

	honest(&forged);
	h->identity.instance = instance;
	h->kind = kind;
	row->change(&forged);
	if (row->seal)
		h->checksum = muster__header_checksum(h);
	size_t used = packed_make(packed, room, forged.bytes, (size_t)bytes);
	for (; bytes + hole <= row->bytes; bytes += hole)
		used += packed_hole_make(packed + used, room - used, hole);
	for (size_t i = 0; i < row->event_count; i++)
		used += packed_event_make(packed + used, room - used, row->events + i);
	return used;
}

static void cases_write(const char *directory, FILE *expected, const struct slab_case *rows, size_t count, uint8_t kind)
{
	static uint8_t packed[2 * FORGE_BYTES];

	for (size_t i = 0; i < count; i++) {
		size_t bytes = case_pack(rows + i, i + 1, kind, packed, sizeof packed);
		file_write(directory, rows[i].name, packed, bytes);
		const char *reason = rows[i].reason == SLAB_CASE_GOOD
		                         ? "none"
		                         : muster_quarantine_reason((enum muster_quarantine)rows[i].reason);
		fprintf(expected, "%s %s\n", rows[i].name, reason);
	}
}

static void slabs_write(void)
{
	FILE *expected = file_open("slab", "EXPECTED");

	cases_write("slab", expected, slab_cases, slab_cases_count, MUSTER__KIND_SLAB);
	cases_write("slab", expected, odd_cases, odd_cases_count, MUSTER__KIND_SLAB);
	cases_write("slab", expected, native_cases, native_cases_count, MUSTER__KIND_SLAB);
	cases_write("slab", expected, exemplar_cases, exemplar_cases_count, MUSTER__KIND_SLAB);
	if (fclose(expected) != 0)
		err(1, "slab/EXPECTED");
}

static void ledgers_write(void)
{
	FILE *expected = file_open("ledger", "EXPECTED");

	cases_write("ledger", expected, ledger_cases, ledger_cases_count, MUSTER__KIND_LEDGER);
	if (fclose(expected) != 0)
		err(1, "ledger/EXPECTED");
}

/* ---- other seeds -------------------------------------------------------------------------- */

static void seeds_write(const char *directory, const struct seed *seeds, size_t count)
{
	for (const struct seed *seed = seeds; seed < seeds + count; seed++) {
		FILE *file = file_open(directory, seed->name);
		if (fwrite(seed->bytes, 1, seed->count, file) != seed->count)
			err(1, "%s/%s", directory, seed->name);
		for (unsigned i = 0; i < seed->times; i++)
			fputs(seed->more, file);
		fputs(seed->end, file);
		if (fclose(file) != 0)
			err(1, "%s/%s", directory, seed->name);
	}
}

int main(int argc, char **argv)
{
	if (argc != 2)
		errx(64, "usage: make_corpus DIR");
	corpus = argv[1];
	(void)mkdir(corpus, 0755);
	slabs_write();
	ledgers_write();
	seeds_write("http", http_seeds, http_seeds_count);
	seeds_write("exposition", exposition_seeds, exposition_seeds_count);
	seeds_write("import", import_seeds, import_seeds_count);
	seeds_write("web", web_seeds, web_seeds_count);
	return 0;
}
