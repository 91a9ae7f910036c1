#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
#
# Boot a kernel as an L1VH under hvemu, in every way that matters, and judge it.
#
#   hvboot.py [OPTION]... table            one boot for each row of the decision table,
#                                          and children that run
#   hvboot.py [OPTION]... compare          the same rows, two kernels side by side
#   hvboot.py [OPTION]... check            every test of boots; KTAP
#   hvboot.py [OPTION]... selftests        the kernel's selftests of /dev/mshv; KTAP
#   hvboot.py [OPTION]... soak             partitions at random, with faults, for long
#   hvboot.py [OPTION]... shell [PRESET]   one boot, with a shell in it
#   hvboot.py [OPTION]... boot PRESET [HVEMU-OPTION]...   one boot, its console shown
#
# See the README beside it for what has to be built first.

import argparse
import itertools
import os
import queue
import random
import re
import shutil
import subprocess
import sys
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))

# Older ones miscompute nested SVM: a kernel oopses early in its boot.
QEMU = 'qemu-system-x86_64'
QEMU_MIN = 10

# A /dev/kvm that needs longer than this for 4096 instructions is emulated in
# software. Real ones take some tens of microseconds.
PROBE_MAX_US = 1000

# Rows of the decision table (Documentation/virt/hyperv/mshv.rst): preset of
# hvemu, what the hypervisor offers, and how the driver's decision begins
# ("none": it must refuse to load).
ROWS = [
    ('integrated-on', 'offered, property 1', 'integrated scheduler'),
    ('integrated-off', 'offered, property 0', 'core scheduler'),
    ('not-offered', 'capability bit clear', 'core scheduler'),
    ('no-capabilities', 'old: capabilities not known', 'core scheduler'),
    ('no-property-ex', 'older: not even the hypercall', 'core scheduler'),
    ('property-unreadable', 'offered, property unreadable', 'none'),
    ('capabilities-unreadable', 'capabilities unreadable', 'none'),
]
MORE_ROWS = [
    ('bank-count-0', 'offered, bank_count 0', 'integrated scheduler'),
    ('integrated-odd', 'offered, property 2^32', 'integrated scheduler'),
    ('reserved-bits', 'every capability bit, property 0', 'core scheduler'),
    ('root-classic', 'root, classic without SMT', 'classic scheduler without SMT'),
    ('root-classic-smt', 'root, classic with SMT', 'classic scheduler with SMT'),
    ('root-core', 'root, core', 'core scheduler'),
    ('root-root', 'root, root', 'root scheduler'),
    ('root-unknown', 'root, unknown type', 'none'),
]

# Exit statuses of hvemu, see its --help.
OFF, VIOLATION, CRASHED, TIMEOUT = 0, 3, 4, 5

# Hypercalls of a load and an unload, on two CPUs, as hvemu --fault wants them.
# "check" holds these against the event log: one that is missing here fails it.
OVERLAY_CALLS = [
    '0x101:0x90007@1', '0x101:0x20005@1', '0x131:0x10001@1',
    '0x131:0x10002@1', '0x131:0x10002@2',
    '0x6d:0x10002@1', '0x6d:0x10002@2', '0x6d:0x10001@1',
]
# Where the guest provides no page, each page is asked for, deposited, and asked
# for again.
DEPOSIT_CALLS = [
    '0x101:0x90007@1', '0x101:0x20005@1', '0x6c:0x10001@1', '0x6c:0x10001@2',
    '0x6c:0x10002@1', '0x6c:0x10002@2', '0x6c:0x10002@3', '0x6c:0x10002@4',
    '0x48@1', '0x48@2', '0x48@3',
    '0x6d:0x10002@1', '0x6d:0x10002@2', '0x6d:0x10001@1',
]

# MiB of an L1VH that has children, and pages of 2 MiB for the selftests.
GUEST_MEMORY = 512
HUGE_PAGES = 16

# The schedulers of an L1VH, as presets of hvemu.
SCHEDULERS = {'integrated-on': 'integrated', 'integrated-off': 'core'}

# Seconds after which a boot with a selftest is given up, the same with a kernel
# that finds its faults, and one with a child.
SELFTEST_TIMEOUT = 600
DEBUG_TIMEOUT = 3600
CHILD_TIMEOUT = 180

# Selftests that run once more on another hypervisor: options of hvemu, programs, and
# what the event log then has, as an expression, under which schedulers.
WAYS = [
    # Their tests race.
    ('--cpus 4', ('races', 'signals'), r'\d+ vp3 ', ('integrated-on', 'integrated-off')),
    # The kernel is told of EOIs, by messages, and not the VMM, by intercepts.
    ('--eoi message', ('interrupts',), r' eoi .*posted=yes', ('integrated-on', 'integrated-off')),
    # The driver raises interrupts through the register page of VPs that it dispatches.
    ('--injection', ('interrupts', 'races'), ' posted ', ('integrated-on',)),
    # Properties are set later than asked for: ASYNC_CALL_COMPLETION.
    ('--slow-properties', ('device', 'memory'), r' message .*type=0x80000070 ',
     ('integrated-on', 'integrated-off')),
]

# Why a selftest may skip. Any other reason is a failure: it may be a bug that looks
# like something that the hypervisor lacks.
SKIPS = (
    'the hypervisor tells the VMM of EOIs, not the kernel',
    'memory of this kind is shared with children',
    'the hypervisor does not tell of HLT, it waits',
    'this processor has no such feature',
)

# What a kernel prints when something is wrong, lockdep's reports included.
COMPLAINT = re.compile(
    r'BUG: |WARNING: |INFO: (?:possible|suspicious|trying|task)|Oops|'
    r'general protection fault|Kernel panic|unchecked MSR|UBSAN: |KASAN: |'
    r'KCSAN: |rcu: .*(?:stall|detected)')

# The grammar of the event log, as the README has it.
EVENT = re.compile(r'\d+ (?:vp\d+|-) [a-z-]+(?: [a-z0-9-]+=(?:"[^"]*"|\S*))*')


class Failure(Exception):
    """Something the user can mend; its text says how."""


class Boot:
    """One boot: what hvemu is told, and what must come of it."""

    def __init__(self, name, preset, *options, kernel='ours', image='vmlinux',
                 initramfs='initramfs', do='decide', expect='', append=(), status=OFF,
                 timeout=60, proof=()):
        self.name = name
        self.preset = preset
        self.kernel = kernel
        self.image = image
        self.initramfs = initramfs
        self.status = status
        self.do = do
        self.expect = expect
        self.timeout = timeout
        # What must stand on the console or in the event log, as expressions.
        self.proof = proof
        self.options = ['--preset', preset, '--timeout', str(timeout), *options]
        words = ['console=ttyS0', 'panic=-1', 'quiet', '8250.nr_uarts=1', f'do={do}']
        if expect:
            # The kernel hands on a word with blanks as one, in quotes.
            words.append(f'"expect={expect}"')
        self.append = words + list(append)
        # Filled in by the run.
        self.console = []
        self.begun = ''
        self.events = []
        self.exit = None
        self.seconds = None

    def arguments(self, place):
        """The command line of hvemu, with files at place(name)."""
        return [place('hvemu'), '--kernel', place(f'{self.kernel}-{self.image}'),
                '--initrd', place(f'{self.kernel}-{self.initramfs}'), *self.options,
                '--append', ' '.join(self.append)]

    def hear(self, text):
        """A line of the console. One of hvemu's own may stand inside one of the guest's."""
        before, own, rest = text.partition('hvemu: ')
        if own:
            self.begun += before
            self.console.append(own + rest)
        else:
            self.console.append(self.begun + text)
            self.begun = ''

    def said(self, what):
        """The first line '# WHAT: ...' of the guest's report."""
        for line in self.console:
            if line.startswith(f'# {what}: '):
                return line[len(what) + 4:]
        return ''

    def decision(self):
        """What the driver said, without its prefix."""
        text = self.said('decision')
        return re.sub(r'^.*?mshv: |^misc mshv: ', '', text)

    def device(self):
        return self.said('device')

    def report(self):
        """What the guest's first program has to say: without other programs'."""
        return self.console

    def results(self):
        """(name, good, detail) of every test of this boot."""
        if self.exit is None:
            yield f'{self.name}: boots', False, 'was not run'
            return

        count, plan, numbers = 0, None, []
        for line in self.report():
            test = re.match(r'(ok|not ok) (\d+) (.*)', line)
            if test:
                count += 1
                numbers.append(int(test.group(2)))
                name, _, detail = test.group(3).partition(' # ')
                yield f'{self.name}: {name}', test.group(1) == 'ok', detail.strip()
            elif line.startswith('1..'):
                plan = int(line[3:])
        if self.status == OFF:
            yield (f'{self.name}: every test of the guest has run',
                   plan == count and count > 0 and numbers == list(range(1, count + 1)),
                   f'plan {plan}, {count} tests')
            complaints = [line for line in self.console if COMPLAINT.search(line)]
            yield (f'{self.name}: nothing bad on the console', not complaints,
                   complaints[0] if complaints else '')
        yield (f'{self.name}: hvemu ends with status {self.status}',
               self.exit == self.status, f'{self.exit}')
        for proof in self.proof:
            yield (f'{self.name}: there is proof: {proof}',
                   any(re.search(proof, line) for line in self.console + self.events), '')
        strange = [line for line in self.events if not EVENT.fullmatch(line)]
        yield (f'{self.name}: the event log keeps to its grammar',
               bool(self.events) and not strange, strange[0] if strange else '')

    def hypercalls(self):
        """What was asked of the hypervisor, as OVERLAY_CALLS has it."""
        seen, counts = [], {}
        for line in self.events:
            match = re.search(r' hypercall(?:-unknown)? code=(\S+) .*selector=(\S+)', line)
            if not match:
                continue
            code, selector = match.groups()
            target = code if code == '0x48' else f'{code}:{selector}'
            counts[target] = counts.get(target, 0) + 1
            seen.append(f'{target}@{counts[target]}')
        return seen


class Program(Boot):
    """One boot whose guest runs a program, a selftest as a rule."""

    def __init__(self, name, preset, path, *options, arguments='', do='program', append=(),
                 **more):
        words = [f'program={path}', *append]
        if arguments:
            words.append(f'"arguments={arguments}"')
        # A line of the kernel's in the middle of one of the program's would
        # spoil that. The guest tells what it finds in the kernel's log.
        super().__init__(name, preset, '--memory', str(GUEST_MEMORY), *options, do=do,
                         append=['loglevel=2', *words], **more)

    def sections(self):
        """The lines of the guest's first program, and those of the others."""
        own, others, inside = [], [], False
        for line in self.console:
            if line.startswith('# program: '):
                inside = True
            elif line.startswith('# exit: '):
                inside = False
            else:
                (others if inside else own).append(line)
        return own, others

    def report(self):
        return self.sections()[0]

    def output(self):
        return self.sections()[1]


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


class Selftest(Program):
    """One boot that runs one program of tools/testing/selftests/mshv."""

    def __init__(self, program, preset, *options, suffix='', append=(), **more):
        self.program = program
        self.way = ' '.join(options)
        timeout = DEBUG_TIMEOUT if more.get('kernel') == 'debug' else SELFTEST_TIMEOUT
        super().__init__(f'{program}-{preset}{suffix}', preset, f'/selftests/{program}',
                         *options, initramfs='selftests', timeout=timeout,
                         append=(f'hugepages={HUGE_PAGES}', *append), **more)

    def tests(self):
        return parse_selftest(self.output())

    def results(self):
        plan, tests = self.tests()
        numbers = [test.number for test in tests]
        for test in tests:
            if test.skipped in SKIPS:
                yield f'{self.name}: {test.name}', True, f'SKIP {test.skipped}'
            elif test.skipped:
                yield (f'{self.name}: {test.name}', False,
                       f'it skips for a reason that is not known: {test.skipped}')
            else:
                yield (f'{self.name}: {test.name}', bool(test.good),
                       test.why() if test.good is not None else 'it did not end')
        yield (f'{self.name}: every test of the program has run',
               plan == len(tests) and plan > 0 and numbers == list(range(1, plan + 1)),
               f'plan {plan}, {len(tests)} tests')
        yield from super().results()


def row_boots(rows, kernel='ours', expect=True):
    return [Boot(preset if kernel == 'ours' else f'{kernel}-{preset}', preset,
                 kernel=kernel, expect=decision if expect else '')
            for preset, _, decision in rows]


def race_boot(name, kernel='ours'):
    return Boot(name, 'property-unreadable', '--fault', '0x101=delay:300000', do='race',
                kernel=kernel)


# What a CPU does between loading the driver and the end, and how that is.
HOTPLUG = [
    ('hotplug-reboot', 'maxcpus=1', 'cpu=online'),
    ('hotplug-unload', 'maxcpus=1', 'cpu=online', 'end=unload'),
    ('hotplug-offline-reboot', 'cpu=offline'),
    ('hotplug-offline-unload', 'cpu=offline', 'end=unload'),
]

# What the hypervisor answers about its scheduler after a hibernation. SUCCESS
# leaves the answer empty: another one.
CHANGES = [
    ('other-property', '0x101:0x20005=SUCCESS'),
    ('other-capabilities', '0x101:0x90007=SUCCESS'),
    ('unreadable-property', '0x101:0x20005=OPERATION_DENIED'),
    ('unreadable-capabilities', '0x101:0x90007=ACCESS_DENIED'),
]


def hotplug_boot(name, *append):
    end = 'power-off' if 'end=unload' in append else 'reset'
    return Boot(name, 'integrated-on', do='hotplug', append=append,
                proof=[f'end reason={end}'])


def hibernate_boot(name, *append):
    return Boot(name, 'integrated-on', do='hibernate', append=append,
                proof=[r'hibernation vps=2'])


def check_boots(kernels):
    """Every boot of "check"."""
    integrated = 'integrated scheduler'
    boots = row_boots(ROWS + MORE_ROWS)
    boots += [
        Boot('one-cpu', 'integrated-on', '--cpus', '1', expect=integrated, append=['cpus=1']),
        Boot('two-cpus', 'integrated-on', '--cpus', '2', expect=integrated, append=['cpus=2']),
        Boot('four-cpus', 'integrated-on', '--cpus', '4', expect=integrated, append=['cpus=4']),
        Boot('xapic', 'integrated-on', '--apic', 'xapic', '--cpus', '2', expect=integrated,
             append=['cpus=2', 'x2apic_mode=0']),
        Boot('x2apic', 'integrated-on', '--apic', 'x2apic', '--cpus', '4', expect=integrated,
             append=['cpus=4', 'x2apic_mode=1']),
        Boot('bzimage', 'integrated-off', image='bzImage', expect='core scheduler'),
        Boot('memory-above-4g', 'integrated-on', '--memory', '4096', expect=integrated),
        Boot('odd-build', 'integrated-on', '--build', '99999', expect=integrated),
        Boot('slow-hypercalls', 'integrated-on', '--fault', '0x101=delay:200000',
             '--fault', '0x131=delay:50000', expect=integrated),
        Boot('empty-success', 'integrated-on', '--fault', '0x101:0x20005=SUCCESS',
             expect='core scheduler'),
        Boot('reload', 'integrated-on', do='reload', timeout=120,
             append=['count=10', 'sysctl.vm.mem_profiling=1']),
        Boot('reload-deposited', 'integrated-on', '--capabilities', '0x40', do='reload',
             timeout=120, append=['count=10', 'sysctl.vm.mem_profiling=1']),
        # On one CPU, so that none is taken before the last is sent.
        Boot('messages', 'integrated-on', '--cpus', '1', do='messages',
             proof=[r'message-waits sint=0 .*waiting=4', r'msr-write .*name=EOM',
                    r'message sint=0 type=0x80000101 waiting=0', r'ring sint=5 port=200']),
        # Not even statistics may stand in the way of partitions.
        Boot('debugfs-off', 'integrated-on', expect=integrated,
             append=['debugfs=off', 'statistics=off']),
        Boot('statistics-refused', 'integrated-on', '--fault', '0x131:0x10002=ACCESS_DENIED@2',
             expect=integrated, append=['statistics=refused']),
        Boot('unmap-fails', 'integrated-on', '--cpus', '1', do='unmap'),
        Boot('unclaimed-message', 'integrated-on', '--cpus', '1', do='unclaimed',
             proof=[r'message sint=0 type=0x7fffffff']),
        # CPUs that come and go while the driver is there.
        *[hotplug_boot(name, *options) for name, *options in HOTPLUG],
        Boot('offline-with-messages', 'integrated-on', do='cycle', append=['sent=5']),
        Boot('offline-with-messages-filled', 'integrated-on', '--masked', 'fill', do='cycle',
             append=['sent=5', 'all=1']),
        Boot('offline-late-interrupt', 'integrated-on', do='cycle', append=['late=1']),
        hotplug_boot('reboot-with-messages', 'sent=1'),
        hotplug_boot('reboot-late-interrupt', 'late=1'),
        hotplug_boot('reboot-partition-open', 'open=partition'),
        hibernate_boot('hibernate'),
        hibernate_boot('hibernate-with-messages', 'sent=1'),
        hibernate_boot('hibernate-partition-open', 'open=partition'),
        *[hibernate_boot(f'hibernate-{what}', f'changed={fault}@1') for what, fault in CHANGES],
        race_boot('refused-device'),
        Boot('device-comes', 'integrated-on', do='race', append=['device=comes']),
        # hvemu must notice what goes wrong, or its silence means nothing.
        Boot('violation-is-noticed', 'integrated-on', do='violate', status=VIOLATION,
             proof=[r'violation text="writes 0x1 to MSR 0x40000fff']),
        Boot('leftover-is-noticed', 'integrated-on', do='leave', status=VIOLATION,
             proof=[r'violation text="at power-off: VP 0: SCONTROL is enabled']),
        Boot('panic-is-noticed', 'integrated-on', do='panic', status=CRASHED,
             proof=[r'sysrq triggered crash', r' crash p0=']),
        Boot('hang-is-noticed', 'integrated-on', do='hang', status=TIMEOUT, timeout=10,
             proof=[r'KTAP version', r'last-seen rip=', r'end reason=timeout']),
        Boot('faults-overlay', 'integrated-on', do='faults', expect=integrated, timeout=900,
             append=['faults=' + ','.join(OVERLAY_CALLS)]),
        Boot('faults-deposited', 'integrated-on', '--capabilities', '0x40', do='faults',
             expect=integrated, timeout=900, append=['faults=' + ','.join(DEPOSIT_CALLS)]),
        Boot('calls-deposited', 'integrated-on', '--capabilities', '0x40', expect=integrated),
    ]
    if 'builtin' in kernels:
        boots += [Boot('built-in', 'integrated-on', kernel='builtin', expect=integrated),
                  Boot('built-in-refuses', 'capabilities-unreadable', kernel='builtin',
                       expect='none')]
    return boots


class Kernel:
    """A kernel build: what the partition boots, and with which module."""

    def __init__(self, build):
        self.build = build
        for file in ('vmlinux', 'arch/x86/boot/bzImage', 'usr/gen_init_cpio'):
            if not os.path.exists(os.path.join(build, file)):
                raise Failure(f'{build} has no {file}.\nBuild it there: make bzImage modules')

    def file(self, name):
        return os.path.join(self.build, name)


class Runner:
    """Makes boots, in L0 or on this machine's own KVM."""

    def __init__(self, options, kernels):
        self.options = options
        self.kernels = kernels
        self.out = options.out
        os.makedirs(self.out, exist_ok=True)
        needs = ['hvemu', 'l0-init', 'l1vh-init']
        if options.selftests:
            needs += ['vmm', 'child-init']
        if options.command == 'soak':
            needs.append('soak')
        for name in needs:
            if not os.path.exists(self.tool(name)):
                raise Failure(f'{self.tool(name)} is missing.\n'
                              f'Build it: make -C {HERE} O={options.tools}')
        self.ended = {}
        self.failed = None
        self.late = set()
        # What earlier runs left would be taken for this one's.
        for folder in os.listdir(self.out):
            if re.fullmatch(r'l0-\d+', folder):
                shutil.rmtree(self.place(folder))
        self.accel, self.why = choose_accel(options.accel, self.tool('hvemu'))
        if self.accel == 'tcg':
            check_qemu()
        for label, kernel in kernels.items():
            self.prepare(label, kernel)

    def tool(self, name):
        return os.path.join(self.options.tools, name)

    def place(self, name):
        return os.path.join(self.out, name)

    def describe(self):
        where = 'the KVM of this machine' if self.accel == 'kvm' else 'QEMU TCG'
        return f'hvemu runs on {where} ({self.why})'

    def prepare(self, label, kernel):
        """What hvemu is to load: kernel images and initramfs."""
        subprocess.run(['strip', '-o', self.place(f'{label}-vmlinux'), kernel.file('vmlinux')],
                       check=True)
        shutil.copyfile(kernel.file('arch/x86/boot/bzImage'), self.place(f'{label}-bzImage'))
        folders = ('/dev', '/proc', '/sys', '/bin', '/tmp')
        files = [('/init', self.tool('l1vh-init'), '755')]
        module = kernel.file('drivers/hv/mshv_root.ko')
        built_in = 'CONFIG_MSHV_ROOT=y' in read_lines(kernel.file('.config'))
        if label == 'builtin' and not built_in:
            raise Failure(f'the driver is not built in: {kernel.build}/.config')
        if not built_in and os.path.exists(module):
            stripped = self.place(f'{label}-mshv_root.ko')
            subprocess.run(['strip', '-g', '-o', stripped, module], check=True)
            files.append(('/mshv_root.ko', stripped, '644'))
        if self.options.busybox:
            files.append(('/bin/busybox', self.options.busybox, '755'))
        self.initramfs(f'{label}-initramfs', kernel, files, folders)
        programs = self.selftests()
        if programs:
            self.initramfs(f'{label}-selftests', kernel, files + programs,
                           (*folders, '/selftests'))
            self.initramfs(f'{label}-child', kernel, files + programs + self.child(),
                           (*folders, '/selftests'))
        if self.options.command == 'soak':
            self.initramfs(f'{label}-soak', kernel, files + [self.stripped('soak')], folders)

    def stripped(self, name):
        """One of our programs, as the initramfs is to have it."""
        smaller = self.place(name)
        subprocess.run(['strip', '-o', smaller, self.tool(name)], check=True)
        return (f'/{name}', smaller, '755')

    def selftests(self):
        """The selftests, likewise."""
        folder = self.options.selftests
        if not folder:
            return []
        names = selftest_names(folder)
        os.makedirs(self.place('selftests'), exist_ok=True)
        for name in names:
            subprocess.run(['strip', '-o', self.place(f'selftests/{name}'),
                            os.path.join(folder, name)], check=True)
        return [(f'/selftests/{name}', self.place(f'selftests/{name}'), '755')
                for name in names]

    def child(self):
        """What an L1VH needs to boot Linux in a child."""
        kernel = self.kernels['ours']
        files = [('/init', self.tool('child-init'), '755')]
        if self.options.busybox:
            files.append(('/bin/busybox', self.options.busybox, '755'))
        self.initramfs('child-initramfs', kernel, files, ('/dev', '/proc', '/sys', '/bin'))
        return [self.stripped('vmm'), ('/child-kernel', self.place('ours-vmlinux'), '644'),
                ('/child-initramfs', self.place('child-initramfs'), '644')]

    def initramfs(self, name, kernel, files, folders):
        listing = self.place(f'{name}.list')
        with open(listing, 'w', encoding='utf-8') as out:
            for folder in folders:
                out.write(f'dir {folder} 755 0 0\n')
            out.write('nod /dev/console 600 0 0 c 5 1\n')
            for target, source, mode in files:
                out.write(f'file {target} {source} {mode} 0 0\n')
        with open(self.place(name), 'wb') as out:
            subprocess.run([kernel.file('usr/gen_init_cpio'), listing], stdout=out, check=True)

    def write_boots(self, folder, boots, place, interactive):
        shutil.rmtree(folder, ignore_errors=True)
        os.makedirs(folder)
        for number, boot in enumerate(boots):
            lines = boot.arguments(place)
            if interactive:
                lines.insert(0, 'interactive')
            with open(os.path.join(folder, f'{number:03}-{boot.name}'), 'w',
                      encoding='utf-8') as out:
                out.write('\n'.join(lines) + '\n')

    def command(self, number, boots, interactive=False):
        """Write what instance NUMBER needs; its command line and folder."""
        folder = self.place(f'l0-{number}')
        os.makedirs(folder, exist_ok=True)
        list_of_boots = os.path.join(folder, 'boots')
        if self.accel == 'kvm':
            def place(name):
                return self.tool(name) if name == 'hvemu' else self.place(name)
            self.write_boots(list_of_boots, boots, place, interactive)
            return [self.tool('l0-init'), list_of_boots], folder

        self.write_boots(list_of_boots, boots, lambda name: f'/{name}', interactive)
        files = [('/init', self.tool('l0-init'), '755'), ('/hvemu', self.tool('hvemu'), '755')]
        for need in sorted({f'{boot.kernel}-{part}' for boot in boots
                            for part in (boot.image, boot.initramfs)}):
            files.append((f'/{need}', self.place(need), '644'))
        for name in sorted(os.listdir(list_of_boots)):
            files.append((f'/boots/{name}', os.path.join(list_of_boots, name), '644'))
        kernel = self.kernels['ours']
        self.initramfs(f'l0-{number}/initramfs', kernel, files,
                       ('/dev', '/proc', '/tmp', '/boots'))
        tsc = subprocess.run([self.tool('hvemu'), '--tsc'], stdout=subprocess.PIPE,
                             check=True, text=True).stdout.strip()
        # Without tsc=reliable L0's timers are as coarse as its ticks, 4 ms. That is on
        # purpose: with fine ones a busy host has L0 do little but handle them.
        append = f'console=hvc0 panic=-1 quiet tsc_early_khz={tsc}'
        return [QEMU, '-nodefaults', '-no-user-config', '-no-reboot', '-display', 'none',
                '-M', 'microvm,acpi=off,isa-serial=on,rtc=on,pit=on,pic=on',
                '-cpu', 'EPYC,+svm,+npt', '-accel', 'tcg,thread=single',
                '-m', str(self.options.memory), '-kernel', kernel.file('arch/x86/boot/bzImage'),
                '-initrd', os.path.join(folder, 'initramfs'), '-append', append,
                '-device', 'isa-debug-exit,iobase=0xf4', '-device', 'virtio-serial-device',
                '-chardev', 'stdio,id=console,signal=off', '-device', 'virtconsole,chardev=console',
                '-chardev', f'file,id=archive,path={folder}/archive.tar',
                '-device', 'virtserialport,chardev=archive',
                '-serial', f'file:{folder}/serial.log'], folder

    def instance(self, number, boots, finished):
        """One L0, or one run of l0-init here: make boots one after another."""
        try:
            self.make(number, boots, finished)
        except Exception as error:      # pylint: disable=broad-except
            # Whoever waits for these boots must not wait for ever.
            self.failed = error
        for boot in boots:
            if boot.exit is None:
                finished.put(boot)

    def make(self, number, boots, finished):
        """As instance(), but that it may raise."""
        command, folder = self.command(number, boots)
        by_name = {f'{n:03}-{boot.name}': boot for n, boot in enumerate(boots)}
        for name in by_name:
            for kind in ('console', 'events'):
                path = os.path.join(folder, f'{name}.{kind}')
                if os.path.exists(path):
                    os.unlink(path)
        with open(os.path.join(folder, 'stderr.log'), 'w', encoding='utf-8') as errors, \
             open(os.path.join(folder, 'console.log'), 'w', buffering=1, encoding='utf-8') as copy, \
             subprocess.Popen(command, cwd=folder, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=errors, text=True,
                              encoding='utf-8', errors='backslashreplace') as process:
            def stop():
                self.late.add(number)
                process.kill()
            limit = threading.Timer(60 + sum(boot.timeout for boot in boots), stop)
            limit.start()
            for line in process.stdout:
                line = line.rstrip('\r\n')
                copy.write(line + '\n')
                if self.options.verbose:
                    print(line, flush=True)
                self.take(line, by_name, finished, number)
            limit.cancel()
        if not self.ended.get(number):
            self.explain(number, folder, process.returncode)
        self.unpack(folder)
        for name, boot in by_name.items():
            boot.events = read_lines(os.path.join(folder, f'{name}.events'))

    def unpack(self, folder):
        """What L0 has sent; of one that ended early, as much as there is."""
        if self.accel == 'tcg' and os.path.exists(f'{folder}/archive.tar'):
            subprocess.run(['tar', '-xf', 'archive.tar'], cwd=folder, check=False,
                           stderr=subprocess.DEVNULL)

    def explain(self, number, folder, status):
        """Say why an instance did not make all its boots."""
        what = 'took too long and was stopped' if number in self.late \
            else f'ended with status {status}'
        print(f'hvboot: {"L0" if self.accel == "tcg" else "l0-init"} number {number} {what}. '
              f'The end of what it said:', file=sys.stderr)
        for name in ('console.log', 'stderr.log'):
            # QEMU warns of CPU features that it does not emulate.
            lines = [line for line in read_lines(os.path.join(folder, name))
                     if 'TCG doesn\'t support requested feature' not in line]
            for line in lines[-8:]:
                print(f'    {line}', file=sys.stderr)
        print(f'All of it is in {folder}', file=sys.stderr)

    def take(self, line, by_name, finished, number):
        """One line of an instance's console."""
        end = re.match(r'@boot (\S+) exit=(\d+) milliseconds=(\d+)', line)
        if end:
            boot = by_name[end.group(1)]
            boot.exit = int(end.group(2))
            boot.seconds = int(end.group(3)) / 1000
            finished.put(boot)
        elif line.startswith('@l0 done'):
            self.ended[number] = True
        else:
            name, bar, text = line.partition('| ')
            if bar and name in by_name:
                by_name[name].hear(text)

    def memory_allows(self):
        """How many L0s this machine's free memory has room for."""
        if self.accel == 'kvm':
            return self.options.jobs
        with open('/proc/meminfo', encoding='utf-8') as file:
            free = re.search(r'^MemAvailable:\s*(\d+)', file.read(), re.M)
        return int(free.group(1)) // 1024 // self.options.memory if free else 1

    def run(self, boots):
        """Make all boots; yields each as it ends."""
        jobs = max(1, min(self.options.jobs, len(boots), self.memory_allows()))
        # The longest first, each to whoever has the least to do.
        shares = [[] for _ in range(jobs)]
        load = [0] * jobs
        longest_first = sorted(boots, key=lambda boot: -boot.timeout)
        for boot in longest_first if any(b.timeout > 60 for b in boots) else boots:
            least = load.index(min(load))
            shares[least].append(boot)
            load[least] += boot.timeout
        finished = queue.Queue()
        threads = [threading.Thread(target=self.instance, args=(n, share, finished),
                                    daemon=True)
                   for n, share in enumerate(shares)]
        for thread in threads:
            thread.start()
        for _ in boots:
            yield finished.get()
        for thread in threads:
            thread.join()
        if self.failed:
            raise Failure(f'{self.failed}\nWhat there is lies in {self.out}')

    def interactive(self, boot):
        """One boot on this terminal."""
        command, folder = self.command(0, [boot], interactive=True)
        status = subprocess.run(command, cwd=folder, check=False).returncode
        self.unpack(folder)
        print(f'The event log is in {folder}')
        # isa-debug-exit doubles it, and adds one.
        return status >> 1 if self.accel == 'tcg' else status


def read_lines(path):
    if not os.path.exists(path):
        return []
    with open(path, encoding='utf-8', errors='backslashreplace') as file:
        return [line.rstrip('\r\n') for line in file]


def selftest_names(folder):
    """The programs in a folder where selftests were built."""
    names = sorted(name for name in os.listdir(folder)
                   if os.path.isfile(os.path.join(folder, name)) and
                   os.access(os.path.join(folder, name), os.X_OK))
    if not names:
        raise Failure(f'{folder} has no programs.\n'
                      'Build them: make -C tools/testing/selftests/mshv')
    return names


def list_tests(program):
    """The names of a selftest's tests, in the order of their run."""
    text = subprocess.run([program, '-l'], stderr=subprocess.PIPE, text=True, check=False).stderr
    fixtures = []
    for line in text.splitlines()[1:]:
        columns = re.fullmatch(r'(.{20}) (.{25}) (.*)', line)
        if line.startswith('----'):
            continue
        if not columns:
            raise Failure(f'{program} -l says what is not understood: {line}')
        fixture, variant, test = (column.strip() for column in columns.groups())
        if fixture:
            fixtures.append((fixture, [], []))
        if variant:
            fixtures[-1][1].append(variant)
        if test:
            fixtures[-1][2].append(test)
    return ['.'.join(part for part in (fixture, variant, test) if part)
            for fixture, variants, tests in fixtures
            for variant in variants or ['']
            for test in tests]


def count_statuses(tools):
    """How many statuses there are, but for success: as the headers have it."""
    lines = read_lines(os.path.join(tools, 'name-tables.c'))
    start = 'const struct name status_names[] = {'
    count = 0
    if start not in lines:
        raise Failure(f'{tools} has no name-tables.c.\nBuild it anew: make -C {HERE} O={tools}')
    for line in lines[lines.index(start) + 1:]:
        if not line.strip().startswith('{ 0x'):
            break
        count += not line.strip().startswith('{ 0x0,')
    return count


def check_qemu():
    try:
        text = subprocess.run([QEMU, '--version'], stdout=subprocess.PIPE, text=True,
                              check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        raise Failure(f'{QEMU} is missing.\nInstall QEMU {QEMU_MIN} or later.') from None
    version = re.search(r'version (\d+)\.(\S+)', text)
    if not version or int(version.group(1)) < QEMU_MIN:
        raise Failure(f'{text.splitlines()[0]} is too old: it miscomputes nested SVM.\n'
                      f'Install QEMU {QEMU_MIN} or later.')


def choose_accel(wanted, hvemu):
    """What runs hvemu: ('kvm' or 'tcg', why)."""
    if wanted != 'auto':
        if wanted == 'kvm' and not os.access('/dev/kvm', os.R_OK | os.W_OK):
            raise Failure('KVM was asked for, and /dev/kvm cannot be used.\n'
                          'Load the kvm module, or join the group that owns it; '
                          'or leave it to --accel auto (ACCEL=auto of make).')
        return wanted, 'as asked for'
    if not os.access('/dev/kvm', os.R_OK | os.W_OK):
        return 'tcg', '/dev/kvm cannot be used here'
    with open('/proc/cpuinfo', encoding='utf-8') as cpuinfo:
        if not re.search(r'^flags\s*:.*\b(svm|vmx)\b', cpuinfo.read(), re.M):
            return 'tcg', 'this CPU has neither svm nor vmx, so /dev/kvm is emulated'
    try:
        took = int(subprocess.run([hvemu, '--probe'], stdout=subprocess.PIPE, text=True,
                                  check=True, timeout=20).stdout)
    except (OSError, ValueError, subprocess.SubprocessError):
        return 'tcg', '/dev/kvm does not run a small guest'
    if took > PROBE_MAX_US:
        return 'tcg', f'/dev/kvm is slow: {took} us for 4096 instructions'
    return 'kvm', f'{took} us for 4096 instructions'


def since(options):
    """Seconds since whatever called us began."""
    return time.time() - options.since


def minutes(seconds):
    return f'{int(seconds) // 60}:{int(seconds) % 60:02}'


def print_row(columns, widths):
    print('  '.join(f'{text:<{width}}' for text, width in zip(columns, widths)).rstrip(),
          flush=True)


def short(decision):
    return re.sub(r'^not loading, as a guess may hang guests: ', 'refuses: ', decision) \
        or '(nothing)'


def in_order(boots, finished):
    """Boots in their own order, each as soon as it and those before it are done."""
    waiting = list(boots)
    done = set()
    for boot in finished:
        done.add(boot.name)
        while waiting and waiting[0].name in done:
            yield waiting.pop(0)


# What a child does in "table" and "selftests": a program of the parent's, its
# arguments, its answer at a prompt, and what it then says.
CHILDREN = [
    ('guest code', '/selftests/interrupts', '-t timer_again', '', r'^ok 1 .*timer_again$'),
    ('Linux', '/vmm', '--kernel /child-kernel --initrd /child-initramfs --append quiet',
     'echo hello', r'^# child: the line ended with status 0$'),
]


class Child(Program):
    """One boot whose guest has a child partition."""

    def __init__(self, what, preset, path, arguments, answer, proof):
        self.what = what
        super().__init__(f'child-{what.split()[0].lower()}-{preset}', preset, path,
                         arguments=arguments, initramfs='child', timeout=CHILD_TIMEOUT,
                         append=[f'"answer={answer}"'] if answer else [],
                         proof=[proof, r' child-vp .*created=no .*intercepts=[1-9]'])

    def counts(self):
        """What it took, out of the event log."""
        seen = {'dispatches': 0, 'intercepts': 0, 'signals': 0, 'messages': 0, 'run-time': 0}
        for line in self.events:
            if re.search(r' child-vp .*created=no ', line):
                for key, value in re.findall(r' (\S+)=(\d+)', line):
                    if key in seen:
                        seen[key] += int(value)
            elif re.search(r' message sint=0 ', line):
                seen['messages'] += 1
        return seen


def show_dispatches(boots):
    """How long the parent's VPs waited in HVCALL_DISPATCH_VP."""
    seen = [match.groups() for boot in boots for line in boot.events
            if (match := re.search(r' dispatched .* length=(\d+) cpu=(\d+)', line))]
    if not seen:
        return
    print(f'{len(seen)} dispatches. How long they took, and had a CPU for:')
    for part, words in ((50, 'half of them'), (99, '99 of 100'), (100, 'each')):
        took, had = (sorted(map(int, kind))[max(0, len(seen) * part // 100 - 1)] / 10000
                     for kind in zip(*seen))
        print(f'    {words:12} up to {took:6.2f} ms, {had:6.2f} ms')


def child_boots():
    return [Child(what, preset, *how) for what, *how in CHILDREN for preset in SCHEDULERS]


def show_children(children):
    """A line for each, once all their event logs are there. How many failed."""
    widths = (12, 12, 11, 11, 6, 9, 12, 8)
    print()
    print_row(('What ran', 'Scheduler', 'Dispatches', 'Intercepts', 'Kicks', 'Messages',
               'Guest time', 'Boot'), widths)
    print('-' * (sum(widths) + 2 * len(widths) - 2))
    bad = 0
    for boot in children:
        counts = boot.counts()
        print_row((boot.what, SCHEDULERS[boot.preset],
                   *(str(counts[key]) for key in
                     ('dispatches', 'intercepts', 'signals', 'messages')),
                   f'{counts["run-time"] / 1e7:.2f} s', f'{boot.seconds or 0:.1f} s'), widths)
        for name, good, detail in boot.results():
            if not good:
                bad += 1
                print(f'    not ok: {name} # {detail}')
    linux = [line for boot in children for line in boot.output()
             if line.startswith('# child: ') and 'CPU' in line]
    if linux:
        print(f'\nThe child says: {linux[0][9:]}')
    return bad


def table(runner, options):
    rows = ROWS + (MORE_ROWS if options.all else [])
    boots = row_boots(rows)
    children = child_boots() if options.selftests else []
    offers = {preset: offer for preset, offer, _ in rows}
    widths = (32, 9, 6, 72)
    print(runner.describe())
    print()
    print_row(('What the hypervisor offers', '/dev/mshv', 'Time', 'What the driver said'), widths)
    print('-' * (sum(widths) + 6))
    start, bad, first = time.time(), 0, None
    finished = runner.run(boots + children)
    for boot in itertools.islice(in_order(boots + children, finished), len(boots)):
        first = first or minutes(since(options))
        failed = [(name, detail) for name, good, detail in boot.results() if not good]
        time_taken = f'{boot.seconds:.1f} s' if boot.seconds is not None else '-'
        print_row((offers[boot.preset], boot.device() or '?', time_taken,
                   short(boot.decision())), widths)
        # The event log comes when all is done; it is judged by "check".
        for name, detail in failed:
            if 'event log' not in name:
                bad += 1
                print(f'    not ok: {name} # {detail}')
    last = minutes(since(options))
    for _ in finished:
        pass
    if children:
        bad += show_children(children)
        show_dispatches(children)
    if options.since:
        print(f'\nThe first decision came {first} after the start, '
              f'the last {last}.')
    print(f'\n{len(boots) + len(children)} boots in {minutes(time.time() - start)}; '
          f'consoles and event logs are in {runner.out}')
    return bad > 0


def outcome(text):
    return re.sub(r'^Hypervisor using ', '', text).split(':')[0]


def how_the_race_went(boot):
    verdicts = [line for line in boot.console if 'nobody could open' in line]
    if not verdicts:
        return f'boot failed: hvemu status {boot.exit}'
    opened = verdicts[0].startswith('not ok')
    bad = [line for line in boot.console if COMPLAINT.search(line)]
    text = 'the device could be opened' if opened else 'no device to open'
    if bad:
        text += ', then ' + re.sub(r'^# complaint: ', '', bad[0])
    return text


def compare(runner, options):
    """The same rows on two kernels: nothing is judged, differences are marked."""
    rows = ROWS + (MORE_ROWS if options.all else [])
    boots = row_boots(rows, expect=False) + row_boots(rows, kernel='base', expect=False)
    boots += [race_boot('race'), race_boot('base-race', kernel='base')]
    print(runner.describe(), flush=True)
    done = {boot.name: boot for boot in runner.run(boots)}
    widths = (32, 44, 68)
    print()
    print_row(('What the hypervisor offers', 'What the base kernel did', 'What ours did'), widths)
    print('-' * (sum(widths) + 4))
    different = 0
    for preset, offer, _ in rows:
        ours, base = done[preset], done[f'base-{preset}']
        texts = []
        for boot in (base, ours):
            text = short(boot.decision())
            if boot.exit != OFF:
                text = f'boot failed: hvemu status {boot.exit}'
            elif boot.device() != 'yes' and not text.startswith('refuses'):
                text = f'refuses: {boot.said("load") or text}'
            texts.append(text)
        # The words around the scheduler's name do not count.
        same = outcome(texts[0]) == outcome(texts[1])
        different += not same
        print_row((offer, texts[0], texts[1] + ('' if same else '  <>')), widths)
    texts = [how_the_race_went(done[name]) for name in ('base-race', 'race')]
    different += texts[0] != texts[1]
    print_row(('refused while opened', texts[0],
               texts[1] + ('' if texts[0] == texts[1] else '  <>')), widths)
    print(f'\n{different} of {len(rows) + 1} rows differ (<>).')
    # The base kernel may do what it does; ours must end well.
    return any(boot.exit != OFF for boot in boots if boot.kernel == 'ours')


def check(runner, options):
    boots = named(check_boots(runner.kernels), options)
    print(runner.describe(), flush=True)
    by_name = {}
    for boot in runner.run(boots):
        by_name[boot.name] = boot
        print(f'  {boot.name}: status {boot.exit}, {boot.seconds or 0:.1f} s',
              file=sys.stderr, flush=True)
    results, faults = [], 0
    for boot in boots:
        found = list(boot.results())
        if boot.do == 'faults':
            cases = [result for result in found if re.search(r': (loads|refuses)$', result[0])]
            statuses = count_statuses(options.tools)
            calls = OVERLAY_CALLS if 'overlay' in boot.name else DEPOSIT_CALLS
            found.append((f'{boot.name}: every call has failed with every status',
                          len(cases) > 0 and len(cases) == len(calls) * statuses,
                          f'{len(cases)} loads, {len(calls)} calls, '
                          f'{statuses} statuses'))
            faults += len(cases)
        results += found
    results += check_calls(by_name)
    return report(results, options, boots,
                  f'{faults} loads with one hypercall failing, each with one status'
                  if faults else '')


def selftest_boots(names, tests, kernel):
    missing = {name for _, programs, *_ in WAYS for name in programs} - set(names)
    if missing:
        raise Failure(f'there is no selftest {", ".join(sorted(missing))}.')
    # Of some tests only, none may need what shows the way.
    return [Selftest(name, preset, *way.split(), arguments=tests, kernel=kernel,
                     suffix=re.sub('[ -]+', '-', way).rstrip('-'),
                     proof=[proof] if preset in shown and not tests else [])
            for way, programs, proof, shown in [('', names, '', ()), *WAYS]
            for name in names if name in programs for preset in SCHEDULERS]


def report(results, options, boots, what=''):
    """The end of a command that tests: KTAP, failures, the last line."""
    if options.ktap:
        with open(options.ktap, 'w', encoding='utf-8') as out:
            write_ktap(results, out)
    else:
        write_ktap(results, sys.stdout)
    skips = {}
    for name, good, detail in results:
        if not good:
            print(f'not ok {name} # {detail}')
        elif detail.startswith('SKIP '):
            skips.setdefault(detail[5:], []).append(name)
    for reason, names in skips.items():
        # Of all boots together.
        tests = dict.fromkeys(name.rpartition(': ')[2] for name in names)
        print(f'{len(names)} skipped: {reason}: {", ".join(tests)}')
    bad = sum(1 for _, good, _ in results if not good)
    skipped = sum(len(names) for names in skips.values())
    if what:
        print(what)
    print(f'{len(results) - bad - skipped} passed, {bad} failed'
          f'{f", {skipped} skipped" if skipped else ""} in {len(boots)} boots')
    return bad > 0


def named(boots, options):
    """Those that --only asks for."""
    if options.only:
        boots = [boot for boot in boots if re.search(options.only, boot.name)]
        if not boots:
            raise Failure(f'no boot is named like {options.only}.')
    return boots


def selftests(runner, options):
    if options.base:
        return selftests_base(runner, options)
    boots = named(selftest_boots(selftest_names(options.selftests), options.tests,
                                 'debug' if options.debug else 'ours') +
                  ([] if options.debug or options.tests else child_boots()), options)
    print(runner.describe())
    print()
    widths = (14, 10, 17, 6, 6, 6, 7, 8)
    print_row(('Program', 'Scheduler', 'Hypervisor', 'Tests', 'Passed', 'Failed', 'Skipped',
               'Time'), widths)
    print('-' * (sum(widths) + 2 * len(widths) - 2))
    start = time.time()
    for boot in runner.run(boots):
        if isinstance(boot, Child):
            continue
        _, tests = boot.tests()
        skipped = sum(1 for test in tests if test.skipped)
        passed = sum(1 for test in tests if test.good) - skipped
        print_row((boot.program, SCHEDULERS[boot.preset], boot.way, str(len(tests)),
                   str(passed), str(len(tests) - passed - skipped), str(skipped),
                   f'{boot.seconds or 0:.1f} s'), widths)
    took = f'It took {minutes(time.time() - start)}.'
    children = [boot for boot in boots if isinstance(boot, Child)]
    if children:
        show_children(children)
    print()
    show_dispatches(boots)
    return report([result for boot in boots for result in boot.results()], options, boots, took)


# Of selftests on the base kernel: how often what is left of a program after an
# oops is run again, how many tests a kernel command line can name, and after how
# many seconds a boot is given up.
BASE_ROUNDS = 12
BASE_TESTS = 24
BASE_TIMEOUT = 240


class Inquest:
    """What becomes of each test of one program on the base kernel."""

    def __init__(self, program, preset, names):
        self.program = program
        self.preset = preset
        self.names = names
        self.outcomes = {}
        self.boots = 0

    def left(self):
        return [name for name in self.names if name not in self.outcomes]

    def next_boots(self):
        """Boots for what is not known yet; the first one is for all of it."""
        left = self.left()
        if not self.boots:
            shares = [[]]
        else:
            shares = [left[i:i + BASE_TESTS] for i in range(0, len(left), BASE_TESTS)]
        boots = []
        for share in shares:
            self.boots += 1
            boot = Selftest(self.program, self.preset, '--timeout', str(BASE_TIMEOUT),
                            suffix=f'-base-{self.boots}', kernel='base',
                            arguments=' '.join(f'-r {name}' for name in share),
                            append=('oops=panic',))
            boot.inquest = self
            boot.names = share or left
            boots.append(boot)
        return boots

    def take(self, boot):
        """What a boot has shown. One that shows nothing must not be tried again."""
        if boot.exit is None:
            raise Failure(f'{boot.name} was not made to its end: that says nothing of the kernel.')
        _, tests = boot.tests()
        if not tests:
            for name in set(boot.names) & set(self.left()):
                self.outcomes[name] = 'does not begin: ' + (first_complaint(boot.console) or
                                                            f'hvemu status {boot.exit}')
        for test in tests:
            complaint = test.complaint()
            if test.good is None:
                outcome = complaint or ('hangs' if boot.exit == TIMEOUT else 'ends the kernel')
            elif not test.good:
                why = re.sub('^Expected ', 'this is not so: ', test.why())
                outcome = f'fails: {why or "it does not say why"}'
            else:
                outcome = f'skips: {test.skipped}' if test.skipped else 'passes'
            if complaint and test.good is not None:
                outcome += f'; {complaint}'
            self.outcomes[test.name] = outcome


def selftests_base(runner, options):
    """Which selftests fail on the base kernel, and how."""
    inquests = [Inquest(name, preset, list_tests(os.path.join(options.selftests, name)))
                for name in selftest_names(options.selftests)
                if re.search(options.only or '', name) for preset in SCHEDULERS]
    print(runner.describe(), flush=True)
    boots = []
    for number in range(1, BASE_ROUNDS + 1):
        round_boots = [boot for inquest in inquests if inquest.left() or not inquest.boots
                       for boot in inquest.next_boots()]
        if not round_boots:
            break
        print(f'Round {number}: {len(round_boots)} boots', flush=True)
        for boot in runner.run(round_boots):
            boot.inquest.take(boot)
            print(f'  {boot.name}: status {boot.exit}, {boot.seconds or 0:.1f} s, '
                  f'{len(boot.inquest.left())} tests left', file=sys.stderr, flush=True)
        boots += round_boots
    rows, passing = [], 0
    for name in selftest_names(options.selftests):
        pair = {inquest.preset: inquest for inquest in inquests if inquest.program == name}
        for test in next(iter(pair.values())).names if pair else ():
            outcomes = [pair[preset].outcomes.get(test, 'was not run') for preset in SCHEDULERS]
            if all(outcome.startswith(('passes', 'skips')) and ';' not in outcome
                   for outcome in outcomes):
                passing += 1
            else:
                rows.append((f'{name}: {test}', *outcomes))
    summary = (f'{len(rows)} of {len(rows) + passing} tests do not pass on the base kernel, '
               'under one scheduler or both.')
    print()
    for test, *outcomes in rows:
        print(test)
        for scheduler, outcome in zip(SCHEDULERS.values(), outcomes):
            print(f'    {scheduler + ":":12} {outcome}')
    if options.table:
        write_base_table(options, runner.kernels['base'], rows, summary)
    print(f'\n{summary}')
    # Whatever becomes of a test is a result, but not that it was not run.
    return any(inquest.left() for inquest in inquests)


def write_base_table(options, kernel, rows, summary):
    release = read_lines(kernel.file('include/config/kernel.release'))
    with open(options.table, 'w', encoding='utf-8') as out:
        print(f"""\
.. SPDX-License-Identifier: GPL-2.0-only
.. Written by "make selftests SERIES=none"; do not edit.

The selftests on the kernel without the series
==============================================
{summary}
The base kernel is Linux {release[0] if release else 'of an unknown release'}. What a test says when it fails
stands here, or the first line of the kernel's complaint.

.. list-table::
   :header-rows: 1

   * - Test
     - Integrated scheduler
     - Core scheduler""", file=out)
        for test, *outcomes in rows:
            print(f'   * - {literal(test)}', file=out)
            for outcome in outcomes:
                print(f'     - {literal(outcome)}', file=out)


def literal(text):
    """Text in which reStructuredText sees nothing of its own."""
    return '``' + text.replace('``', "''").strip() + '``'


def parse_time(text):
    match = re.fullmatch(r'(\d+)([smh]?)', text)
    if not match:
        raise argparse.ArgumentTypeError(f'{text} is no time: give 90s, 10m or 2h')
    return int(match.group(1)) * {'': 1, 's': 1, 'm': 60, 'h': 3600}[match.group(2)]


# A boot of "soak" lasts no longer than that, so that something is known before
# the end; and what it needs to boot, to get warm, and to end.
SOAK_BOOT_MAX = 1800
SOAK_WARM = 60
SOAK_EXTRA = 240


def soak_boots(options):
    jobs = max(1, min(options.jobs, len(SCHEDULERS)))
    rounds = max(1, round(options.time / SOAK_BOOT_MAX))
    seconds = max(10, options.time * jobs // len(SCHEDULERS) // rounds)
    warm = min(SOAK_WARM, max(5, seconds // 4))
    seed = options.seed
    boots = []
    for number in range(1, rounds + 1):
        for preset in SCHEDULERS:
            boots.append(Program(
                f'soak-{number}-{preset}', preset, '/soak', kernel='debug', initramfs='soak',
                do='soak', append=[f'seconds={max(5, seconds - warm)}', f'warm={warm}',
                                   f'seed={seed}', 'sysctl.vm.mem_profiling=1'],
                timeout=seconds + SOAK_EXTRA))
            seed += 2
    return boots


def soak(runner, options):
    boots = named(soak_boots(options), options)
    print(runner.describe())
    print(f'{len(boots)} boots; --seed {options.seed} makes them again', flush=True)
    for boot in runner.run(boots):
        print(f'{boot.name}: status {boot.exit}, {boot.seconds or 0:.0f} s')
        for line in boot.console:
            if re.match(r'# (soak|memory|leak)\b', line):
                print(f'    {line[2:]}', flush=True)
    return report([result for boot in boots for result in boot.results()], options, boots)


def write_ktap(results, out):
    print('KTAP version 1', file=out)
    print(f'1..{len(results)}', file=out)
    for number, (name, good, detail) in enumerate(results, 1):
        rest = f' # {detail}' if detail.startswith('SKIP ') or (detail and not good) else ''
        print(f'{"ok" if good else "not ok"} {number} {name}{rest}', file=out)


def check_calls(by_name):
    """The lists of calls to fail are those that a boot makes."""
    for name, calls in (('integrated-on', OVERLAY_CALLS), ('calls-deposited', DEPOSIT_CALLS)):
        if name not in by_name:
            continue
        seen = set(by_name[name].hypercalls())
        missing = sorted(seen - set(calls)) + sorted(set(calls) - seen)
        yield (f'{name}: every hypercall seen is one that is made to fail', not missing,
               ' '.join(missing))


def main():
    parser = argparse.ArgumentParser(
        description='Boot a kernel as an L1VH under hvemu. See the README beside it.')
    parser.add_argument('--build', default='.', help='build folder of the kernel (default: .)')
    parser.add_argument('--base', help='build folder of another kernel, for compare, selftests')
    parser.add_argument('--builtin', help='build folder of one with the driver built in, for check')
    parser.add_argument('--tools', default=HERE, help='where hvemu was built')
    parser.add_argument('--out', default='hvboot-out', help='folder for consoles and event logs')
    parser.add_argument('--accel', default='auto', choices=('auto', 'kvm', 'tcg'))
    parser.add_argument('--jobs', type=int, default=os.cpu_count(), help='boots at a time')
    parser.add_argument('--memory', type=int, default=1024, help='MiB for each L0')
    parser.add_argument('--all', action='store_true', help='more rows: odd answers, root')
    parser.add_argument('--only', help='check, selftests, soak: only boots whose name this '
                        'regular expression finds')
    parser.add_argument('--ktap', help='check, selftests, soak: where to write the results')
    parser.add_argument('--selftests', help='selftests, table, shell: where they were built')
    parser.add_argument('--tests', default='', metavar='OPTIONS',
                        help="selftests: the program's own options, say '-t mmio'")
    parser.add_argument('--table', help='selftests with --base: where to write a table')
    parser.add_argument('--debug', help='soak, selftests: build folder of a kernel that finds '
                                        'its faults')
    parser.add_argument('--time', type=parse_time, help='soak: how long (default: 2h)')
    parser.add_argument('--seed', type=int, help='soak: what chance begins with')
    parser.add_argument('--busybox', help='shell, table: a static busybox')
    parser.add_argument('--since', type=float, default=0, help='when all began, for table')
    parser.add_argument('--verbose', action='store_true', help='show every console')
    parser.add_argument('command', choices=('table', 'compare', 'check', 'selftests',
                                            'soak', 'shell', 'boot'))
    # What follows these two, and the preset, is hvemu's.
    parser.add_argument('arguments', nargs=argparse.REMAINDER)
    options = parser.parse_args()
    more = options.arguments
    if options.command not in ('boot', 'shell'):
        # They may stand before the command or after it.
        options = parser.parse_args(more + [options.command], options)
        if options.arguments:
            parser.error(f'not understood: {options.arguments[0]}')
    for name in ('build', 'tools', 'out', 'selftests'):
        if getattr(options, name):
            setattr(options, name, os.path.abspath(getattr(options, name)))

    kernels = {'ours': Kernel(options.build)}
    if options.base:
        kernels['base'] = Kernel(options.base)
    if options.builtin:
        kernels['builtin'] = Kernel(options.builtin)
    if options.debug:
        kernels['debug'] = Kernel(options.debug)
    for name, commands in (('only', 'check selftests soak'), ('ktap', 'check selftests soak'),
                           ('builtin', 'check'), ('all', 'table compare'),
                           ('base', 'compare selftests'), ('selftests', 'selftests table shell'),
                           ('tests', 'selftests'),
                           ('table', 'selftests'), ('debug', 'selftests soak'), ('time', 'soak'),
                           ('seed', 'soak')):
        if getattr(options, name) and options.command not in commands.split():
            raise Failure(f'--{name} means nothing to {options.command}, only to {commands}.')
    if options.command == 'compare' and not options.base:
        raise Failure('compare needs --base.')
    if options.command == 'selftests' and not options.selftests:
        raise Failure('selftests needs --selftests, where they were built.')
    if options.command == 'soak':
        if not options.debug:
            raise Failure('soak needs --debug.')
        options.time = options.time or 7200
        if options.seed is None:
            options.seed = random.randrange(1, 1 << 30)
    if options.command == 'shell' and not options.busybox:
        raise Failure('shell needs --busybox, a static one.')
    runner = Runner(options, kernels)

    if options.command in ('shell', 'boot'):
        preset, *more = more or ['integrated-on']
        if not re.fullmatch(r'[a-z0-9-]+', preset) or preset.startswith('-'):
            raise Failure(f'{preset} is no preset. They are listed by: hvemu --help')
        if options.command == 'boot':
            boot = Boot(preset, preset, *more, timeout=1000000)
        elif options.selftests:
            boot = Boot(preset, preset, '--memory', str(GUEST_MEMORY), *more, do='shell',
                        initramfs='child', timeout=1000000)
        else:
            boot = Boot(preset, preset, *more, do='shell', timeout=1000000)
        print(runner.describe(), flush=True)
        return runner.interactive(boot)
    commands = {'table': table, 'compare': compare, 'check': check, 'selftests': selftests,
                'soak': soak}
    return commands[options.command](runner, options)


if __name__ == '__main__':
    try:
        sys.exit(main())
    except Failure as failure:
        sys.exit(f'error: {failure}')
    except (OSError, re.error, subprocess.CalledProcessError) as failure:
        sys.exit(f'error: {failure}')
    except KeyboardInterrupt:
        sys.exit(130)
