/* SPDX-License-Identifier: Apache-2.0 */
/*
 * import_key.c - the key of an entry of prometheus_client's or of prometheus-client-mmap's: a small JSON array. Runs in
 * readers, on private memory.
 */
#include "import.h"

#include <string.h>

/* What is left to read, and where decoded text goes. Decoded text is never longer than its JSON. */
struct reading {
	const char *at, *end;
	char *out;
};

static void spaces_skip(struct reading *r)
{
	while (r->at < r->end && (*r->at == ' ' || *r->at == '\t'))
		r->at++;
}

static bool take(struct reading *r, char c)
{
	spaces_skip(r);
	if (r->at == r->end || *r->at != c)
		return false;
	r->at++;
	return true;
}

/* ---- strings ------------------------------------------------------------------------------ */

static bool hex4(struct reading *r, uint32_t *out)
{
	uint32_t value = 0;

	if (r->end - r->at < 4)
		return false;
	for (int i = 0; i < 4; i++) {
		char c = *r->at++;
		uint32_t digit = c >= '0' && c <= '9'   ? (uint32_t)(c - '0')
		                 : c >= 'a' && c <= 'f' ? (uint32_t)(c - 'a' + 10)
		                 : c >= 'A' && c <= 'F' ? (uint32_t)(c - 'A' + 10)
		                                        : 16;
		if (digit == 16)
			return false;
		value = value << 4 | digit;
	}
	*out = value;
	return true;
}

static void put_utf8(struct reading *r, uint32_t c)
{
	if (c < 0x80) {
		*r->out++ = (char)c;
	} else if (c < 0x800) {
		*r->out++ = (char)(0xc0 | c >> 6);
		*r->out++ = (char)(0x80 | (c & 0x3f));
	} else if (c < 0x10000) {
		*r->out++ = (char)(0xe0 | c >> 12);
		*r->out++ = (char)(0x80 | (c >> 6 & 0x3f));
		*r->out++ = (char)(0x80 | (c & 0x3f));
	} else {
		*r->out++ = (char)(0xf0 | c >> 18);
		*r->out++ = (char)(0x80 | (c >> 12 & 0x3f));
		*r->out++ = (char)(0x80 | (c >> 6 & 0x3f));
		*r->out++ = (char)(0x80 | (c & 0x3f));
	}
}

/* Behind \u. A half of a surrogate pair, or a NUL, is refused: no label can have it. */
static bool unicode(struct reading *r)
{
	uint32_t c, low;

	if (!hex4(r, &c) || c == 0 || (c >= 0xdc00 && c < 0xe000))
		return false;
	if (c >= 0xd800 && c < 0xdc00) {
		if (r->end - r->at < 2 || r->at[0] != '\\' || r->at[1] != 'u')
			return false;
		r->at += 2;
		if (!hex4(r, &low) || low < 0xdc00 || low >= 0xe000)
			return false;
		c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
	}
	put_utf8(r, c);
	return true;
}

static bool escape(struct reading *r)
{
	static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
	char c = r->at < r->end ? *r->at++ : '\0';
	const char *which = c ? strchr(from, c) : NULL;

	if (c == 'u')
		return unicode(r);
	if (which == NULL)
		return false;
	*r->out++ = to[which - from];
	return true;
}

static bool string(struct reading *r, const char **out)
{
	*out = r->out;
	if (!take(r, '"'))
		return false;
	while (r->at < r->end && *r->at != '"') {
		char c = *r->at++;
		if (c == '\0' || (c == '\\' && !escape(r)))
			return false;
		if (c != '\\')
			*r->out++ = c;
	}
	if (r->at == r->end)
		return false;
	r->at++;
	*r->out++ = '\0';
	return true;
}

/* ---- prometheus_client's labels: an object ---------------------------------------------------- */

bool muster__import_label_add(struct muster__import_key *key, const char *name, const char *value)
{
	if (strcmp(name, "le") == 0) {
		key->le = value;
		key->quantile = false;
		return true;
	}
	if (key->label_count == MUSTER_LABELS_MAX)
		return false;
	key->names[key->label_count] = name;
	key->values[key->label_count++] = value;
	return true;
}

static bool label(struct reading *r, struct muster__import_key *key)
{
	const char *name, *value;

	return string(r, &name) && take(r, ':') && string(r, &value) && muster__import_label_add(key, name, value);
}

static bool object(struct reading *r, struct muster__import_key *key)
{
	if (!take(r, '{'))
		return false;
	if (take(r, '}'))
		return true;
	do
		if (!label(r, key))
			return false;
	while (take(r, ','));
	return take(r, '}');
}

/* ---- prometheus-client-mmap's: an array of names, and one of values ---------------------------- */

/* A number, true or false, which is on the page as it stands; null is the empty text. */
static bool primitive(struct reading *r, const char **out)
{
	static const char chars[] = "0123456789+-.abcdefghijklmnopqrstuvwxyzEIN";
	const char *begin = r->at;

	while (r->at < r->end && *r->at != '\0' && strchr(chars, *r->at))
		r->at++;
	size_t n = (size_t)(r->at - begin);
	*out = r->out;
	if (n == 0 || r->at == r->end)
		return false;
	if (n == 4 && memcmp(begin, "null", 4) == 0)
		n = 0;
	memmove(r->out, begin, n);
	r->out += n;
	*r->out++ = '\0';
	return true;
}

static bool value(struct reading *r, const char **out)
{
	spaces_skip(r);
	return r->at < r->end && *r->at != '"' ? primitive(r, out) : string(r, out);
}

static bool array(struct reading *r, const char **items, uint32_t *count)
{
	*count = 0;
	if (!take(r, '['))
		return false;
	if (take(r, ']'))
		return true;
	do
		if (*count > MUSTER_LABELS_MAX || !value(r, &items[(*count)++]))
			return false;
	while (take(r, ','));
	return take(r, ']');
}

static bool arrays(struct reading *r, struct muster__import_key *key)
{
	const char *names[MUSTER_LABELS_MAX + 1], *values[MUSTER_LABELS_MAX + 1]; /* and le */
	uint32_t names_count, values_count;

	if (!array(r, names, &names_count) || !take(r, ',') || !array(r, values, &values_count) ||
	    names_count != values_count)
		return false;
	for (uint32_t i = 0; i < names_count; i++)
		if (!muster__import_label_add(key, names[i], values[i]))
			return false;
	return true;
}

/* ---- the whole ---------------------------------------------------------------------------- */

bool muster__import_key_read(const char *key, size_t count, char *out_text, struct muster__import_key *out)
{
	struct reading r = {key, key + count, out_text};

	*out = (struct muster__import_key){0};
	if (!take(&r, '[') || !string(&r, &out->metric) || !take(&r, ',') || !string(&r, &out->sample) || !take(&r, ','))
		return false;
	spaces_skip(&r);
	out->dialect = r.at < r.end && *r.at == '[' ? MUSTER__IMPORT_MMAP : MUSTER__IMPORT_PYTHON;
	if (out->dialect == MUSTER__IMPORT_MMAP)
		return arrays(&r, out) && take(&r, ']') && r.at == r.end;
	if (!object(&r, out) || (take(&r, ',') && !string(&r, &out->help)))
		return false;
	return take(&r, ']') && r.at == r.end;
}
