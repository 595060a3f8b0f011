/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Loads a plugin that links libmuster, runs it and unloads it, over and over: library_host PLUGIN TIMES.
 * Built with -DOWN_COPY it also has a static copy of the library in itself, as a server may that loads a plugin.
 */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>

#ifdef OWN_COPY
#include <muster/muster.h>

static void record(void)
{
	static struct muster_family *family;
	struct muster_opts opts = {.name = "host_total", .help = "Records of the host."};

	if (muster_declare(MUSTER_COUNTER, &opts, &family) != 0)
		exit(3);
	muster_counter_inc(muster_counter_with(family));
}
#else
static void record(void)
{
}
#endif

int main(int argc, char **argv)
{
	for (int i = 0; argc == 3 && i < atoi(argv[2]); i++) {
		void *plugin = dlopen(argv[1], RTLD_NOW | RTLD_LOCAL);
		int (*run)(void) = NULL;
		if (plugin)
			*(void **)&run = dlsym(plugin, "plugin_run");
		if (run == NULL || run() != 0) {
			fprintf(stderr, "%s\n", dlerror());
			return 1;
		}
		record();
		dlclose(plugin);
	}
	return 0;
}
