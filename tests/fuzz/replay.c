/* SPDX-License-Identifier: Apache-2.0 */
/*
 * replay FILE|DIR... - run a harness once on each file, as `make test` does with the seed corpus. Needs no fuzzer.
 */
#include <dirent.h>
#include <err.h>
#include <sys/stat.h>

#include "fuzz.h"

static void file_run(const char *path)
{
	FILE *file = fopen(path, "rb");
	char *bytes = NULL, part[4096];
	size_t count = 0, n;

	if (file == NULL)
		err(1, "%s", path);
	while ((n = fread(part, 1, sizeof part, file)) > 0) {
		bytes = realloc(bytes, count + n);
		if (bytes == NULL)
			err(1, "%s", path);
		memcpy(bytes + count, part, n);
		count += n;
	}
	fclose(file);
	fprintf(stderr, "%s: %zu bytes\n", path, count);
	(void)LLVMFuzzerTestOneInput((const uint8_t *)bytes, count);
	free(bytes);
}

static size_t path_run(const char *path)
{
	DIR *dir = opendir(path);
	size_t files = 0;
	char name[1000];

	if (dir == NULL) {
		file_run(path);
		return 1;
	}
	for (const struct dirent *e; (e = readdir(dir));)
		if (e->d_name[0] != '.' && strcmp(e->d_name, "EXPECTED") != 0) {
			(void)snprintf(name, sizeof name, "%s/%s", path, e->d_name);
			files += path_run(name);
		}
	closedir(dir);
	return files;
}

int main(int argc, char **argv)
{
	size_t files = 0;

	for (int i = 1; i < argc; i++)
		files += path_run(argv[i]);
	printf("%zu inputs\n", files);
	return files > 0 ? 0 : 1;
}
