/* SPDX-License-Identifier: Apache-2.0 */
/*
 * handover.c - the list of sockets as text in a memfd, one line each, written by one master and read by the next,
 * which may be of another version.
 *
 *     muster-handover 1 PID LIFE
 *     KIND SLOT FD ADDRESS
 *
 * The descriptors are inherited through the exec under their numbers. The variable names the process it is for, as
 * LISTEN_PID does, so that nobody further down believes it. Whoever can set it could as well run another program
 * in our place, yet each line is checked: a mistake must end in a message, not in a foreign descriptor closed.
 */
#include "handover.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#include "log.h"

#define TEXT_BYTES_MAX (16 << 20)

static const char *const words[MUSTER__HANDED_COUNT] = {
#define ROW(id, word) word,
	MUSTER__HANDED(ROW)
#undef ROW
};

/* ---- giving ------------------------------------------------------------------------------- */

int muster__handover_add(struct muster__handover *h, enum muster__handed kind, unsigned slot, int fd,
                         const char *address)
{
	if (h->count == h->capacity) {
		size_t capacity = h->capacity ? 2 * h->capacity : 16;
		struct muster__handed_socket *sockets = reallocarray(h->sockets, capacity, sizeof *sockets);
		if (sockets == NULL)
			return -ENOMEM;
		h->sockets = sockets;
		h->capacity = capacity;
	}
	struct muster__handed_socket *s = &h->sockets[h->count++];
	*s = (struct muster__handed_socket){.kind = kind, .slot = slot, .fd = fd};
	(void)snprintf(s->address, sizeof s->address, "%s", address);
	return 0;
}

int muster__handover_write(const struct muster__handover *h)
{
	int fd = memfd_create("muster-handover", MFD_CLOEXEC);
	bool good = fd >= 0 && dprintf(fd, "muster-handover 1 %d %d\n", (int)h->from, h->life) > 0;

	for (size_t i = 0; good && i < h->count; i++) {
		const struct muster__handed_socket *s = &h->sockets[i];
		good = dprintf(fd, "%s %u %d %s\n", words[s->kind], s->slot, s->fd, s->address) > 0;
	}
	if (good)
		return fd;
	int error = errno;
	if (fd >= 0)
		close(fd);
	return -error;
}

/* ---- reading ------------------------------------------------------------------------------ */

static bool kind_of(const char *word, size_t count, enum muster__handed *out)
{
	for (int i = 0; i < MUSTER__HANDED_COUNT; i++)
		if (strlen(words[i]) == count && memcmp(words[i], word, count) == 0) {
			*out = (enum muster__handed)i;
			return true;
		}
	return false;
}

/* A number from `min` to `max` and the character behind it. */
static bool number(const char **at, long min, long max, char behind, long *out)
{
	char *end;

	errno = 0;
	*out = strtol(*at, &end, 10);
	if (**at < '0' || **at > '9' || errno || *end != behind || *out < min || *out > max)
		return false;
	*at = end + 1;
	return true;
}

static bool parse_line(const char *line, const char *end, struct muster__handover *out)
{
	char address[MUSTER__ADDRESS_BYTES];
	const char *space = memchr(line, ' ', (size_t)(end - line)), *at;
	enum muster__handed kind;
	long slot, fd;

	if (space == NULL || !kind_of(line, (size_t)(space - line), &kind))
		return false;
	at = space + 1;
	if (!number(&at, 0, MUSTER_WORKERS_MAX, ' ', &slot) || !number(&at, 3, INT32_MAX, ' ', &fd) || at > end ||
	    (size_t)(end - at) >= sizeof address)
		return false;
	memcpy(address, at, (size_t)(end - at));
	address[end - at] = '\0';
	return muster__handover_add(out, kind, (unsigned)slot, (int)fd, address) == 0;
}

bool muster__handover_parse(const char *text, struct muster__handover *out)
{
	static const char magic[] = "muster-handover 1 ";
	const char *at = text + sizeof magic - 1;
	long from, life;

	*out = (struct muster__handover){.life = -1};
	if (strncmp(text, magic, sizeof magic - 1) != 0 || !number(&at, 1, INT32_MAX, ' ', &from) ||
	    !number(&at, 3, INT32_MAX, '\n', &life))
		return false;
	for (const char *end; *at; at = end + 1) {
		end = strchr(at, '\n');
		if (end == NULL || !parse_line(at, end, out)) {
			muster__handover_free(out);
			return false;
		}
	}
	out->from = (pid_t)from;
	out->life = (int)life;
	return true;
}

/* ---- taking ------------------------------------------------------------------------------- */

static char *read_all(int fd)
{
	struct stat st;

	if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode) || st.st_size > TEXT_BYTES_MAX)
		return NULL;
	char *text = malloc((size_t)st.st_size + 1);
	ssize_t count = text ? pread(fd, text, (size_t)st.st_size, 0) : -1;
	if (count < 0) {
		free(text);
		return NULL;
	}
	text[count] = '\0';
	return text;
}

static bool is_listening(int fd)
{
	int on = 0;
	socklen_t bytes = sizeof on;

	return getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &on, &bytes) == 0 && on;
}

static bool descriptors_take(const struct muster__handover *h)
{
	bool good = fcntl(h->life, F_SETFD, FD_CLOEXEC) == 0 && fcntl(h->life, F_SETFL, O_NONBLOCK) == 0;

	for (size_t i = 0; good && i < h->count; i++)
		good = is_listening(h->sockets[i].fd) && fcntl(h->sockets[i].fd, F_SETFD, FD_CLOEXEC) == 0;
	return good;
}

/* The descriptor of the list, if the variable names one and this process; else -1. */
static int variable_read(void)
{
	const char *at = getenv(MUSTER__HANDOVER_VARIABLE);
	long pid = 0, fd = -1;
	bool ours = at && number(&at, 1, INT32_MAX, ':', &pid) && number(&at, 3, INT32_MAX, '\0', &fd) && pid == getpid();

	(void)unsetenv(MUSTER__HANDOVER_VARIABLE);
	return ours ? (int)fd : -1;
}

int muster__handover_take(struct muster__handover *out)
{
	int fd = variable_read();

	*out = (struct muster__handover){.life = -1};
	if (fd < 0)
		return 0;
	char *text = read_all(fd);
	bool good = text && muster__handover_parse(text, out) && descriptors_take(out);
	free(text);
	if (!good) {
		muster__handover_free(out);
		return muster__refuse(EX_USAGE,
		                      MUSTER__HANDOVER_VARIABLE
		                      ": descriptor %d is not the list of a master's sockets, or one of them is closed; "
		                      "leave descriptors above 2 open until muster has them",
		                      fd);
	}
	close(fd);
	return 0;
}

int muster__handover_claim(struct muster__handover *h, enum muster__handed kind, unsigned slot, const char *address)
{
	for (size_t i = 0; i < h->count; i++) {
		struct muster__handed_socket *s = &h->sockets[i];
		int fd = s->fd;
		if (fd < 0 || s->kind != kind || s->slot != slot || strcmp(s->address, address) != 0)
			continue;
		s->fd = -1;
		return fd;
	}
	return -1;
}

void muster__handover_drop(struct muster__handover *h)
{
	for (size_t i = 0; i < h->count; i++)
		if (h->sockets[i].fd >= 0)
			close(h->sockets[i].fd);
	muster__handover_free(h);
}

void muster__handover_free(struct muster__handover *h)
{
	free(h->sockets);
	h->sockets = NULL;
	h->count = h->capacity = 0;
}
