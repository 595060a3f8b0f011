/* SPDX-License-Identifier: Apache-2.0 */
/*
 * credentials.c - takes "Basic BASE64" apart. Runs on the loop.
 *
 * bcrypt ends a password at its first NUL, so one that has more behind it would be let in: it is refused here.
 */
#include "credentials.h"

#include <openssl/evp.h>
#include <string.h>
#include <strings.h>

/* Decode into text, with a NUL behind. Returns the number of bytes, or 0. */
static size_t decode(const char *base64, size_t count, char text[MUSTER__CREDENTIALS_BYTES_MAX])
{
	if (count == 0 || count % 4 != 0 || count / 4 * 3 >= MUSTER__CREDENTIALS_BYTES_MAX)
		return 0;
	size_t padding = (size_t)(base64[count - 1] == '=') + (base64[count - 2] == '=');
	int n = EVP_DecodeBlock((unsigned char *)text, (const unsigned char *)base64, (int)count);
	if (n < 3) /* OpenSSL passes over spaces at both ends */
		return 0;
	text[(size_t)n - padding] = '\0';
	return (size_t)n - padding;
}

bool muster__credentials_read(const char *header, size_t count, struct muster__credentials *out)
{
	static const char scheme[] = "Basic ";
	const size_t skip = sizeof scheme - 1;

	if (count < skip || strncasecmp(header, scheme, skip) != 0)
		return false;
	out->count = decode(header + skip, count - skip, out->text);
	char *colon = out->count ? strchr(out->text, ':') : NULL;
	if (colon == NULL || strlen(out->text) != out->count)
		return false;
	*colon = '\0';
	out->user = out->text;
	out->password = colon + 1;
	return strlen(out->password) <= MUSTER__PASSWORD_BYTES_MAX;
}
