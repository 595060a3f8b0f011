/* SPDX-License-Identifier: Apache-2.0 */
/* A worker of signals_heartbeat.sh. The first takes the role "hangs": it beats for a second, and no more. The next is
 * "silent" and never beats; all others are "steady". Who has a role writes its pid into the file of that name. */
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include <muster/heartbeat.h>

static int role_take(const char *dir, const char *role)
{
	char path[300];

	(void)snprintf(path, sizeof path, "%s/%s", dir, role);
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL, 0600);
	if (fd >= 0)
		(void)dprintf(fd, "%d\n", getpid());
	return fd >= 0;
}

static void beat(int times)
{
	for (; times != 0; times -= times > 0) {
		muster_heartbeat();
		usleep(20000);
	}
}

int main(int argc, char **argv)
{
	if (argc < 2)
		return 64;
	if (role_take(argv[1], "hangs"))
		beat(50);
	else if (!role_take(argv[1], "silent")) {
		beat(150); /* for so long that the master knows of it */
		(void)role_take(argv[1], "steady");
		beat(-1);
	}
	for (;;)
		pause();
}
