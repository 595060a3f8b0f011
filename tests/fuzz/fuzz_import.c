/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_import.c - any bytes as a file of another client library's, beside an honest worker; read, and folded.
 *
 * The first byte chooses what the name of the file says, and whether it is folded; the rest is the file.
 */
#include <fcntl.h>
#include <unistd.h>

#include "fuzz.h"
#include "region_fuzz.h"

static const char *const names[] = {"counter_1.db",
                                    "histogram_1.db",
                                    "summary_1.db",
                                    "gauge_all_1.db",
                                    "gauge_livemin_1.db",
                                    "gauge_mostrecent_1.db",
                                    "gauge_livesum_1.db",
                                    ".muster.1.counter_1.db",
                                    "metric_c_total___1.bin",
                                    "metric_h___1.bin",
                                    ".muster.1.metric_g___1.bin",
                                    "gauge_liveall_worker_id_0-1-0.db",
                                    "histogram_puma_1-0.db",
                                    "metric_muster_requests_total___1.bin",
                                    "summary_a-1_b-2-0.db",
                                    "metric____1.bin"};

static void look(struct muster_region *region, bool exact)
{
	long long value = region_fuzz_look(region);

	FUZZ_REQUIRE(!exact || value == REGION_HONEST, "the honest worker counts %lld", value);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t first = size ? data[0] : 0;
	bool compact = first & 0x80, exact = size == 0 || memmem(data, size, "honest", 6) == NULL;

	int dir = region_fuzz_dir();

	region_fuzz_clear();
	int fd = openat(dir, names[first % 16], O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0600);
	FUZZ_REQUIRE(fd >= 0 && (size < 2 || write(fd, data + 1, size - 1) == (ssize_t)size - 1), "file");
	close(fd);
	struct muster_region *region = region_fuzz_open();
	FUZZ_REQUIRE(muster_region_import(region, ".", compact) == 0, "import");
	look(region, exact);
	look(region, exact);
	FUZZ_REQUIRE(muster__region_fold(region, NULL) == 0, "fold: %s", muster_error_message());
	look(region, exact);
	muster_region_destroy(&region);
	return 0;
}
