/* SPDX-License-Identifier: Apache-2.0 */
/*
 * check.c - every rule on every family of one look at a region, then what the region itself has counted.
 */
#include "check.h"

#include <stdarg.h>
#include <stddef.h>

#include "shm/roll.h"
#include "shm/spelling.h"

void muster__finding_set(struct muster__finding *finding, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	(void)vsnprintf(finding->text, sizeof finding->text, format, args);
	va_end(args);
}

/* On one line, and nothing that a terminal would obey: names and texts come from workers. */
static void line_put(const char *name, const struct muster__check_rule *rule, const char *found)
{
	char line[2048];

	(void)snprintf(line, sizeof line, "%s: %s: %s. %s", name, rule->name, found, rule->why);
	for (char *at = line; *at; at++)
		if ((unsigned char)*at < 0x20 || *at == 0x7f)
			*at = '?';
	(void)puts(line);
}

static unsigned rules_apply(const struct muster__view *view, const struct muster__view_family *family,
                            const struct muster__check_rule *rule)
{
	unsigned found = 0;

	for (; rule->name; rule++) {
		struct muster__finding finding = {""};
		rule->look(view, family, &finding);
		if (finding.text[0] == '\0')
			continue;
		line_put(family->name, rule, finding.text);
		found++;
	}
	return found;
}

/* What the store has counted of all processes. */
static unsigned events_tell(const struct muster__view *view)
{
	static const struct {
		const char *metric, *reason;
	} rows[] = {
#define MUSTER__ROW(id, metric, reason) {metric, reason},
		MUSTER__EVENTS(MUSTER__ROW)
#undef MUSTER__ROW
	};
	unsigned found = 0;

	for (size_t i = 0; i < MUSTER__EVENT_COUNT; i++) {
		if (view->events[i] == 0)
			continue;
		(void)printf("%s{reason=\"%s\"}: lost: is %llu. docs/metrics.md tells what was refused and how to help it.\n",
		             rows[i].metric, rows[i].reason, (unsigned long long)view->events[i]);
		found++;
	}
	return found;
}

static unsigned quarantine_tells(const struct muster_region *region)
{
	struct muster_region_stats stats;

	muster_region_stats(region, &stats);
	if (stats.quarantined == 0)
		return 0;
	(void)printf(
		"muster_slabs_quarantined_total: lost: %u slabs are not believed. The log names each with its reason.\n",
		stats.quarantined);
	return 1;
}

int muster__check(const struct muster__look_opts *opts)
{
	struct muster_region *region;
	int status = muster__look(opts, &region);
	unsigned found = 0;

	if (status != 0)
		return status;
	const struct muster__view *view = &region->merge.view;
	int rc = muster__view_spell(&region->merge.view, MUSTER_ESCAPING_UNDERSCORES);
	if (rc != 0) {
		muster_region_destroy(&region);
		return muster__look_refused(opts->path, rc);
	}
	for (size_t i = 0; i < view->family_count; i++) {
		found += rules_apply(view, view->families[i], muster__check_names);
		found += rules_apply(view, view->families[i], muster__check_values);
	}
	found += events_tell(view) + quarantine_tells(region);
	muster_region_destroy(&region);
	return found ? MUSTER__CHECK_FOUND : 0;
}
