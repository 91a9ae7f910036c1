#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
#
# Boot a kernel as an L1VH under hvemu, in every way that matters, and judge it.
#
#   hvboot.py [OPTION]... table            one boot for each row of the decision table
#   hvboot.py [OPTION]... compare          the same rows, two kernels side by side
#   hvboot.py [OPTION]... check            every test; KTAP
#   hvboot.py [OPTION]... shell [PRESET]   one boot, with a shell in it
#   hvboot.py [OPTION]... boot PRESET [HVEMU-OPTION]...   one boot, its console shown
#
# See the README beside it for what has to be built first.

import argparse
import os
import queue
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
                 do='decide', expect='', append=(), status=OFF, timeout=60, proof=()):
        self.name = name
        self.preset = preset
        self.kernel = kernel
        self.image = image
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
        self.events = []
        self.exit = None
        self.seconds = None

    def arguments(self, place):
        """The command line of hvemu, with files at place(name)."""
        return [place('hvemu'), '--kernel', place(f'{self.kernel}-{self.image}'),
                '--initrd', place(f'{self.kernel}-initramfs'), *self.options,
                '--append', ' '.join(self.append)]

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

    def results(self):
        """(name, good, detail) of every test of this boot."""
        if self.exit is None:
            yield f'{self.name}: boots', False, 'was not run'
            return

        count, plan, numbers = 0, None, []
        for line in self.console:
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
        Boot('faults-overlay', 'integrated-on', do='faults', expect=integrated, timeout=300,
             append=['faults=' + ','.join(OVERLAY_CALLS)]),
        Boot('faults-deposited', 'integrated-on', '--capabilities', '0x40', do='faults',
             expect=integrated, timeout=300, append=['faults=' + ','.join(DEPOSIT_CALLS)]),
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
        for name in ('hvemu', 'l0-init', 'l1vh-init'):
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
        self.initramfs(f'{label}-initramfs', kernel, files,
                       ('/dev', '/proc', '/sys', '/bin', '/tmp'))

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
                            for part in (boot.image, 'initramfs')}):
            files.append((f'/{need}', self.place(need), '644'))
        for name in sorted(os.listdir(list_of_boots)):
            files.append((f'/boots/{name}', os.path.join(list_of_boots, name), '644'))
        kernel = self.kernels['ours']
        self.initramfs(f'l0-{number}/initramfs', kernel, files,
                       ('/dev', '/proc', '/tmp', '/boots'))
        tsc = subprocess.run([self.tool('hvemu'), '--tsc'], stdout=subprocess.PIPE,
                             check=True, text=True).stdout.strip()
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
             open(os.path.join(folder, 'console.log'), 'w', encoding='utf-8') as copy, \
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
                by_name[name].console.append(text)

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


def table(runner, options):
    rows = ROWS + (MORE_ROWS if options.all else [])
    boots = row_boots(rows)
    offers = {preset: offer for preset, offer, _ in rows}
    widths = (32, 9, 6, 72)
    print(runner.describe())
    print()
    print_row(('What the hypervisor offers', '/dev/mshv', 'Time', 'What the driver said'), widths)
    print('-' * (sum(widths) + 6))
    start, bad, first = time.time(), 0, None
    for boot in in_order(boots, runner.run(boots)):
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
    if options.since:
        print(f'\nThe first decision came {first} after the start, '
              f'the last {minutes(since(options))}.')
    print(f'\n{len(boots)} boots in {minutes(time.time() - start)}; '
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
    boots = check_boots(runner.kernels)
    if options.only:
        boots = [boot for boot in boots if re.search(options.only, boot.name)]
        if not boots:
            raise Failure(f'no boot is named like {options.only}.')
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
    if options.ktap:
        with open(options.ktap, 'w', encoding='utf-8') as out:
            write_ktap(results, out)
    else:
        write_ktap(results, sys.stdout)
    for name, good, detail in results:
        if not good:
            print(f'not ok {name} # {detail}')
    bad = sum(1 for _, good, _ in results if not good)
    if faults:
        print(f'{faults} loads with one hypercall failing, each with one status')
    print(f'{len(results) - bad} passed, {bad} failed in {len(boots)} boots')
    return bad > 0


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
    parser.add_argument('--base', help='build folder of another kernel, for compare')
    parser.add_argument('--builtin', help='build folder of one with the driver built in, for check')
    parser.add_argument('--tools', default=HERE, help='where hvemu was built')
    parser.add_argument('--out', default='hvboot-out', help='folder for consoles and event logs')
    parser.add_argument('--accel', default='auto', choices=('auto', 'kvm', 'tcg'))
    parser.add_argument('--jobs', type=int, default=os.cpu_count(), help='boots at a time')
    parser.add_argument('--memory', type=int, default=1024, help='MiB for each L0')
    parser.add_argument('--all', action='store_true', help='more rows: odd answers, root')
    parser.add_argument('--only', help='check: only boots whose name has this')
    parser.add_argument('--ktap', help='check: where to write the results')
    parser.add_argument('--busybox', help='shell: a static busybox')
    parser.add_argument('--since', type=float, default=0, help='when all began, for table')
    parser.add_argument('--verbose', action='store_true', help='show every console')
    parser.add_argument('command', choices=('table', 'compare', 'check', 'shell', 'boot'))
    # What follows these two, and the preset, is hvemu's.
    parser.add_argument('arguments', nargs=argparse.REMAINDER)
    options = parser.parse_args()
    more = options.arguments
    if options.command not in ('boot', 'shell'):
        # They may stand before the command or after it.
        options = parser.parse_args(more + [options.command], options)
        if options.arguments:
            parser.error(f'not understood: {options.arguments[0]}')
    for name in ('build', 'tools', 'out'):
        setattr(options, name, os.path.abspath(getattr(options, name)))

    kernels = {'ours': Kernel(options.build)}
    if options.base:
        kernels['base'] = Kernel(options.base)
    if options.builtin:
        kernels['builtin'] = Kernel(options.builtin)
    for name, commands in (('only', 'check'), ('ktap', 'check'), ('builtin', 'check'),
                           ('all', 'table compare'), ('base', 'compare')):
        if getattr(options, name) and options.command not in commands.split():
            raise Failure(f'--{name} means nothing to {options.command}, only to {commands}.')
    if options.command == 'compare' and not options.base:
        raise Failure('compare needs --base.')
    if options.command == 'shell' and not options.busybox:
        raise Failure('shell needs --busybox, a static one.')
    runner = Runner(options, kernels)

    if options.command in ('shell', 'boot'):
        preset, *more = more or ['integrated-on']
        if not re.fullmatch(r'[a-z0-9-]+', preset) or preset.startswith('-'):
            raise Failure(f'{preset} is no preset. They are listed by: hvemu --help')
        do = 'shell' if options.command == 'shell' else 'decide'
        boot = Boot(preset, preset, *more, do=do, timeout=1000000)
        print(runner.describe(), flush=True)
        return runner.interactive(boot)
    return {'table': table, 'compare': compare, 'check': check}[options.command](runner, options)


if __name__ == '__main__':
    try:
        sys.exit(main())
    except Failure as failure:
        sys.exit(f'error: {failure}')
    except (OSError, re.error, subprocess.CalledProcessError) as failure:
        sys.exit(f'error: {failure}')
    except KeyboardInterrupt:
        sys.exit(130)
