/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A program that the first program of the guest runs.
 */
#ifndef _HVEMU_PROGRAM_H
#define _HVEMU_PROGRAM_H

#include <sys/types.h>

/**
 * program_run() - run a program, and wait for its end
 * @path: which
 * @arguments: its arguments, with blanks between them
 * @answer: what it gets to read once it has written PROGRAM_PROMPT; "": it reads
 *	nothing, and has the console for its own
 * @log: a file that is read all the while
 * @read_log: by this function
 *
 * Return: its exit status, as a shell has it: 128 + N if signal N has ended it.
 */
int program_run(const char *path, const char *arguments, const char *answer,
		int log, void (*read_log)(void));

/**
 * program_shell() - start a shell in a session of its own
 * @shell: which
 * @command: what it runs, without input; NULL: it is for somebody at /dev/ttyS0
 *
 * Return: its process, or -1.
 */
pid_t program_shell(const char *shell, const char *command);

/**
 * program_wait() - wait for the end of a program, not of any orphan
 * @pid: its process
 *
 * Reaps orphans meanwhile.
 *
 * Return: its exit status, as a shell has it.
 */
int program_wait(pid_t pid);

#define PROGRAM_PROMPT	"child# "

#endif /* _HVEMU_PROGRAM_H */
