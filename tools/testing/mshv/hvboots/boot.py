# SPDX-License-Identifier: GPL-2.0-only
#
# What one boot is: what hvemu is told, and what must come of it.

import re

from .judge import COMPLAINT, EVENT, SKIPS, parse_selftest

# Exit statuses of hvemu, see its --help.
OFF, VIOLATION, CRASHED, TIMEOUT = 0, 3, 4, 5

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
        # A word that boots share which are made in one L0, in their order.
        self.chain = None
        # What must stand on the console or in the event log, as expressions.
        self.proof = proof
        # Files that the guest sees as disks, and whether it may only read them.
        self.disks = []
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

    def arguments(self, place, disk):
        """The command line of hvemu, with files at place(name), disks at disk(path)."""
        disks = [word for path, read_only in self.disks for word in
                 ('--disk-read-only' if read_only else '--disk', disk(path))]
        return [place('hvemu'), '--kernel', place(f'{self.kernel}-{self.image}'),
                '--initrd', place(f'{self.kernel}-{self.initramfs}'), *disks, *self.options,
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


class Selftest(Program):
    """One boot that runs one program of tools/testing/selftests/mshv."""

    def __init__(self, program, preset, *options, suffix='', append=(), limit=None, **more):
        self.program = program
        self.way = ' '.join(options)
        timeout = limit or (DEBUG_TIMEOUT if more.get('kernel') == 'debug' else
                            SELFTEST_TIMEOUT)
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


class Child(Program):
    """One boot whose guest has a child partition."""

    def __init__(self, what, preset, option, path, arguments, answer, *proof):
        self.what = what
        super().__init__(f'child-{what.split()[0].lower()}-{preset}', preset, path,
                         *option.split(), arguments=arguments, initramfs='child',
                         timeout=CHILD_TIMEOUT,
                         append=[f'"answer={answer}"'] if answer else [],
                         proof=[*proof, r' child-vp .*created=no .*intercepts=[1-9]'])

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
