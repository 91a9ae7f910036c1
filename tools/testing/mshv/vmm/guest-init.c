// SPDX-License-Identifier: GPL-2.0-only
/*
 * The first program of a guest whose VMM is put to the test: says what it sees, and
 * does what it is told at a prompt on the serial port.
 *
 *	# guest: 2 CPUs, clock tsc, kernel 7.3.4-lab
 *	guest# disk write 7
 *	# disk: wrote 4096 KiB
 *
 *	echo WORDS		say them
 *	disk write SEED		fill /dev/vda with what follows from SEED
 *	disk check SEED		read it, past the page cache, and compare
 *	net			an echo request to 10.0.2.2 and its answer, by eth0
 *	console WORDS		say them on the virtio console
 *	memory MIB		write to so much memory all the time, and see whether it keeps
 *				what was written
 *	memory check		end that, and look at all of it once more
 *	busy			a loop on each CPU from now on
 *	exits			likewise, with an access to a port in each round
 *	idle			no loops any more
 *	sleep MILLISECONDS	and how long it was
 *	off, reboot		the machine
 */

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <net/route.h>
#include <netinet/in.h>
#include <netinet/ip_icmp.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/io.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include <linux/compiler.h>
#include <linux/kernel.h>

#define CLOCK		"/sys/devices/system/clocksource/clocksource0/current_clocksource"
#define CONSOLE		"/dev/ttyS0"
#define CONSOLE_DEVICE	makedev(4, 64)
#define DISK		"/dev/vda"
#define SECOND_CONSOLE	"/dev/hvc0"

#define CHUNK		(256 << 10)
#define PAGE		4096
#define BUSY_MAX	16
#define DELAY_PORT	0x80

#define NET_ADDRESS	"10.0.2.15"
#define NET_MASK	"255.255.255.0"
#define NET_PEER	"10.0.2.2"
#define NET_SECONDS	3
#define NET_TRIES	5

static pid_t busy[BUSY_MAX];

/* What whoever writes to memory shares with whoever asks. */
struct writer {
	pid_t pid;
	size_t pages;
	atomic_bool end;
	atomic_ulong rounds;
	atomic_ulong wrong;
	char said[64];		/* for who looks at the memory from outside */
	uint64_t memory[];
};

static struct writer *writer;

static double now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec + time.tv_nsec / 1e9;
}

static void open_console(void)
{
	int fd;

	for (fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		close(fd);
	mkdir("/dev", 0755);
	mount("devtmpfs", "/dev", "devtmpfs", 0, NULL);
	mknod(CONSOLE, S_IFCHR | 0600, CONSOLE_DEVICE);
	setsid();
	fd = open(CONSOLE, O_RDWR);
	if (fd == STDIN_FILENO) {
		dup2(fd, STDOUT_FILENO);
		dup2(fd, STDERR_FILENO);
	}
}

static int count_cpus(void)
{
	cpu_set_t cpus;

	CPU_ZERO(&cpus);
	sched_getaffinity(0, sizeof(cpus), &cpus);
	return CPU_COUNT(&cpus);
}

static void introduce(void)
{
	struct utsname name;
	char clock[64] = "unknown";
	FILE *file;

	mkdir("/sys", 0755);
	mount("sysfs", "/sys", "sysfs", 0, NULL);
	mkdir("/proc", 0755);
	mount("proc", "/proc", "proc", 0, NULL);
	file = fopen(CLOCK, "re");
	if (file && fgets(clock, sizeof(clock), file))
		clock[strcspn(clock, "\n")] = '\0';
	if (file)
		fclose(file);
	uname(&name);
	printf("# guest: %d CPUs, clock %s, kernel %s\n", count_cpus(), clock, name.release);
}

/* Words that follow from a seed and from where they stand. */
static uint64_t word_at(uint64_t seed, uint64_t index)
{
	uint64_t value = (index + 1) * 0x9e3779b97f4a7c15ULL ^ (seed << 32 | seed);

	value = (value ^ value >> 30) * 0xbf58476d1ce4e5b9ULL;
	return value ^ value >> 27;
}

static void do_disk(const char *what, uint64_t seed)
{
	bool write_it = !strcmp(what, "write");
	uint64_t at, i, *data;
	ssize_t done;
	off_t size;
	int fd;

	fd = open(DISK, (write_it ? O_RDWR : O_RDONLY) | O_DIRECT | O_CLOEXEC);
	data = mmap(NULL, CHUNK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	size = lseek(fd, 0, SEEK_END);
	if (size < 0 || data == MAP_FAILED) {
		printf("# disk: %s\n", strerror(errno));
		return;
	}
	for (at = 0; at + CHUNK <= (uint64_t)size; at += CHUNK) {
		for (i = 0; i < CHUNK / sizeof(*data); i++)
			data[i] = write_it ? word_at(seed, at / sizeof(*data) + i) : 0;
		done = write_it ? pwrite(fd, data, CHUNK, at) : pread(fd, data, CHUNK, at);
		if (done != CHUNK) {
			printf("# disk: at byte %llu: %s\n", (unsigned long long)at,
			       strerror(errno));
			break;
		}
		for (i = 0; !write_it && i < CHUNK / sizeof(*data); i++)
			if (data[i] != word_at(seed, at / sizeof(*data) + i))
				break;
		if (!write_it && i < CHUNK / sizeof(*data)) {
			printf("# disk: byte %llu is not as written\n",
			       (unsigned long long)(at + i * sizeof(*data)));
			break;
		}
	}
	if (write_it && fsync(fd))
		printf("# disk: %s\n", strerror(errno));
	else if (at + CHUNK > (uint64_t)size && size)
		printf("# disk: %s %llu KiB%s\n", write_it ? "wrote" : "read",
		       (unsigned long long)at >> 10, write_it ? "" : ", all as written");
	munmap(data, CHUNK);
	close(fd);
}

static unsigned short checksum(const void *data, size_t size)
{
	const unsigned short *word = data;
	unsigned int sum = 0;

	for (; size > 1; size -= 2)
		sum += *word++;
	sum = (sum >> 16) + (sum & 0xffff);
	return ~(sum + (sum >> 16));
}

static bool configure_net(int fd)
{
	struct ifreq request = { .ifr_name = "eth0" };
	struct sockaddr_in *address = (struct sockaddr_in *)&request.ifr_addr;

	address->sin_family = AF_INET;
	inet_pton(AF_INET, NET_ADDRESS, &address->sin_addr);
	if (ioctl(fd, SIOCSIFADDR, &request))
		return false;
	inet_pton(AF_INET, NET_MASK, &address->sin_addr);
	if (ioctl(fd, SIOCSIFNETMASK, &request))
		return false;
	request.ifr_flags = IFF_UP | IFF_RUNNING;
	return !ioctl(fd, SIOCSIFFLAGS, &request);
}

static void do_net(void)
{
	struct sockaddr_in peer = { .sin_family = AF_INET };
	struct timeval limit = { .tv_sec = NET_SECONDS };
	unsigned char answer[256];
	struct icmphdr request;
	int fd, tries;

	fd = socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_ICMP);
	inet_pton(AF_INET, NET_PEER, &peer.sin_addr);
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)) ||
	    !configure_net(fd)) {
		printf("# net: %s\n", strerror(errno));
		return;
	}
	for (tries = 1; tries <= NET_TRIES; tries++) {
		memset(&request, 0, sizeof(request));
		request.type = ICMP_ECHO;
		request.un.echo.id = htons(getpid());
		request.un.echo.sequence = htons(tries);
		request.checksum = checksum(&request, sizeof(request));
		sendto(fd, &request, sizeof(request), 0, (struct sockaddr *)&peer, sizeof(peer));
		if (recv(fd, answer, sizeof(answer), 0) > (ssize_t)sizeof(struct iphdr) &&
		    answer[sizeof(struct iphdr)] == ICMP_ECHOREPLY)
			break;
	}
	printf("# net: %s\n", tries <= NET_TRIES ? "the peer answers" : "no answer");
	close(fd);
}

static void do_console(const char *words)
{
	int fd = open(SECOND_CONSOLE, O_WRONLY | O_NOCTTY | O_CLOEXEC);

	if (fd < 0 || dprintf(fd, "%s\n", words) < 0 || tcdrain(fd))
		printf("# console: %s\n", strerror(errno));
	else
		printf("# console: said\n");
	close(fd);
}

/* What page N holds after a round. */
static uint64_t page_word(size_t page, unsigned long round)
{
	return word_at(round, page);
}

/* The first and the last word of each page: written and seen again a round later. */
static void write_memory(struct writer *mine)
{
	const size_t words = PAGE / sizeof(uint64_t);
	unsigned long round;
	size_t page;

	for (round = 1; !atomic_load(&mine->end); round++) {
		for (page = 0; page < mine->pages; page++) {
			uint64_t *at = mine->memory + page * words;

			if (round > 1 && (at[0] != page_word(page, round - 1) ||
					  at[words - 1] != ~page_word(page, round - 1)))
				atomic_fetch_add(&mine->wrong, 1);
			at[0] = page_word(page, round);
			at[words - 1] = ~page_word(page, round);
		}
		atomic_store(&mine->rounds, round);
		snprintf(mine->said, sizeof(mine->said),
			 "guest memory: %lu pages wrong in %lu rounds",
			 atomic_load(&mine->wrong), round);
	}
	_exit(0);
}

static void begin_memory(size_t mib)
{
	size_t pages = (mib << 20) / PAGE;

	if (writer || !pages) {
		printf("# memory: it is written to already, or nothing to write to\n");
		return;
	}
	writer = mmap(NULL, sizeof(*writer) + pages * PAGE, PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (writer == MAP_FAILED) {
		printf("# memory: %s\n", strerror(errno));
		writer = NULL;
		return;
	}
	writer->pages = pages;
	fflush(stdout);
	writer->pid = fork();
	if (!writer->pid)
		write_memory(writer);
	while (!atomic_load(&writer->rounds) && !waitpid(writer->pid, NULL, WNOHANG))
		usleep(10000);
	printf("# memory: %zu pages are written to\n", pages);
}

static void check_memory(void)
{
	const size_t words = PAGE / sizeof(uint64_t);
	unsigned long rounds, wrong, later;
	size_t page;

	if (!writer) {
		printf("# memory: nothing was written\n");
		return;
	}
	rounds = atomic_load(&writer->rounds);
	usleep(100000);
	atomic_store(&writer->end, true);
	waitpid(writer->pid, NULL, 0);
	later = atomic_load(&writer->rounds);
	wrong = atomic_load(&writer->wrong);
	for (page = 0; page < writer->pages; page++)
		wrong += writer->memory[page * words] != page_word(page, later) ||
			 writer->memory[page * words + words - 1] != ~page_word(page, later);
	printf("# memory: %lu rounds, then %lu; %lu pages wrong\n", rounds, later, wrong);
	munmap(writer, sizeof(*writer) + writer->pages * PAGE);
	writer = NULL;
}

static void __noreturn loop(bool exits)
{
	if (exits && ioperm(DELAY_PORT, 1, 1))
		_exit(1);
	for (;;) {
		if (exits)
			outb(0, DELAY_PORT);
		__asm__ __volatile__("");
	}
}

static void be_busy(bool exits)
{
	int i, count = count_cpus();

	fflush(stdout);
	for (i = 0; i < count && i < BUSY_MAX; i++) {
		busy[i] = fork();
		if (!busy[i])
			loop(exits);
	}
	printf("# busy: %d loops\n", i);
}

static void be_idle(void)
{
	int i;

	for (i = 0; i < BUSY_MAX; i++)
		if (busy[i] > 0) {
			kill(busy[i], SIGKILL);
			waitpid(busy[i], NULL, 0);
			busy[i] = 0;
		}
	printf("# idle\n");
}

static void do_sleep(long milliseconds)
{
	double start = now();

	usleep(milliseconds * 1000);
	printf("# slept %.0f ms\n", (now() - start) * 1000);
}

static void end(int how)
{
	fflush(stdout);
	/* Powering off does not wait for what the port has not sent. */
	tcdrain(STDOUT_FILENO);
	sync();
	reboot(how);
}

static void do_line(char *line)
{
	char *what = strtok(line, " "), *rest = strtok(NULL, "");

	if (!what)
		return;
	if (!rest)
		rest = "";
	if (!strcmp(what, "echo")) {
		printf("# %s\n", rest);
	} else if (!strcmp(what, "disk")) {
		char *how = strtok(rest, " "), *seed = strtok(NULL, " ");

		do_disk(how ?: "", strtoull(seed ?: "0", NULL, 0));
	} else if (!strcmp(what, "net")) {
		do_net();
	} else if (!strcmp(what, "console")) {
		do_console(rest);
	} else if (!strcmp(what, "memory")) {
		if (!strcmp(rest, "check"))
			check_memory();
		else
			begin_memory(strtoul(rest, NULL, 0));
	} else if (!strcmp(what, "busy") || !strcmp(what, "exits")) {
		be_busy(!strcmp(what, "exits"));
	} else if (!strcmp(what, "idle")) {
		be_idle();
	} else if (!strcmp(what, "sleep")) {
		do_sleep(strtol(rest, NULL, 0));
	} else if (!strcmp(what, "off")) {
		end(RB_POWER_OFF);
	} else if (!strcmp(what, "reboot")) {
		end(RB_AUTOBOOT);
	} else {
		printf("# not known: %s\n", what);
	}
}

int main(void)
{
	char line[1024];

	open_console();
	introduce();
	for (;;) {
		printf("guest# ");
		fflush(stdout);
		if (!fgets(line, sizeof(line), stdin)) {
			printf("# no line: %s\n", strerror(errno));
			end(RB_POWER_OFF);
			return 1;
		}
		line[strcspn(line, "\r\n")] = '\0';
		do_line(line);
	}
}
