/* SPDX-License-Identifier: Apache-2.0 */
/*
 * quarantine.c - names and sentences of the reasons not to believe a slab.
 */
#include <muster/region.h>

static const struct {
	const char *reason, *text;
} rows[] = {
#define MUSTER__ROW(id, reason_word, sentence) [MUSTER_QUARANTINE_##id] = {reason_word, sentence},
	MUSTER_QUARANTINES(MUSTER__ROW)
#undef MUSTER__ROW
};

const char *muster_quarantine_reason(enum muster_quarantine reason)
{
	return (unsigned)reason < MUSTER_QUARANTINE_COUNT ? rows[reason].reason : "unknown";
}

const char *muster_quarantine_text(enum muster_quarantine reason)
{
	return (unsigned)reason < MUSTER_QUARANTINE_COUNT ? rows[reason].text : "is refused for an unknown reason";
}
