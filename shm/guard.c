/* SPDX-License-Identifier: Apache-2.0 */
/*
 * guard.c - SIGBUS containment for readers.
 *
 * The handler acts only on a fault inside the mapping that its own thread is reading at that moment;
 * every other SIGBUS goes to the handler that was there before. The jump needs no saved signal mask: the
 * handler runs with SA_NODEFER, so the mask inside it is the mask outside. Runs in readers, never in
 * workers.
 */
#include "guard.h"

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>

#include <muster/region.h>

struct reading {
	uintptr_t begin, end;
	sigjmp_buf jump;
};

static __thread struct reading *volatile reading __attribute__((tls_model("initial-exec")));
static struct sigaction before;

static void pass_on(int number, siginfo_t *info, void *context)
{
	if (before.sa_flags & SA_SIGINFO) {
		before.sa_sigaction(number, info, context);
	} else if (before.sa_handler != SIG_DFL && before.sa_handler != SIG_IGN) {
		before.sa_handler(number);
	} else if (before.sa_handler == SIG_DFL || info->si_code > 0) {
		/* The fault happens again on return, now with the default action; one that was sent is sent
		 * again. A real fault cannot be ignored, as the kernel has it. */
		signal(number, SIG_DFL);
		if (info->si_code <= 0)
			raise(number);
	}
}

static void on_sigbus(int number, siginfo_t *info, void *context)
{
	struct reading *now = reading;
	uintptr_t at = (uintptr_t)info->si_addr;

	if (now && info->si_code > 0 && at >= now->begin && at < now->end)
		siglongjmp(now->jump, 1);
	pass_on(number, info, context);
}

int muster_guard_install(void)
{
	struct sigaction ours = {.sa_flags = SA_SIGINFO | SA_NODEFER | SA_ONSTACK}, old;

	if (sigaction(SIGBUS, NULL, &old) != 0)
		return -errno;
	if ((old.sa_flags & SA_SIGINFO) && old.sa_sigaction == on_sigbus)
		return 0;
	before = old;
	ours.sa_sigaction = on_sigbus;
	sigemptyset(&ours.sa_mask);
	return sigaction(SIGBUS, &ours, NULL) == 0 ? 0 : -errno;
}

int muster__guard_run(const void *map, size_t bytes, void (*fn)(void *ctx), void *ctx)
{
	struct reading now = {.begin = (uintptr_t)map, .end = (uintptr_t)map + bytes};

	if (sigsetjmp(now.jump, 0) != 0) {
		reading = NULL;
		return -EFAULT;
	}
	reading = &now;
	fn(ctx);
	reading = NULL;
	return 0;
}
