/* SPDX-License-Identifier: Apache-2.0 */
/*
 * web.h - what stands between a client and the pages, by the web configuration file: TLS, users, rate, headers.
 *
 *   The file and those it names are read again when they have changed. A new state that is bad, or that would take
 *   protection away, is not taken: the last one holds.
 */
#ifndef MUSTER__WEB_H
#define MUSTER__WEB_H

#include <openssl/ssl.h>
#include <uv.h>

#include "auth.h"
#include "body.h"
#include "http_request.h"
#include "self_metrics.h"

struct muster__web;

/* Read the file for the first time.
 *   self   counts what is read; may be NULL
 * Returns 0, or EX_CONFIG or EX_OSERR after one line in the log. */
int muster__web_create(uv_loop_t *loop, const char *path, struct muster__self *self, struct muster__web **out);

/* Questions were cancelled and the loop run to its end. Accepts NULL. */
void muster__web_destroy(struct muster__web **web);

/* The others take NULL for: no web configuration. */

/* Read again what has changed. Cheap if nothing has: a stat() for each file. */
void muster__web_look(struct muster__web *web);

/* For a new connection; borrowed. NULL: plain HTTP. */
SSL_CTX *muster__web_tls(const struct muster__web *web);

/* Header lines for every answer, ended by an empty line; borrowed. NULL: none. */
struct muster__body *muster__web_headers(const struct muster__web *web);

/* May this request have an answer? As muster__auth_ask(). */
enum muster__verdict muster__web_admit(struct muster__web *web, const struct muster__request *request,
                                       struct muster__ticket *ticket);

void muster__web_cancel(struct muster__web *web, struct muster__ticket *ticket);

#endif
