/* SPDX-License-Identifier: Apache-2.0 */
/*
 * credentials.h - user and password of a request.
 */
#ifndef MUSTER__CREDENTIALS_H
#define MUSTER__CREDENTIALS_H

#include <stdbool.h>
#include <stddef.h>

#define MUSTER__CREDENTIALS_BYTES_MAX 512
#define MUSTER__PASSWORD_BYTES_MAX 255

struct muster__credentials {
	char text[MUSTER__CREDENTIALS_BYTES_MAX]; /* user NUL password NUL; secret */
	const char *user, *password;              /* in it */
	size_t count;                             /* of both, and the NUL between */
};

/* Read the value of an Authorization header. Returns false if it is none of the scheme Basic, is not encoded right, is
 * too long, or has a NUL in it.
 * Source: RFC 7617. */
bool muster__credentials_read(const char *header, size_t count, struct muster__credentials *out);

#endif
