// SPDX-License-Identifier: GPL-2.0-only
/*
 * A program that the first program of the guest runs.
 */

#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/compiler.h>
#include <linux/kernel.h>

#include "program.h"

#define ARGUMENTS_MAX	64

/* A program whose input and output are ours, where it is not the console's. */
struct dialogue {
	int input;
	int output;
	const char *answer;	/* NULL: it has been given */
	char tail[sizeof(PROGRAM_PROMPT)];
};

static void __noreturn execute(const char *path, const char *arguments)
{
	char *argv[ARGUMENTS_MAX + 1] = { (char *)path };
	char *copy = strdup(arguments), *word;
	int count = 1;

	for (word = strtok(copy, " "); word && count < ARGUMENTS_MAX; word = strtok(NULL, " "))
		argv[count++] = word;
	execv(path, argv);
	perror(path);
	_exit(127);
}

static void say(struct dialogue *dialogue)
{
	size_t size = strlen(dialogue->answer);

	if (write(dialogue->input, dialogue->answer, size) != (ssize_t)size ||
	    write(dialogue->input, "\n", 1) != 1)
		perror("answering");
	dialogue->answer = NULL;
}

/* Show what it writes, and see whether it asks. False at its end. */
static bool listen(struct dialogue *dialogue)
{
	const size_t length = strlen(PROGRAM_PROMPT);
	char data[512];
	ssize_t size, i;

	size = read(dialogue->output, data, sizeof(data));
	for (i = 0; i < size; i++) {
		putchar(data[i]);
		memmove(dialogue->tail, dialogue->tail + 1, length - 1);
		dialogue->tail[length - 1] = data[i];
		if (dialogue->answer && !memcmp(dialogue->tail, PROGRAM_PROMPT, length))
			say(dialogue);
	}
	fflush(stdout);
	return size > 0;
}

static pid_t start(const char *path, const char *arguments, struct dialogue *dialogue)
{
	int in[2], out[2];
	pid_t pid;

	if (*dialogue->answer && (pipe2(in, O_CLOEXEC) || pipe2(out, O_CLOEXEC)))
		return -1;
	fflush(stdout);
	pid = fork();
	if (!pid) {
		if (*dialogue->answer) {
			dup2(in[0], STDIN_FILENO);
			dup2(out[1], STDOUT_FILENO);
			dup2(out[1], STDERR_FILENO);
		}
		execute(path, arguments);
	}
	if (*dialogue->answer) {
		close(in[0]);
		close(out[1]);
		dialogue->input = in[1];
		dialogue->output = out[0];
	}
	return pid;
}

int program_run(const char *path, const char *arguments, const char *answer,
		int log, void (*read_log)(void))
{
	struct dialogue dialogue = { .input = -1, .output = -1, .answer = answer };
	pid_t pid = start(path, arguments, &dialogue);
	struct pollfd polls[] = {
		{ .fd = pid < 0 ? -1 : syscall(SYS_pidfd_open, pid, 0), .events = POLLIN },
		{ .fd = log, .events = POLLIN },
		{ .fd = dialogue.output, .events = POLLIN },
	};
	int status;

	if (polls[0].fd < 0) {
		perror(path);
		return 127;
	}
	do {
		poll(polls, ARRAY_SIZE(polls), -1);
		if (polls[1].revents)
			read_log();
		if (polls[2].revents && !listen(&dialogue))
			polls[2].fd = -1;
	} while (!polls[0].revents);
	while (polls[2].fd >= 0 && listen(&dialogue))
		;
	close(polls[0].fd);
	close(dialogue.input);
	close(dialogue.output);
	waitpid(pid, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
