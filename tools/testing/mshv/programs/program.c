// SPDX-License-Identifier: GPL-2.0-only
/*
 * A program that the first program of the guest runs.
 */

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <termios.h>
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

/* The first program is told of children by a file; others must not find that blocked. */
static void block_sigchld(bool block, sigset_t *signals)
{
	sigemptyset(signals);
	sigaddset(signals, SIGCHLD);
	sigprocmask(block ? SIG_BLOCK : SIG_UNBLOCK, signals, NULL);
}

static void __noreturn execute(const char *path, const char *arguments)
{
	char *argv[ARGUMENTS_MAX + 1] = { (char *)path };
	char *copy = strdup(arguments), *word;
	sigset_t signals;
	int count = 1;

	block_sigchld(false, &signals);
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

/*
 * Reap whatever has ended: the first program of a system is the parent of all
 * orphans. Whether @pid was among them; then @status is how it ended.
 */
static bool reap(pid_t pid, int *status, int flags)
{
	bool found = false;
	pid_t ended;
	int how;

	while (!found && ((ended = waitpid(-1, &how, flags)) > 0 ||
			  (ended < 0 && errno == EINTR))) {
		if (ended != pid)
			continue;
		*status = how;
		found = true;
	}
	return found;
}

static int shell_status(int status)
{
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int program_wait(pid_t pid)
{
	int status = 0;

	return reap(pid, &status, 0) ? shell_status(status) : 127;
}

/*
 * The terminal is hung up when the leader of its session ends, and what the serial port
 * has not sent by then is lost. The leader waits for both; the child goes on as the shell.
 */
static void lead_session(int terminal)
{
	static const int keys[] = { SIGINT, SIGQUIT, SIGTSTP };
	int status = 0;
	unsigned int i;
	pid_t pid;

	pid = fork();
	if (pid <= 0)
		return;
	/* What is typed is meant for the shell. */
	for (i = 0; i < ARRAY_SIZE(keys); i++)
		signal(keys[i], SIG_IGN);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	tcdrain(terminal);
	_exit(shell_status(status));
}

pid_t program_shell(const char *shell, const char *command)
{
	int terminal;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (pid)
		return pid;
	/* A session of its own, so that Ctrl-C reaches what it runs. */
	setsid();
	terminal = open(command ? "/dev/null" : "/dev/ttyS0", O_RDWR);
	if (!command) {
		ioctl(terminal, TIOCSCTTY, 0);
		lead_session(terminal);
		dup2(terminal, STDOUT_FILENO);
		dup2(terminal, STDERR_FILENO);
	}
	dup2(terminal, STDIN_FILENO);
	if (command)
		execl(shell, "sh", "-c", command, NULL);
	else
		execl(shell, "sh", "-l", NULL);
	perror(shell);
	_exit(127);
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
	struct pollfd polls[] = {
		{ .events = POLLIN },
		{ .fd = log, .events = POLLIN },
		{ .events = POLLIN },
	};
	struct signalfd_siginfo ended;
	bool running = true;
	sigset_t signals;
	int status = 0;
	pid_t pid = -1;

	block_sigchld(true, &signals);
	polls[0].fd = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
	if (polls[0].fd >= 0)
		pid = start(path, arguments, &dialogue);
	if (pid < 0) {
		perror(path);
		return 127;
	}
	polls[2].fd = dialogue.output;
	do {
		poll(polls, ARRAY_SIZE(polls), -1);
		/* One signal may stand for several programs. */
		while (read(polls[0].fd, &ended, sizeof(ended)) > 0)
			;
		running = !reap(pid, &status, WNOHANG);
		if (polls[1].revents)
			read_log();
		if (polls[2].revents && !listen(&dialogue))
			polls[2].fd = -1;
	} while (running);
	while (polls[2].fd >= 0 && listen(&dialogue))
		;
	close(polls[0].fd);
	block_sigchld(false, &signals);
	close(dialogue.input);
	close(dialogue.output);
	return shell_status(status);
}
