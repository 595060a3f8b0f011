/* SPDX-License-Identifier: Apache-2.0 */
/*
 * region_text.c - a region's view through the text encoder.
 */
#include "roll.h"

int muster_region_text(struct muster_region *region, const char **text, size_t *bytes)
{
	int rc = region->text ? 0 : muster__text_create(&region->text);

	if (rc != 0)
		return rc;
	region->text_destroy = muster__text_destroy;
	return muster__text_write(region->text, &region->merge.view, text, bytes);
}
