/* SPDX-License-Identifier: Apache-2.0 */
/*
 * negotiate.h - in which format a scrape is answered.
 */
#ifndef MUSTER__NEGOTIATE_H
#define MUSTER__NEGOTIATE_H

#include <stdbool.h>
#include <stddef.h>

#include <muster/region.h>

/* What can be answered: an index into a table of content types. */
struct muster__negotiated {
	unsigned char row;      /* of the table */
	unsigned char escaping; /* of names, and 0: none was asked for */
};

/* Choose by an Accept header: of what we can write, that with the greatest q, the first of several. Nothing that we can
 * write, or no header: text 0.0.4.
 * Source: RFC 9110, 12.5.1; Prometheus, content negotiation. */
struct muster__negotiated muster__negotiate(const char *accept, size_t count);

/* Is gzip acceptable by an Accept-Encoding header? RFC 9110, 12.5.3. */
bool muster__negotiate_gzip(const char *accept_encoding, size_t count);

/* The choice as a number below MUSTER__NEGOTIATED_MAX. */
#define MUSTER__NEGOTIATED_MAX 64
unsigned muster__negotiated_key(struct muster__negotiated chosen);

/* The Content-Type; a static string. */
const char *muster__negotiated_type(struct muster__negotiated chosen);
/* As enum muster_format. */
int muster__negotiated_format(struct muster__negotiated chosen);
enum muster_escaping muster__negotiated_escaping(struct muster__negotiated chosen);

#endif
