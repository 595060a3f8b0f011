/* SPDX-License-Identifier: Apache-2.0 */
/* auth.h - Basic credentials (RFC 7617). */
#ifndef ORDER_MGMT_AUTH_H
#define ORDER_MGMT_AUTH_H

#include <stddef.h>

#define AUTH_FIELD_BYTES_MAX 512
#define AUTH_CREDENTIALS "demo:roll-call" /* user:password of the only account */

enum auth { AUTH_GOOD, AUTH_WRONG, AUTH_MALFORMED };

/* Judge the value of an Authorization field, not NUL-terminated. */
enum auth auth_check(const char *value, size_t count);

#endif
