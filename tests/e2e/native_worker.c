/* SPDX-License-Identifier: Apache-2.0 */
/*
 * native_worker.c - observe numbers spread evenly over their exponents, write them down, and wait to be killed.
 *
 *     native_worker LOW HIGH COUNT SEED
 *
 * Half of the values of `balance` are negative. `odd` is observed by the first of them only: what is in no bucket of numbers.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <muster/muster.h>

static struct muster_family *family(const char *name, const char *help, bool is_signed)
{
	struct muster_family *f = NULL;
	struct muster_opts o = {.name = name, .help = help, .signed_values = is_signed};

	if (muster_declare(MUSTER_NATIVE_HISTOGRAM, &o, &f) != 0) {
		(void)fprintf(stderr, "%s\n", muster_error_message());
		exit(1);
	}
	return f;
}

int main(int argc, char **argv)
{
	if (argc != 5)
		return 2;
	double low = atof(argv[1]), high = atof(argv[2]);
	unsigned seed = (unsigned)atoi(argv[4]);
	muster_native_histogram wait =
		muster_native_histogram_with(family("wait_seconds", "How long requests waited.", false));
	muster_native_histogram balance = muster_native_histogram_with(family("balance", "What accounts had.", true));

	if (seed == 1) {
		muster_native_histogram odd = muster_native_histogram_with(family("odd", "What is no number.", true));
		const double values[] = {INFINITY, INFINITY, -INFINITY, 0, NAN, 1};
		for (size_t i = 0; i < sizeof values / sizeof *values; i++)
			muster_native_histogram_observe(odd, values[i]);
	}
	for (int i = atoi(argv[3]); i > 0; i--) {
		double x = low * pow(high / low, rand_r(&seed) / (RAND_MAX + 1.0));
		muster_native_histogram_observe(wait, x);
		muster_native_histogram_observe(balance, i % 2 ? x : -x);
		(void)printf("%.17g %d\n", x, i % 2 ? 1 : -1);
	}
	(void)fflush(stdout);
	for (;;)
		(void)pause();
}
