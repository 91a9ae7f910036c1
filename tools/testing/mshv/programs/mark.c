// SPDX-License-Identifier: GPL-2.0-only
/*
 * Put a mark into hvemu's event log, so that who reads it knows what comes next:
 *
 *	mark TEXT...
 *
 * For programs of the L1VH that know nothing of hvemu: whoever starts them says which
 * is next. Ends with 1 where hvemu does not answer. It is in every initramfs, so it
 * is small: no libc.
 */

#include "nolibc.h"

#include "../hv/ports.h"

static void out(char byte)
{
	__asm__ __volatile__("outb %0, %w1" : : "a" (byte), "d" (HVEMU_PORT_TEST));
}

static char in(void)
{
	char byte;

	__asm__ __volatile__("inb %w1, %0" : "=a" (byte) : "d" (HVEMU_PORT_TEST));
	return byte;
}

static void say(const char *text)
{
	while (*text)
		out(*text++);
}

int main(int argc, char **argv)
{
	char answer[3] = "";
	unsigned int i;

	if (argc < 2) {
		printf("usage: mark TEXT...\n");
		return 2;
	}
	if (syscall(__NR_iopl, 3)) {
		printf("mark: no access to ports: run it as root\n");
		return 1;
	}
	say("mark");
	while (*++argv) {
		say(" ");
		say(*argv);
	}
	say("\n");
	for (i = 0; i < sizeof(answer) - 1; i++)
		answer[i] = in();
	/* The rest, if it is not "ok"; all ones where there is no such port. */
	if (!strcmp(answer, "ok")) {
		while (in())
			;
		return 0;
	}
	printf("mark: this machine is not hvemu's\n");
	return 1;
}
