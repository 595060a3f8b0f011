/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_ledger.c - any file as the ledger, read by a master that folds a dead worker into it.
 *
 * Whatever the file says: every page is well-formed, the fold succeeds, and if the file is not believed the
 * worker counts exactly before the fold, after it, and for the next master. The input is a packed slab.
 */
#include <fcntl.h>
#include <unistd.h>

#include "fuzz.h"
#include "packed.h"
#include "region_fuzz.h"

static void ledger_write(int dir, const uint8_t *data, size_t size)
{
	int fd = openat(dir, "ledger", O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0600);

	FUZZ_REQUIRE(fd >= 0 && packed_write(fd, data, size, REGION_FILE_BYTES_MAX) == 0, "ledger");
	close(fd);
}

static void look(struct muster_region *region, bool exact)
{
	long long value = region_fuzz_look(region);

	FUZZ_REQUIRE(!exact || value == REGION_HONEST, "the honest worker counts %lld", value);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	int dir = region_fuzz_dir(), rc;

	region_fuzz_clear();
	ledger_write(dir, data, size);
	struct muster_region *region = region_fuzz_open();
	look(region, false);
	bool bad = region_fuzz_told > 0;
	look(region, bad);
	rc = muster__region_fold(region, NULL);
	FUZZ_REQUIRE(rc == 0, "fold: %s", muster_error_message());
	look(region, bad);
	muster_region_destroy(&region);
	region = region_fuzz_open();
	look(region, bad);
	FUZZ_REQUIRE(region_fuzz_told == 0, "the master does not believe its own ledger");
	muster_region_destroy(&region);
	return 0;
}
