/* SPDX-License-Identifier: Apache-2.0 */
/*
 * region_page.c - a region's view through an encoder, and a value out of its text.
 */
#include <errno.h>
#include <string.h>

#include "encode.h"
#include "error.h"
#include "roll.h"
#include "spelling.h"

int muster_region_write(struct muster_region *region, enum muster_format format, enum muster_escaping escaping,
                        const char *const *names, const char **page, size_t *bytes)
{
	static void (*const encoders[])(const struct muster__making *m) = {
		[MUSTER_FORMAT_TEXT] = muster__text_write,
		[MUSTER_FORMAT_OPENMETRICS] = muster__openmetrics_write,
		[MUSTER_FORMAT_PROTOBUF] = muster__protobuf_write,
		[MUSTER_FORMAT_JSON] = muster__json_write,
	};
	const struct muster__making making = {&region->page, &region->merge.view, escaping, names, &region->rests};

	if ((unsigned)format >= MUSTER_FORMAT_COUNT)
		return muster__error(MUSTER_EOPTION, "format %d: there are %d of them", (int)format, MUSTER_FORMAT_COUNT);
	if ((unsigned)escaping >= MUSTER_ESCAPING_COUNT)
		return muster__error(MUSTER_EOPTION, "escaping %d: there are %d of them", (int)escaping, MUSTER_ESCAPING_COUNT);
	if (muster__view_spell(&region->merge.view, escaping) != 0)
		return -ENOMEM;
	region->page.count = 0;
	region->page.failed = false;
	encoders[format](&making);
	if (region->page.failed)
		return -ENOMEM;
	*page = region->page.bytes ? region->page.bytes : "";
	*bytes = region->page.count;
	return 0;
}

int muster_region_text(struct muster_region *region, const char **text, size_t *bytes)
{
	return muster_region_write(region, MUSTER_FORMAT_TEXT, MUSTER_ESCAPING_UNDERSCORES, NULL, text, bytes);
}

/* Does the line begin with the sample and a space? Returns what follows, or NULL. */
static const char *value_of(const char *line, size_t bytes, const char *sample, size_t sample_bytes)
{
	bool is = bytes > sample_bytes + 1 && memcmp(line, sample, sample_bytes) == 0 && line[sample_bytes] == ' ';

	return is ? line + sample_bytes + 1 : NULL;
}

int muster_region_value(struct muster_region *region, const char *sample, double *value)
{
	size_t sample_bytes = strlen(sample), left = 0;
	const char *line = NULL;
	int rc = muster_region_text(region, &line, &left);

	if (rc != 0)
		return rc;
	while (left > 0) {
		size_t bytes = (size_t)((const char *)memchr(line, '\n', left) - line) + 1;
		const char *number = value_of(line, bytes, sample, sample_bytes);
		if (number) {
			*value = muster__number_read(number);
			return 0;
		}
		line += bytes;
		left -= bytes;
	}
	return -ENOENT;
}
