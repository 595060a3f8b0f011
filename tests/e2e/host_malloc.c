/* SPDX-License-Identifier: Apache-2.0 */
/* LD_PRELOAD: the MALLOC_FAILS-th allocation of the process fails, once. It says so on stderr. */
#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

static long left = -1;

static int fails(void)
{
	static const char text[] = "host_malloc: this one fails\n";

	if (left < 0) {
		const char *n = getenv("MALLOC_FAILS");
		left = n ? atol(n) : 0;
	}
	if (left == 0 || --left != 0)
		return 0;
	(void)!write(STDERR_FILENO, text, sizeof text - 1);
	errno = ENOMEM;
	return 1;
}

void *malloc(size_t bytes)
{
	static void *(*real)(size_t);

	if (real == NULL)
		*(void **)&real = dlsym(RTLD_NEXT, "malloc");
	return fails() ? NULL : real(bytes);
}

void *realloc(void *old, size_t bytes)
{
	static void *(*real)(void *, size_t);

	if (real == NULL)
		*(void **)&real = dlsym(RTLD_NEXT, "realloc");
	return fails() ? NULL : real(old, bytes);
}

void *calloc(size_t count, size_t bytes)
{
	static void *(*real)(size_t, size_t);

	if (real == NULL)
		*(void **)&real = dlsym(RTLD_NEXT, "calloc");
	return fails() ? NULL : real(count, bytes);
}
