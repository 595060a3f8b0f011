/* SPDX-License-Identifier: Apache-2.0 */
/*
 * http_status.h - the statuses the HTTP server answers with, and what it says with them.
 */
#ifndef MUSTER__HTTP_STATUS_H
#define MUSTER__HTTP_STATUS_H

struct muster__http_status {
	int status;
	const char *reason;
	const char *headers; /* lines that belong to it, each ended by CR LF */
	const char *text;    /* the body, unless there is a better one */
};

/* The row of a status; of one that has none, that of 500. */
const struct muster__http_status *muster__http_status(int status);

#endif
