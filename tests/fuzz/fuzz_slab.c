/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_slab.c - any file as a slab, changing while a master follows it, then dead, then folded.
 *
 * Whatever the file says: every page is well-formed, the honest worker beside it counts exactly if the file is
 * not believed, and its fold succeeds. The input is a packed slab with events (packed.h); its owner lives, for the
 * lock it holds, until all events have happened.
 */
#include <fcntl.h>
#include <unistd.h>

#include "fuzz.h"
#include "packed.h"
#include "region_fuzz.h"

#define NAME "slab.fuzz"
#define EVENTS_MAX 12

/* Returns the descriptor by which the owner lives, -1 if it is dead. */
static int slab_write(int dir, const uint8_t *data, size_t size)
{
	struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
	int fd = openat(dir, NAME, O_CREAT | O_TRUNC | O_RDWR | O_CLOEXEC, 0600);

	FUZZ_REQUIRE(fd >= 0 && packed_write(fd, data, size, REGION_FILE_BYTES_MAX) == 0, NAME);
	/* Of the open file, not of this process, so that the master below sees it as another's. */
	FUZZ_REQUIRE(fcntl(fd, F_OFD_SETLK, &whole) == 0, "lock");
	if (packed_has_events(data, size))
		return fd;
	close(fd);
	return -1;
}

static void look(struct muster_region *region)
{
	long long value = region_fuzz_look(region);

	FUZZ_REQUIRE(region_fuzz_told == 0 || value == REGION_HONEST, "the honest worker counts %lld", value);
}

static void events_happen(int dir, struct muster_region *region, const uint8_t *data, size_t size)
{
	struct packed_event event;
	size_t at = 0;

	for (int n = 0; n < EVENTS_MAX && packed_event_next(data, size, &at, &event); n++) {
		(void)packed_event_happen(dir, NAME, &event, REGION_FILE_BYTES_MAX);
		look(region);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	int dir = region_fuzz_dir(), rc;

	region_fuzz_clear();
	int fd = slab_write(dir, data, size);
	struct muster_region *region = region_fuzz_open();
	look(region);
	events_happen(dir, region, data, size);
	if (fd >= 0)
		close(fd);
	look(region);
	rc = muster__region_fold(region, NULL);
	FUZZ_REQUIRE(rc == 0, "fold: %s", muster_error_message());
	look(region);
	muster_region_destroy(&region);
	/* The next master has it from the ledger. */
	region = region_fuzz_open();
	(void)region_fuzz_look(region);
	muster_region_destroy(&region);
	return 0;
}
