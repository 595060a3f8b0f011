/* SPDX-License-Identifier: Apache-2.0 */
/*
 * page.h - a small reader of text 0.0.4 that shares nothing with the writer, and the rules a page must keep.
 *
 * Source: Prometheus exposition formats, text-based format 0.0.4.
 */
#ifndef TESTS_PAGE_H
#define TESTS_PAGE_H

#include <stdbool.h>
#include <stddef.h>

#define PAGE_LABELS_MAX 34

enum page_kind { PAGE_HELP, PAGE_TYPE, PAGE_SAMPLE };

struct page_text {
	char *bytes; /* unescaped, in memory of the page */
	size_t count;
};

struct page_line {
	enum page_kind kind;
	const char *begin, *end; /* as it stands, without the newline */
	const char *key_end;     /* of a sample: behind its labels */
	struct page_text name;
	struct page_text rest; /* help, or type, or a sample's value */
	size_t label_count;
	struct page_text labels[PAGE_LABELS_MAX], values[PAGE_LABELS_MAX];
};

struct page {
	const char *at, *end;
	const char *wrong; /* NULL, or what is wrong with the page; then `at` is where */
	char *memory, *free;
};

void page_begin(struct page *page, const char *text, size_t count);
void page_end(struct page *page);

/* The next line. Returns false at the end, and where something is wrong. */
bool page_next(struct page *page, struct page_line *line);

/* All rules for a whole page: every line is well-formed; HELP and TYPE stand once before the samples of their
 * family, which are together; no sample comes twice. Returns NULL, or which one is broken; `*where` is the line. */
const char *page_check(const char *text, size_t count, const char **where);

#endif
