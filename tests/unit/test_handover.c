/* SPDX-License-Identifier: Apache-2.0 */
/* What a master hands to the next: the list of sockets, and how the program was started. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sysexits.h>
#include <unistd.h>

#include "runtime/handover.h"
#include "runtime/program.h"
#include "support.h"

static void what_is_written_is_read(void **state)
{
	struct muster__handover given = {.from = 17, .life = 9}, taken;
	char text[1024];

	(void)state;
	assert_int_equal(muster__handover_add(&given, MUSTER__HANDED_LISTEN, 0, 5, "[::1]:80"), 0);
	assert_int_equal(muster__handover_add(&given, MUSTER__HANDED_PASSED, 1, 6, ""), 0);
	assert_int_equal(muster__handover_add(&given, MUSTER__HANDED_SHARD, 1023, 7, "unix:a b"), 0);
	int fd = muster__handover_write(&given);
	ssize_t count = pread(fd, text, sizeof text - 1, 0);
	assert_true(fd >= 0 && count > 0);
	text[count] = '\0';
	assert_true(muster__handover_parse(text, &taken));
	assert_true(taken.from == 17 && taken.life == 9 && taken.count == 3);
	assert_int_equal(muster__handover_claim(&taken, MUSTER__HANDED_SHARD, 1023, "unix:a b"), 7);
	assert_int_equal(muster__handover_claim(&taken, MUSTER__HANDED_PASSED, 1, ""), 6);
	assert_int_equal(muster__handover_claim(&taken, MUSTER__HANDED_LISTEN, 0, "[::1]:80"), 5);
	close(fd);
	muster__handover_free(&given);
	muster__handover_free(&taken);
}

static void a_socket_is_claimed_once_and_by_its_words(void **state)
{
	struct muster__handover h;

	(void)state;
	assert_true(muster__handover_parse("muster-handover 1 7 3\nlisten 0 4 :80\nlisten 0 5 :80\nmetrics 0 6 :81\n", &h));
	assert_int_equal(muster__handover_claim(&h, MUSTER__HANDED_LISTEN, 0, ":81"), -1);
	assert_int_equal(muster__handover_claim(&h, MUSTER__HANDED_LISTEN, 1, ":80"), -1);
	assert_int_equal(muster__handover_claim(&h, MUSTER__HANDED_METRICS, 0, ":80"), -1);
	assert_int_equal(muster__handover_claim(&h, MUSTER__HANDED_LISTEN, 0, ":80"), 4);
	assert_int_equal(muster__handover_claim(&h, MUSTER__HANDED_LISTEN, 0, ":80"), 5);
	assert_int_equal(muster__handover_claim(&h, MUSTER__HANDED_LISTEN, 0, ":80"), -1);
	muster__handover_free(&h);
}

static void a_list_that_breaks_the_format_is_refused(void **state)
{
	static const char *const bad[] = {"",
	                                  "muster-handover 2 7 3\n",
	                                  "muster-handover 1 0 3\n",
	                                  "muster-handover 1 7 2\n",
	                                  "muster-handover 1 7 3",
	                                  "muster-handover 1 7 3\nlisten 0 4 :80",
	                                  "muster-handover 1 7 3\nlisten 0 2 :80\n",
	                                  "muster-handover 1 7 3\nlisten 0 -4 :80\n",
	                                  "muster-handover 1 7 3\nlisten 0 99999999999999999999 :80\n",
	                                  "muster-handover 1 7 3\nlisten 99999 4 :80\n",
	                                  "muster-handover 1 7 3\nlisten 0 4\nmetrics 0 5 :80\n",
	                                  "muster-handover 1 7 3\nlisten\n 4 5 :80\n",
	                                  "muster-handover 1 7 3\nother 0 4 :80\n",
	                                  "muster-handover 1 7 3\n\n"};
	struct muster__handover h;
	char longer[400];

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		if (muster__handover_parse(bad[i], &h))
			fail_msg("taken: %s", bad[i]);
	(void)snprintf(longer, sizeof longer, "muster-handover 1 7 3\nlisten 0 4 %0300d\n", 1);
	assert_false(muster__handover_parse(longer, &h));
}

static void given_to_another_process_is_not_taken(void **state)
{
	struct muster__handover h;
	char text[40];

	(void)state;
	(void)snprintf(text, sizeof text, "%d:3", (int)getppid());
	setenv(MUSTER__HANDOVER_VARIABLE, text, 1);
	assert_int_equal(muster__handover_take(&h), 0);
	assert_true(h.from == 0 && h.life == -1 && h.count == 0);
	assert_null(getenv(MUSTER__HANDOVER_VARIABLE));
}

/* The list names `socket` as a listener; the descriptor of the list is set into the environment. */
static void give(int life, int socket)
{
	struct muster__handover h = {.from = 1, .life = life};
	char text[40];

	assert_int_equal(muster__handover_add(&h, MUSTER__HANDED_METRICS, 0, socket, ":0"), 0);
	(void)snprintf(text, sizeof text, "%d:%d", (int)getpid(), muster__handover_write(&h));
	setenv(MUSTER__HANDOVER_VARIABLE, text, 1);
	muster__handover_free(&h);
}

static void a_listening_socket_is_taken_and_no_other(void **state)
{
	struct muster__handover h;
	int ends[2], socket_fd = socket(AF_UNIX, SOCK_STREAM, 0);

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
	give(ends[0], socket_fd);
	assert_int_equal(muster__handover_take(&h), EX_USAGE); /* not bound, not listening */
	assert_int_equal(bind(socket_fd, &(struct sockaddr){.sa_family = AF_UNIX}, sizeof(sa_family_t)), 0);
	assert_int_equal(listen(socket_fd, 1), 0);
	give(ends[0], socket_fd);
	assert_int_equal(muster__handover_take(&h), 0);
	assert_true(h.from == 1 && h.count == 1 && (fcntl(socket_fd, F_GETFD) & FD_CLOEXEC));
	muster__handover_drop(&h);
	assert_int_equal(fcntl(socket_fd, F_GETFD), -1);
	give(ends[0], socket_fd);
	assert_int_equal(muster__handover_take(&h), EX_USAGE); /* closed */
	close(ends[0]);
	close(ends[1]);
}

static void how_it_was_started_is_known(void **state)
{
	struct muster__program p;
	char self[256] = "";

	(void)state;
	setenv("MUSTER_TEST_BEFORE", "1", 1);
	assert_int_equal(muster__program_read(&p), 0);
	setenv("MUSTER_TEST_BEFORE", "2", 1);
	assert_true(readlink("/proc/self/exe", self, sizeof self - 1) > 0);
	assert_int_equal(p.path[0], '/');
	assert_non_null(strstr(p.path, "test_handover"));
	assert_non_null(strstr(p.argv[0], "test_handover"));
	assert_null(p.argv[1]);
	bool found = false;
	for (char **e = p.environment; *e; e++)
		found = found || strcmp(*e, "MUSTER_TEST_BEFORE=1") == 0;
	assert_true(found);
	muster__program_free(&p);
	muster__program_free(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_written_is_read),
		cmocka_unit_test(a_socket_is_claimed_once_and_by_its_words),
		cmocka_unit_test(a_list_that_breaks_the_format_is_refused),
		cmocka_unit_test(given_to_another_process_is_not_taken),
		cmocka_unit_test(a_listening_socket_is_taken_and_no_other),
		cmocka_unit_test(how_it_was_started_is_known),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
