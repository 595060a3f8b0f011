/* SPDX-License-Identifier: Apache-2.0 */
/* A plugin that records, linked against the shared library; its threads go on recording when it is unloaded. */
#include <muster/muster.h>
#include <pthread.h>

static struct muster_family *family;

static void *record(void *arg)
{
	muster_counter c = muster_counter_with(family);

	for (int i = 0; i < 1000; i++)
		muster_counter_inc(c);
	return arg;
}

int plugin_run(void);
int plugin_run(void)
{
	struct muster_opts opts = {.name = "plugin_total", .help = "Records of the plugin."};
	pthread_t threads[4];

	if (muster_declare(MUSTER_COUNTER, &opts, &family) != 0)
		return 1;
	for (int i = 0; i < 4; i++)
		if (pthread_create(threads + i, NULL, record, NULL) != 0)
			return 2;
	for (int i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	return 0;
}
