// SPDX-License-Identifier: GPL-2.0-only
/*
 * Cases about memory: what the driver, or a program that uses it, must not lose.
 */

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include "ask.h"
#include "l1vh_driver.h"
#include "l1vh_log.h"
#include "l1vh_memory.h"
#include "program.h"

#define SETTLING_SECONDS	7

/* What may stay that does not stay for each partition. */
#define GROWTH_MAX_KIB	16384
#define GROWTH_MAX_CALLS	200

#define SITES_MAX	4096

/* How much each call site of the kernel holds. */
struct sites {
	int count;
	struct {
		char name[160];
		unsigned long calls;
	} site[SITES_MAX];
};

/* Their memory must be there beforehand, or it would be seen as lost. */
static struct sites before, after;

static void read_sites(struct sites *sites)
{
	unsigned long bytes;
	char line[512];
	FILE *file;

	memset(sites, 0, sizeof(*sites));
	file = fopen("/proc/allocinfo", "r");
	while (file && fgets(line, sizeof(line), file) && sites->count < SITES_MAX) {
		/*
		 * Pages of the allocator, whose objects are counted elsewhere; and
		 * what these counts themselves take, for each page of objects.
		 */
		if (strstr(line, "accurate:no") || strstr(line, "func:alloc_slab_obj_exts"))
			continue;
		if (sscanf(line, "%lu %lu %159[^\n]", &bytes,
			   &sites->site[sites->count].calls,
			   sites->site[sites->count].name) == 3)
			sites->count++;
	}
	if (file)
		fclose(file);
}

/* Whether there is anything to compare: all of it, and counted. */
static bool sites_are_good(const struct sites *sites)
{
	unsigned long calls = 0;
	int i;

	for (i = 0; i < sites->count; i++)
		calls += sites->site[i].calls;
	return calls && sites->count < SITES_MAX;
}

/* How many sites hold so many allocations more. Names each. */
static int grown(unsigned long by)
{
	int i, j, found = 0;

	for (i = 0; i < after.count; i++) {
		for (j = 0; j < before.count; j++)
			if (!strcmp(before.site[j].name, after.site[i].name))
				break;
		if (j == before.count || after.site[i].calls < before.site[j].calls + by)
			continue;
		printf("# leak: %s: %lu allocations, then %lu\n", after.site[i].name,
		       before.site[j].calls, after.site[i].calls);
		found++;
	}
	return found;
}

void do_reload(int count)
{
	char synic[8192];
	int i, error;

	memset(&before, 1, sizeof(before));
	memset(&after, 1, sizeof(after));
	snprintf(synic, sizeof(synic), "%s", ask("synic"));
	for (i = 1; i <= count; i++) {
		bool loaded, same, quiet;

		begin_case();
		ask("mark load %d", i);
		error = load();
		loaded = !error && exists(DEVICE);
		ask("mark unload %d", i);
		error = error ?: unload();
		read_log();
		same = !strcmp(synic, ask("synic"));
		quiet = is_ok(ask("quiet"));
		test(loaded && !error && same && quiet && !complaint[0],
		     "load and unload %d # %s%s%s%s%s", i,
		     loaded ? "" : "no device; ", error ? strerror(-error) : "",
		     same ? "" : "; SynIC state not put back",
		     quiet ? "" : "; the hypervisor is not quiet", complaint);
		/* The first rounds may leave caches behind. */
		if (i == 2)
			read_sites(&before);
	}
	/* What is freed after a grace period is freed by then. */
	sleep(1);
	read_sites(&after);
	test(count > 3 && sites_are_good(&before) && sites_are_good(&after),
	     "memory is accounted for # %d call sites", after.count);
	test(!grown(count - 2), "no memory is lost");
}

/* What it prints goes to the console between two lines of ours. */
static int run_program(const char *path, const char *arguments, const char *answer)
{
	int status;

	printf("# program: %s%s%s\n", path, *arguments ? " " : "", arguments);
	status = program_run(path, arguments, answer, kmsg, read_log);
	printf("# exit: %d\n", status);
	return status;
}

/* Where the kernel has that, and was booted with kmemleak=on: there is memory to scan. */
#define LEAKS		"/sys/kernel/debug/kmemleak"
#define LEAK_SECONDS	6

/* What the kernel has lost track of so far is not the driver's. */
static void begin_leaks(void)
{
	if (write_file(LEAKS, "scan"))
		write_file(LEAKS, "clear");
}

/* Show what is lost since then. */
static void test_leaks(void)
{
	char line[256];
	int found = 0;
	FILE *file;

	/* The kernel keeps that word to itself. */
	if (!write_file(LEAKS, "scan"))
		return;
	/* It takes nothing for lost that is younger, nor what is seen once. */
	sleep(LEAK_SECONDS);
	write_file(LEAKS, "scan");
	sleep(LEAK_SECONDS);
	write_file(LEAKS, "scan");
	file = fopen(LEAKS, "re");
	while (file && fgets(line, sizeof(line), file)) {
		found += !strncmp(line, "unreferenced object", 19);
		printf("# leak: %s", line);
	}
	if (file)
		fclose(file);
	test(file && !found, "no object is lost # %d", found);
}

void do_program(const char *path, const char *arguments, const char *answer)
{
	int status;

	load();
	test(exists(DEVICE), "%s is there", DEVICE);
	read_log();
	/* Programs expect both; the kernel has none by itself with so little memory. */
	mount("tmpfs", "/tmp", "tmpfs", 0, NULL);
	write_file("/sys/kernel/mm/transparent_hugepage/enabled", "madvise");
	begin_leaks();
	status = run_program(path, arguments, answer);
	test(!status, "%s ends with status 0 # %d", path, status);
	test_unload();
	test_leaks();
	test(!complaint[0], "the kernel does not complain # %s", complaint);
}

/* A figure of /proc/meminfo, KiB. */
static long read_meminfo(const char *name)
{
	char line[128];
	long value = -1;
	FILE *file;

	file = fopen("/proc/meminfo", "r");
	while (file && fgets(line, sizeof(line), file))
		if (!strncmp(line, name, strlen(name)) && line[strlen(name)] == ':')
			value = atol(line + strlen(name) + 1);
	if (file)
		fclose(file);
	return value;
}

/* What memory there is when nothing happens. */
static void take_stock(struct sites *sites, long *available, const char *when)
{
	write_file("/proc/sys/vm/drop_caches", "3");
	/* What is freed after a grace period is freed late. */
	sleep(SETTLING_SECONDS);
	read_sites(sites);
	*available = read_meminfo("MemAvailable");
	printf("# memory %s: available %ld KiB, slab %ld KiB\n", when, *available,
	       read_meminfo("Slab"));
}

/*
 * The driver loaded, the program run, the driver unloaded. The kernel complains of
 * memory of the driver's that is still there then.
 */
static void run_soak(const char *path, const char *seconds, unsigned int seed)
{
	char arguments[80];
	int status;

	load();
	test(exists(DEVICE), "%s is there", DEVICE);
	read_log();
	snprintf(arguments, sizeof(arguments), "%s %u", seconds, seed);
	status = run_program(path, arguments, "");
	test(!status, "%s seconds of it # %d", seconds, status);
	test_unload();
}

/*
 * Partitions at random, and faults at random. What stays of the kernel's for each
 * partition is seen by where it was allocated, anything else by its size.
 */
void do_soak(const char *path, const char *warm, const char *seconds,
	     unsigned int seed)
{
	long available, left;

	memset(&before, 1, sizeof(before));
	memset(&after, 1, sizeof(after));
	run_soak(path, warm, seed);
	take_stock(&before, &available, "when warm");
	run_soak(path, seconds, seed + 1);
	take_stock(&after, &left, "at the end");
	test(sites_are_good(&before) && sites_are_good(&after),
	     "memory is accounted for # %d call sites", after.count);
	test(!grown(GROWTH_MAX_CALLS), "nothing is allocated more often than when warm");
	test(available - left <= GROWTH_MAX_KIB,
	     "no more than %d KiB of memory less # %ld KiB", GROWTH_MAX_KIB, available - left);
	test(!strcmp(ask("violations"), "ok 0"), "the driver keeps to the protocol # %s",
	     ask("violations"));
	test(!complaint[0], "the kernel does not complain # %s", complaint);
}
