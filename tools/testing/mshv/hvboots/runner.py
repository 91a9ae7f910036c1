# SPDX-License-Identifier: GPL-2.0-only
#
# Makes boots, in an L0 or on this machine's own KVM.

import os
import queue
import re
import shutil
import subprocess
import sys
import threading

from .basics import Failure, read_lines

# Where the Makefile is.
HERE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))

# Older ones miscompute nested SVM: a kernel oopses early in its boot.
QEMU = 'qemu-system-x86_64'
QEMU_MIN = 10

# A /dev/kvm that needs longer than this for 4096 instructions is emulated in
# software. Real ones take some tens of microseconds.
PROBE_MAX_US = 1000


# CPUs of an L1VH of the experiment, and of its L0.
EXPERIMENT_CPUS = 2


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
        needs = ['hvemu', 'l0-init', 'l1vh-init', 'mark']
        if options.selftests:
            needs += ['vmm', 'child-init']
        if options.command in ('soak', 'fuzz', 'experiment'):
            needs.append(options.command)
        if options.command == 'qemu':
            needs += ['drive', 'guest-init', 'boot-sector']
        for name in needs:
            if not os.path.exists(self.tool(name)):
                raise Failure(f'{self.tool(name)} is missing.\n'
                              f'Build it: make -C {HERE} O={options.tools}')
        self.ended = {}
        self.failed = None
        self.late = set()
        self.common = {}
        # What earlier runs left would be taken for this one's.
        for folder in os.listdir(self.out):
            if re.fullmatch(r'l0-\d+', folder):
                shutil.rmtree(self.place(folder))
        self.accel, self.why = choose_accel(options.accel, self.tool('hvemu'),
                                            self.place('host-report'))
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
        folders = ('/dev', '/proc', '/sys', '/bin', '/tmp', '/root')
        files = [('/init', self.tool('l1vh-init'), '755'), ('/mark', self.tool('mark'), '755')]
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
        self.common[label] = (files, folders)
        programs = self.selftests()
        if programs:
            self.initramfs(f'{label}-selftests', kernel, files + programs,
                           (*folders, '/selftests'))
            self.initramfs(f'{label}-child', kernel, files + programs + self.child(),
                           (*folders, '/selftests'))
        program = self.options.command
        if program in ('soak', 'fuzz', 'experiment'):
            self.initramfs(f'{label}-{program}', kernel, files + [self.stripped(program)],
                           folders)

    def with_files(self, name, more, more_folders=(), label='ours'):
        """An initramfs with what all have, and more."""
        files, folders = self.common[label]
        self.initramfs(f'{label}-{name}', self.kernels[label], files + more,
                       (*folders, *more_folders))

    def command_initramfs(self, name, text):
        """What an L1VH needs to run a command, and the command."""
        with open(self.place(f'{name}.command'), 'w', encoding='utf-8') as out:
            out.write(text)
        self.with_files(name, [('/command', self.place(f'{name}.command'), '644')])

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

    def write_boots(self, folder, boots, place, disk, interactive):
        shutil.rmtree(folder, ignore_errors=True)
        os.makedirs(folder)
        for number, boot in enumerate(boots):
            lines = boot.arguments(place, disk)
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
            self.write_boots(list_of_boots, boots, place, lambda path: path, interactive)
            return [self.tool('l0-init'), list_of_boots], folder

        # L0 has each as a disk of its own.
        disks = list(dict.fromkeys(disk for boot in boots for disk in boot.disks))
        names = {path: f'/dev/vd{chr(ord("a") + number)}'
                 for number, (path, _) in enumerate(disks)}
        self.write_boots(list_of_boots, boots, lambda name: f'/{name}', names.get, interactive)
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
        # For the experiment a CPU of L0's for each VP of the L1VH, and a thread for each of
        # those. Not one thread for all, nor -icount: QEMU 10.0 leaves exception_index set
        # when VMRUN injects an interrupt (helper_vmrun()). If the thread turns to another CPU
        # then, or its instructions are spent, without an interrupt that is pending, the
        # guest gets the same interrupt once more, whether or not it takes interrupts.
        machine = ['-accel', 'tcg,thread=single']
        if self.options.command == 'experiment':
            machine = ['-accel', 'tcg,thread=multi', '-smp', str(EXPERIMENT_CPUS)]
        # Without tsc=reliable L0's timers are as coarse as its ticks, 4 ms. That is on
        # purpose: with fine ones a busy host has L0 do little but handle them.
        append = f'console=hvc0 panic=-1 quiet tsc_early_khz={tsc}'
        return [QEMU, '-nodefaults', '-no-user-config', '-no-reboot', '-display', 'none',
                '-M', 'microvm,acpi=off,isa-serial=on,rtc=on,pit=on,pic=on',
                '-cpu', 'EPYC,+svm,+npt', *machine,
                '-m', str(self.options.memory), '-kernel', kernel.file('arch/x86/boot/bzImage'),
                '-initrd', os.path.join(folder, 'initramfs'), '-append', append,
                '-device', 'isa-debug-exit,iobase=0xf4', '-device', 'virtio-serial-device',
                '-chardev', 'stdio,id=console,signal=off', '-device', 'virtconsole,chardev=console',
                '-chardev', f'file,id=archive,path={folder}/archive.tar',
                '-device', 'virtserialport,chardev=archive',
                '-serial', f'file:{folder}/serial.log', *disk_options(disks)], folder

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
        # The longest first, each to whoever has the least to do; but what one boot
        # leaves for another is in the L0 of both.
        shares = [[] for _ in range(jobs)]
        load = [0] * jobs
        chains = {}
        for boot in boots:
            chains.setdefault(boot.chain or boot, []).append(boot)
        chains = list(chains.values())
        if any(boot.timeout > 60 for boot in boots):
            chains.sort(key=lambda chain: -sum(boot.timeout for boot in chain))
        for chain in chains:
            least = load.index(min(load))
            shares[least] += chain
            load[least] += sum(boot.timeout for boot in chain)
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


def selftest_names(folder):
    """The programs in a folder where selftests were built."""
    names = sorted(name for name in os.listdir(folder)
                   if os.path.isfile(os.path.join(folder, name)) and
                   os.access(os.path.join(folder, name), os.X_OK))
    if not names:
        raise Failure(f'{folder} has no programs.\n'
                      'Build them: make -C tools/testing/selftests/mshv')
    return names


def disk_options(disks):
    """QEMU's, for disks of L0: microvm gives each the next bus, the last bus first, and
    names them to L0's kernel in that order."""
    options = []
    for number, (path, read_only) in enumerate(disks):
        options += ['-drive', f'if=none,id=disk{number},format=raw,cache=unsafe,'
                    f'readonly={"on" if read_only else "off"},file={path.replace(",", ",,")}',
                    '-device', f'virtio-blk-device,drive=disk{number}']
    return options


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


def look_at_host(hvemu, report):
    """What this machine lacks, in hvemu's words; [] if nothing. The report is kept."""
    with open(report, 'w', encoding='utf-8') as out:
        try:
            done = subprocess.run([hvemu, '--check-host'], stdout=out,
                                  stderr=subprocess.PIPE, text=True, timeout=60, check=False)
        except (OSError, subprocess.SubprocessError) as error:
            return [str(error)]
    if not done.returncode:
        return []
    text = '\n'.join(read_lines(report))
    missing = re.findall(r'^MISSING  (.*(?:\n         .*)*)', text, re.M)
    lacks = [re.sub(r'\n *', ' ', thing) for thing in missing]
    return lacks + done.stderr.splitlines() or ['it does not run']


def choose_accel(wanted, hvemu, report):
    """What runs hvemu: ('kvm' or 'tcg', why)."""
    if wanted != 'auto':
        if wanted == 'kvm' and not os.access('/dev/kvm', os.R_OK | os.W_OK):
            raise Failure('KVM was asked for, and /dev/kvm cannot be used.\n'
                          'Load the kvm module, or join the group that owns it; '
                          'or leave it to --accel auto (ACCEL=auto of make).')
        lacks = look_at_host(hvemu, report) if wanted == 'kvm' else []
        if lacks:
            raise Failure('KVM was asked for, and this machine lacks something:\n'
                          + '\n'.join(lacks) + f'\nAll of it: {report}')
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
    lacks = look_at_host(hvemu, report)
    if lacks:
        return 'tcg', f'this machine lacks something for KVM: {lacks[0]}'
    return 'kvm', f'{took} us for 4096 instructions'
