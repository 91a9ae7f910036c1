#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Compare what mshv_stat says of VMs that run with what the kernel says, in each form that
it has, its table on a terminal included.

Prints "ok NAME" or "not ok NAME # REASON" for each. Runs in an L1VH that has VMs, or on a
folder that looks like /proc.
"""

import argparse
import csv
import fcntl
import json
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time

HISTOGRAM = 'wakeup-us-histogram'
NO_NUMBER = ('partition-id', 'vp-index', 'vps', HISTOGRAM)
INTERVAL = 1
ROWS, COLUMNS = 24, 140
SMALL_ROWS, SMALL_COLUMNS = 5, 30


class Wrong(Exception):
    """mshv_stat did not do what it should."""


def want(good, text):
    if not good:
        raise Wrong(text)


# What the kernel says: not by the code of mshv_stat.

def read_kernel(proc):
    """{(partition, VP or -1): {name: text}}"""
    found = {}
    for pid in filter(str.isdecimal, os.listdir(proc)):
        folder = os.path.join(proc, pid, 'fdinfo')
        for number in os.listdir(folder) if os.path.isdir(folder) else ():
            try:
                with open(os.path.join(folder, number), encoding='ascii') as file:
                    text = file.read()
            except OSError:
                continue
            fields = dict(re.findall(r'^mshv-(\S+):[ \t]*(.*)$', text, re.M))
            if fields:
                fields['pid'] = pid
                found[(int(fields['partition-id']), int(fields.get('vp-index', -1)))] = fields
    return found


def counters(fields):
    """Names and values of those lines that mshv_stat has as they are."""
    return {name: int(value) for name, value in fields.items()
            if name not in NO_NUMBER and name != 'pid' and value.isdecimal()}


def between(what, name, before, value, after):
    want(before <= value <= after, f'{what}: {name} is {value}, and the kernel said {before} '
         f'before and {after} after')


class Checks:
    """All of them, on one mshv_stat."""

    def __init__(self, program, proc, patience):
        self.command = [sys.executable, program, '--proc', proc]
        self.proc = proc
        self.patience = patience

    def run(self, *options):
        """What it says with these, and what the kernel said before and after."""
        before = read_kernel(self.proc)
        done = subprocess.run([*self.command, *options], stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, text=True, check=False)
        want(not done.returncode and not done.stderr,
             f'it ended with status {done.returncode}: {done.stderr.strip()[-200:]}')
        return done.stdout.splitlines(), before, read_kernel(self.proc)

    def start(self, *options):
        """One that does not end by itself."""
        return subprocess.Popen([*self.command, '--interval', str(INTERVAL), *options],
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def lines_of(self, count, *options):
        """So many lines, and the end by a signal such as Ctrl-C sends."""
        with self.start(*options) as process:
            lines = [process.stdout.readline().rstrip('\n') for _ in range(count)]
            process.send_signal(signal.SIGINT)
            process.stdout.read()
            errors = process.stderr.read()
        want(not process.returncode and not errors, f'Ctrl-C ends it with status '
             f'{process.returncode}: {errors.strip()[-200:]}')
        return lines

    def table(self, lines, vps, kernel):
        """A table of totals names what there is, in its order, and their sum."""
        keys = sorted(key for key in kernel if (key[1] >= 0) == vps)
        want(len(lines) == len(keys) + 2 and lines[0].split()[:4] == ['PID', 'VM', 'VPs', 'CPU'],
             f'{len(keys)} lines, a head and a sum were expected: {lines}')
        for line, key in zip(lines[1:], keys):
            fields = kernel[key]
            count = f'#{key[1]}' if vps else fields['vps']
            want(line.split()[:3] == [fields['pid'], f'{key[0]:#x}', count],
                 f'of {fields["pid"]} {key[0]:#x} {count} it says: {line}')
        total = len(keys) if vps else sum(int(kernel[key]['vps']) for key in keys)
        want(lines[-1].split()[:2] == ['host', str(total)], f'the sum is: {lines[-1]}')
        return keys

    def once(self, vps):
        lines, before, after = self.run('--once', *(['--vps'] if vps else []))
        keys = self.table(lines, vps, before)
        for line, key in zip(lines[1:], keys):
            words = line.split()
            seconds = float(words[3].rstrip('s'))
            between(line, 'run time', int(before[key]['run-time-ns']) / 1e9 - 0.05, seconds,
                    int(after[key]['run-time-ns']) / 1e9 + 0.05)
            for column, name in ((5, 'exits-io-port'), (9, 'dispatches'), (10, 'blocks'),
                                 (11, 'kicks')):
                between(line, name, int(before[key][name]), int(words[column]),
                        int(after[key][name]))
            exits = [sum(int(value) for name, value in kernel[key].items()
                         if name.startswith('exits-')) for kernel in (before, after)]
            between(line, 'exits', exits[0], int(words[4]), exits[1])
        # PID, VM and VPs are two words in the last line.
        for column in range(4, 12):
            parts = sum(int(line.split()[column]) for line in lines[1:-1])
            want(parts == int(lines[-1].split()[column - 1]),
                 f'{lines[0].split()[column]} adds up to {parts}: {lines[-1]}')

    def records(self, rows, before, after, histogram):
        """Records for programs: each counter under its name, and no other."""
        want(rows, 'there is no record')
        for row in rows:
            key = (int(row['partition-id']), int(row.get('vp-index', -1)))
            want(key in before, f'no such VM or VP: {key}')
            want(row['pid'] in (before[key]['pid'], int(before[key]['pid'])),
                 f'{key} is of process {row["pid"]}')
            low, high = counters(before[key]), counters(after[key])
            for name, value in low.items():
                want(name in row, f'{name} is missing of {key}')
                between(key, name, value, int(row[name]), high[name])
            parts = [[int(word) for word in kernel[key][HISTOGRAM].split()]
                     for kernel in (before, after)]
            for number, value in enumerate(histogram(row)):
                between(key, f'wake-ups {number}', parts[0][number], value, parts[1][number])
            more = [name for name in row if name not in low and name not in NO_NUMBER and
                    name not in ('time', 'pid') and not name.startswith('wakeups-')]
            want(not more, f'what the kernel does not have: {more}')

    def json(self, vps):
        lines, before, after = self.run('--once', '--json', *(['--vps'] if vps else []))
        rows = [json.loads(line) for line in lines]
        want(len(rows) == sum((key[1] >= 0) == vps for key in before), f'{len(rows)} records')
        self.records(rows, before, after, lambda row: row[HISTOGRAM])

    def csv(self, vps):
        lines, before, after = self.run('--once', '--csv', *(['--vps'] if vps else []))
        rows = list(csv.DictReader(lines))
        want(len(rows) == sum((key[1] >= 0) == vps for key in before), f'{len(rows)} records')
        self.records(rows, before, after,
                     lambda row: [int(row[f'wakeups-{number}']) for number in range(16)])

    def pid(self):
        kernel = read_kernel(self.proc)
        for pid in sorted({fields['pid'] for fields in kernel.values()}):
            lines, before, _ = self.run('--once', '--pid', pid)
            self.table(lines, False, {key: fields for key, fields in before.items()
                                      if fields['pid'] == pid})

    def log(self):
        """Rates: no more CPU time than there was, and the sum that of its lines."""
        kernel = read_kernel(self.proc)
        began = time.monotonic()
        count = sum(key[1] < 0 for key in kernel) + 1
        lines = self.lines_of(1 + 3 * count, '--log')
        seconds = time.monotonic() - began
        after = read_kernel(self.proc)
        want(lines[0].split()[:2] == ['PID', 'VM'], f'the head is: {lines[0]}')
        used = {}
        for number in range(1, len(lines), count):
            block = [line.split() for line in lines[number:number + count]]
            want(all(re.fullmatch(r'\d\d:\d\d:\d\d', words[0]) for words in block),
                 f'a line has no time: {block}')
            want(block[-1][1] == 'host', f'the last of each moment is no sum: {block[-1]}')
            for column in (4, 5):
                parts = sum(float(words[column]) for words in block[:-1])
                # Of numbers that were rounded.
                want(abs(parts - float(block[-1][column - 1])) <= len(block),
                     f'{lines[0].split()[column - 1]} adds up to {parts}: {block[-1]}')
            for words in block[:-1]:
                used.setdefault(int(words[2], 16), []).append(float(words[4]))
        for partition, parts in used.items():
            grown = int(after[(partition, -1)]['run-time-ns']) - \
                int(kernel[(partition, -1)]['run-time-ns'])
            most = grown / 1e7 + 1
            want(sum(parts) * INTERVAL <= most, f'{partition:#x} ran for {most:.0f} % of a '
                 f'second in {seconds:.1f} s, and the log has {parts}')
            want(grown < seconds * 1e9 / 2 or all(parts), f'{partition:#x} ran for '
                 f'{grown / 1e9:.1f} of {seconds:.1f} s, and the log has {parts}')

    def log_csv(self):
        before = read_kernel(self.proc)
        count = sum(key[1] < 0 for key in before)
        rows = list(csv.DictReader(self.lines_of(1 + 3 * count, '--log', '--csv')))
        self.records(rows, before, read_kernel(self.proc),
                     lambda row: [int(row[f'wakeups-{number}']) for number in range(16)])
        runs = {}
        for row in rows:
            runs.setdefault(row['partition-id'], []).append(int(row['run-time-ns']))
        want(len(runs) == count and all(len(times) == 3 and times == sorted(times)
                                        for times in runs.values()), f'run times are {runs}')

    def log_json(self):
        before = read_kernel(self.proc)
        count = sum(key[1] >= 0 for key in before)
        rows = [json.loads(line) for line in self.lines_of(2 * count, '--log', '--json', '--vps')]
        self.records(rows, before, read_kernel(self.proc), lambda row: row[HISTOGRAM])
        want(len({(row['partition-id'], row['vp-index']) for row in rows}) == count,
             f'not each VP twice: {rows}')

    def pipe(self):
        """Whoever reads it may go away: "| head"."""
        with self.start('--log') as process:
            process.stdout.readline()
            process.stdout.close()
            errors = process.stderr.read()
        want(not process.returncode and not errors, f'status {process.returncode}: {errors[-200:]}')

    def no_terminal(self):
        with self.start() as process:
            errors = process.communicate()[1]
        want(process.returncode == 2 and '--once or --log' in errors,
             f'status {process.returncode}: {errors[-200:]}')

    def live(self):
        """The table on a terminal, with each of its keys."""
        terminal = Terminal([*self.command, '--interval', str(INTERVAL)], self.patience)
        try:
            self.press_keys(terminal)
        except Wrong as wrong:
            raise Wrong(f'{wrong}; the screen: {" / ".join(terminal.screen())}') from None
        finally:
            terminal.end()

    def press_keys(self, terminal):
        kernel = read_kernel(self.proc)

        def all_of(what):
            terminal.wait(lambda rows: is_live_table(rows, what, kernel),
                          f'all {what} and their sum')
        all_of('VMs')
        terminal.press('v')
        all_of('VPs')
        terminal.press('v')
        all_of('VMs')
        terminal.press('p')
        terminal.wait(lambda rows: rows[0].endswith(', paused'), 'that it is paused')
        paused = terminal.screen()
        terminal.look(3 * INTERVAL)
        want(terminal.screen() == paused, 'it goes on while it is paused')
        terminal.press('p')
        terminal.wait(lambda rows: not rows[0].endswith(', paused'), 'that it goes on')
        # As much as there is room for, and all again.
        terminal.resize(SMALL_ROWS, SMALL_COLUMNS)
        terminal.wait(lambda rows: len(rows) == SMALL_ROWS - 1 and
                      rows[2].split()[:2] == ['PID', 'VM'], 'a small window')
        terminal.resize(ROWS, COLUMNS)
        all_of('VMs')
        terminal.press('q')
        want(terminal.status() == 0, 'q does not end it with status 0')


def is_live_table(rows, what, kernel):
    """Whether the screen has them all, in their order, and their sum."""
    keys = sorted(key for key in kernel if (key[1] >= 0) == (what == 'VPs'))
    words = [row.split() for row in rows]
    return len(rows) == 3 + len(keys) + 1 and \
        rows[0] == f'{what} of mshv, each {INTERVAL} s' and \
        words[2][:4] == ['PID', 'VM', 'VPs', 'CPU%'] and \
        [row[:2] for row in words[3:-1]] == [[kernel[key]['pid'], f'{key[0]:#x}']
                                             for key in keys] and \
        all(len(row) == len(words[2]) for row in words[3:-1]) and \
        words[-1][0] == 'host' and len(words[-1]) == len(words[2]) - 1


class Terminal:
    """A program on a terminal of its own, of the kind vt100."""

    def __init__(self, command, patience):
        self.patience = patience
        self.rows, self.columns = ROWS, COLUMNS
        self.shown = Screen(ROWS, COLUMNS)
        self.ended = None
        self.pid, self.file = pty.fork()
        if not self.pid:
            self.size(sys.stdin.fileno())
            os.environ['TERM'] = 'vt100'
            os.execv(command[0], command)
        self.size(self.file)

    def size(self, file):
        fcntl.ioctl(file, termios.TIOCSWINSZ, struct.pack('HHHH', self.rows, self.columns, 0, 0))

    def resize(self, rows, columns):
        self.rows, self.columns = rows, columns
        self.shown.resize(rows, columns)
        self.size(self.file)

    def press(self, key):
        os.write(self.file, key.encode())

    def look(self, seconds):
        """Take what it says in this time; whether it goes on."""
        end = time.monotonic() + seconds
        while True:
            ready = select.select([self.file], [], [], max(0, end - time.monotonic()))[0]
            if not ready:
                return True
            try:
                data = os.read(self.file, 65536)
            except OSError:
                data = b''      # nobody has the other side open
            if not data:
                return False
            self.shown.take(data.decode('ascii', errors='replace'))

    def wait(self, good, what):
        end = time.monotonic() + self.patience
        while not (self.screen() and good(self.screen())):
            want(self.look(0.1), f'it ended before it showed {what}')
            want(time.monotonic() < end, f'it does not show {what}')

    def status(self):
        end = time.monotonic() + self.patience
        while self.ended is None and time.monotonic() < end:
            self.look(0.1)
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            self.ended = os.waitstatus_to_exitcode(status) if pid else None
        return self.ended

    def end(self):
        if self.ended is None:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
        os.close(self.file)

    def screen(self):
        return self.shown.lines()


class Screen:
    """As much of a vt100 as curses asks of one."""

    TOKEN = re.compile(r'\x1b\[(?P<numbers>[?0-9;]*)(?P<letter>[A-Za-z])|\x1b[()#].|'
                       r'\x1b(?P<short>[^\[()#])|'
                       r'(?P<control>[\x00-\x1a\x1c-\x1f])|(?P<text>[^\x00-\x1f]+)')

    def __init__(self, rows, columns):
        self.cells = []
        self.row = self.column = self.top = self.bottom = 0
        self.rest = ''      # an order of which the end has not come
        self.resize(rows, columns)

    def resize(self, rows, columns):
        self.cells = [(cells + [' '] * columns)[:columns] for cells in self.cells[:rows]]
        self.cells += [[' '] * columns for _ in range(rows - len(self.cells))]
        self.top, self.bottom = 0, rows - 1
        self.row, self.column = min(self.row, rows - 1), min(self.column, columns)

    def take(self, text):
        text, place = self.rest + text, 0
        while match := self.TOKEN.match(text, place):
            self.do(match)
            place = match.end()
        self.rest = text[place:]

    def do(self, match):
        if match['text']:
            for letter in match['text']:
                if self.row < len(self.cells) and self.column < len(self.cells[0]):
                    self.cells[self.row][self.column] = letter
                self.column += 1
        elif match['control']:
            self.control(match['control'])
        elif match['short'] == 'M':
            self.turn_back()
        elif match['letter']:
            self.order(match['letter'], [int(word or 0) for word in
                                         match['numbers'].lstrip('?').split(';')])

    def control(self, letter):
        if letter == '\r':
            self.column = 0
        elif letter == '\n' and self.row == self.bottom:
            self.scroll(self.top, self.bottom)
        elif letter == '\n':
            self.row += 1
        elif letter == '\b':
            self.column = max(0, self.column - 1)
        elif letter == '\t':
            self.column = self.column // 8 * 8 + 8

    def turn_back(self):
        if self.row == self.top:
            self.scroll(self.bottom, self.top)
        else:
            self.row -= 1

    def scroll(self, gone, new):
        """One line goes, and the others between make room for one at the other end."""
        del self.cells[gone]
        self.cells.insert(new, [' '] * len(self.cells[0]))

    def order(self, letter, numbers):
        first = numbers[0]
        if letter == 'H':
            self.row = max(first, 1) - 1
            self.column = max((numbers + [0])[1], 1) - 1
        elif letter in 'ABCD':
            self.row += {'A': -1, 'B': 1}.get(letter, 0) * max(first, 1)
            self.column += {'C': 1, 'D': -1}.get(letter, 0) * max(first, 1)
        elif letter in 'JK':
            self.erase(letter == 'J', first)
        elif letter == 'r':
            self.top = max(first, 1) - 1
            self.bottom = ((numbers + [0])[1] or len(self.cells)) - 1
            self.row = self.column = 0

    def erase(self, whole, first):
        """All lines, or one: from here, up to here, or everything."""
        for row, cells in enumerate(self.cells):
            for column in range(len(cells)):
                place, here = (row, column), (self.row, self.column)
                if (whole or row == self.row) and \
                        (first == 2 or (place >= here if first == 0 else place <= here)):
                    cells[column] = ' '

    def lines(self):
        """What can be seen, without empty lines at the end."""
        rows = [''.join(cells).rstrip() for cells in self.cells]
        while rows and not rows[-1]:
            rows.pop()
        return rows


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--only', default='', metavar='EXPRESSION', help='of these names')
    # A program may have to be loaded from a slow disk.
    parser.add_argument('--patience', type=int, default=120, metavar='SECONDS',
                        help='how long it may take to answer a key (default: 120)')
    parser.add_argument('program', metavar='MSHV_STAT')
    parser.add_argument('proc', nargs='?', default='/proc', metavar='PROC')
    args = parser.parse_args()
    checks = Checks(args.program, args.proc, args.patience)
    kernel = read_kernel(args.proc)
    print(f'# {sum(key[1] < 0 for key in kernel)} VMs, {sum(key[1] >= 0 for key in kernel)} VPs')
    bad = 0
    for name, check, *arguments in (
            ('the table of VMs', checks.once, False), ('the table of VPs', checks.once, True),
            ('JSON of VMs', checks.json, False), ('JSON of VPs', checks.json, True),
            ('CSV of VMs', checks.csv, False), ('CSV of VPs', checks.csv, True),
            ('--pid', checks.pid), ('--log', checks.log), ('--log --csv', checks.log_csv),
            ('--log --json --vps', checks.log_json),
            ('--log into a pipe that is closed', checks.pipe),
            ('no terminal', checks.no_terminal), ('the live table, with its keys', checks.live)):
        if not re.search(args.only, name):
            continue
        try:
            check(*arguments)
            print(f'ok {name}', flush=True)
        except (Wrong, ValueError, KeyError, IndexError, OSError) as wrong:
            bad += 1
            print(f'not ok {name} # {type(wrong).__name__}: {wrong}', flush=True)
    return 1 if bad or not kernel else 0


if __name__ == '__main__':
    sys.exit(main())
