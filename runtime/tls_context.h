/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tls_context.h - what all TLS connections share: certificate, key, who may come, which ciphers.
 */
#ifndef MUSTER__TLS_CONTEXT_H
#define MUSTER__TLS_CONTEXT_H

#include <openssl/ssl.h>

#include "web_config.h"

/* Read the files a configuration names.
 *   out       one reference; SSL_CTX_free(). Connections hold theirs.
 *   message   on failure one line: what was refused, remedy
 * Returns 0, -EINVAL or -ENOMEM. */
int muster__tls_context_create(const struct muster__web_config *config, SSL_CTX **out,
                               char message[MUSTER__WEB_MESSAGE_BYTES]);

#endif
