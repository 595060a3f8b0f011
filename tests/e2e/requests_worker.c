/* SPDX-License-Identifier: Apache-2.0 */
/* requests_worker FILE [silent]: serves on descriptor 3 until TERM, and appends to FILE how many requests it had. Tells
 * muster of them, unless silent. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <muster/request.h>

static volatile sig_atomic_t told;

static void term(int signo)
{
	(void)signo;
	told = 1;
}

static void serve(int conn)
{
	static const char answer[] = "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";
	char text[4096];

	if (read(conn, text, sizeof text) > 0)
		(void)!write(conn, answer, sizeof answer - 1);
	(void)shutdown(conn, SHUT_WR);
	while (read(conn, text, sizeof text) > 0)
		;
	close(conn);
}

int main(int argc, char **argv)
{
	struct sigaction sa = {.sa_handler = term};
	int silent = argc > 2, count = 0, fd = open(argv[1], O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	struct pollfd listener = {.fd = 3, .events = POLLIN};
	sigset_t block, before;

	/* TERM comes while it waits, or not at all. */
	sigaction(SIGTERM, &sa, NULL);
	sigemptyset(&block);
	sigaddset(&block, SIGTERM);
	sigprocmask(SIG_BLOCK, &block, &before);
	for (; !told; (void)ppoll(&listener, 1, NULL, &before)) {
		int conn = accept4(3, NULL, NULL, SOCK_CLOEXEC);
		if (conn < 0)
			continue;
		struct muster_request request = silent ? (struct muster_request){0} : muster_request_begin();
		serve(conn);
		count++;
		if (!silent)
			muster_request_end(request);
	}
	(void)dprintf(fd, "%d\n", count);
	return fd < 0;
}
