# SPDX-License-Identifier: GPL-2.0-only
#
# What consoles and event logs say, and what is made of it.

import re
import sys

# Why a selftest may skip. Any other reason is a failure: it may be a bug that looks
# like something that the hypervisor lacks.
SKIPS = (
    'the hypervisor tells the VMM of EOIs, not the kernel',
    'memory of this kind is shared with children',
    'the hypervisor does not tell of HLT, it waits',
    'this processor has no such feature',
    'this kernel cannot make allocations fail',
)

# What a kernel prints when something is wrong, lockdep's reports included.
COMPLAINT = re.compile(
    r'BUG: |WARNING: |INFO: (?:possible|suspicious|trying|task)|Oops|'
    r'general protection fault|Kernel panic|unchecked MSR|UBSAN: |KASAN: |'
    r'KCSAN: |rcu: .*(?:stall|detected)')

# The grammar of the event log, as the README has it.
EVENT = re.compile(r'\d+ (?:vp\d+|-) [a-z-]+(?: [a-z0-9-]+=(?:"[^"]*"|\S*))*')


class Test:
    """One test of a selftest: how it ended, and what was said meanwhile."""

    def __init__(self, name):
        self.name = name
        self.number = None
        self.good = None        # no result
        self.skipped = ''
        self.lines = []

    def end(self, good, number, directive):
        self.good = good
        self.number = number
        if directive.startswith('SKIP'):
            self.skipped = directive[4:].strip() or 'no reason given'

    def why(self):
        """The first words of a failure."""
        said = [re.sub(r'^#\s+', '', line) for line in self.lines]
        for line in said:
            match = re.match(r'\S+\.c:\d+:\w+:(.*)', line)
            if match:
                return match.group(1)
        for line in said:
            match = re.match(r'\w+: (Test .*)', line)
            if match:
                return match.group(1)
        return ''

    def complaint(self):
        """The first thing that the kernel had to say against it."""
        return first_complaint(self.lines)


def first_complaint(lines):
    """Said shortly: without addresses, and with the function where that was."""
    for number, line in enumerate(lines):
        if line.startswith('hvemu: violation: '):
            return line[7:]
        if not COMPLAINT.search(line):
            continue
        text = re.sub(r'^(# complaint: |\[[\s\d.]+\] )*', '', line)
        text = re.sub(r', CPU#\d+: \S+$', '', text)
        where = [match.group(1) for match in
                 (re.search(r'RIP: \w+:(\w+)\+0x', other) for other in lines[number:]) if match]
        if where and where[0] not in text:
            text += f' in {where[0]}()'
        text = re.sub(r'\+0x[0-9a-f]+/0x[0-9a-f]+( \[\w+\])?', '()', text)
        text = re.sub(r'(,| for) address:? (0x)?[0-9a-f]{8,}', '', text)
        return re.sub(r'\b(0x)?[0-9a-f]{8,}\b', '...', text).strip()
    return ''


def parse_selftest(lines):
    """What a program of kselftest_harness.h says: its plan and its tests."""
    plan, tests, current = None, [], None
    for line in lines:
        begins = re.match(r'#  RUN\s+(\S+) \.\.\.', line)
        result = re.match(r'(ok|not ok) (\d+) (\S+)(?: # (.*))?$', line)
        if begins:
            current = Test(begins.group(1))
            tests.append(current)
        elif result:
            if current is None or current.name != result.group(3):
                current = Test(result.group(3))
                tests.append(current)
            current.end(result.group(1) == 'ok', int(result.group(2)), result.group(4) or '')
            current = None
        elif re.match(r'1\.\.\d+$', line):
            plan = int(line[3:])
        elif current is not None:
            current.lines.append(line)
    return plan, tests


def write_ktap(results, out):
    print('KTAP version 1', file=out)
    print(f'1..{len(results)}', file=out)
    for number, (name, good, detail) in enumerate(results, 1):
        rest = f' # {detail}' if detail.startswith(('SKIP ', 'limit: ')) or \
            (detail and not good) else ''
        print(f'{"ok" if good else "not ok"} {number} {name}{rest}', file=out)


def report(results, options, boots, what=''):
    """The end of a command that tests: KTAP, failures, the last line."""
    if options.ktap:
        with open(options.ktap, 'w', encoding='utf-8') as out:
            write_ktap(results, out)
    else:
        write_ktap(results, sys.stdout)
    skips, limited = {}, []
    for name, good, detail in results:
        if not good:
            print(f'not ok {name} # {detail}')
        elif detail.startswith('limit: '):
            limited.append(name.partition(':')[0])
        elif detail.startswith('SKIP '):
            skips.setdefault(detail[5:], []).append(name)
    for reason, names in skips.items():
        # Of all boots together.
        tests = dict.fromkeys(name.rpartition(': ')[2] for name in names)
        print(f'{len(names)} skipped: {reason}: {", ".join(tests)}')
    bad = sum(1 for _, good, _ in results if not good)
    skipped = sum(len(names) for names in skips.values())
    if limited:
        print(f'{len(limited)} of those that passed have met a limit that is known: '
              f'{", ".join(limited)}')
    if what:
        print(what)
    print(f'{len(results) - bad - skipped} passed, {bad} failed'
          f'{f", {skipped} skipped" if skipped else ""} in {len(boots)} boots')
    return bad > 0
