# SPDX-License-Identifier: GPL-2.0-only
#
# The lab: somebody's own command in an L1VH, with a folder of theirs or in a Debian.
#
# The folder goes there as a disk, and the results come back as one: neither has to
# fit into memory.

import os
import re
import secrets
import shlex
import shutil
import subprocess
import sys
import tempfile

from . import elf, walk
from .basics import Failure, named, PATIENCE, read_lines
from .boot import Boot, CRASHED, OFF, SCHEDULERS, TIMEOUT, VIOLATION
from .judge import COMPLAINT, report

# Exit statuses beside the command's own; 126 and 127 are a shell's.
WRONG, LATE, FAILED = 123, 124, 125

# MiB of room for what a command writes into its folder, and for results: at most, as
# the files have holes.
FOLDER_ROOM = 1024
RESULTS_SIZE = 4096

# MiB of L0, beside the L1VH's memory; and what must stay free here.
L0_MEMORY = 512
SPARE_MEMORY = 256

# Seconds for a boot, and for an end, beside the command's own time: of a small system,
# and of a Debian.
BOOT_TIME, BOOT_TIME_DEBIAN = 120, 600
NEVER = 1000000

# What the small system's shell knows without a file. busybox has the rest.
SHELL_WORDS = set('''. : [ [[ alias bg break cd chdir command continue echo eval exec exit
    export false fg for case if while until function getopts hash help history jobs kill
    let local printf pwd read readonly return set shift source test time times trap true
    type ulimit umask unalias unset wait'''.split())


class Lab(Boot):
    """A boot that runs a command of the user's, and shows what it says, as it comes."""

    def __init__(self, name, options, run, limit=None, shows=True, preset=None, files=None):
        self.options_of = options
        self.run = run
        self.files = files or options.files
        self.limit = limit
        self.token = secrets.token_hex(8)
        self.shows = shows
        self.inside = False
        self.held = None
        self.output = []
        self.complaints = []
        words = [f'lab_token={self.token}', f'lab_limit={limit or 0}']
        if options.rootfs:
            words.append('systemd.show_status=false')
            if run:
                # Without colours, or lines that are erased.
                words += ['TERM=dumb', 'systemd.wants=mshv-lab.service',
                          'systemd.mask=serial-getty@ttyS0.service']
        time = BOOT_TIME_DEBIAN if options.rootfs else BOOT_TIME
        super().__init__(name, preset or options.preset, '--cpus', str(options.cpus), '--memory',
                         str(options.guest_memory), initramfs=name, do='lab', append=words,
                         timeout=time * PATIENCE + limit if limit else NEVER)

    def prepare(self, runner):
        """Its initramfs and its disks: in the order in which the guest sees them."""
        runner.command_initramfs(self.name, self.run)
        options = self.options_of
        makers = [('lab_root', options.rootfs, None),
                  ('lab_files', self.files and runner.place(f'{self.name}-files.img'),
                   lambda image: make_files(self.files, image)),
                  ('lab_results', runner.place(f'{self.name}-results.img'),
                   lambda image: make_image(image, RESULTS_SIZE))]
        for word, path, make in makers:
            if path:
                self.append.append(f'{word}=/dev/vd{"abc"[len(self.disks)]}')
                self.disks.append((path, False))
            if path and make:
                make(path)

    def take_back(self, runner, results, dmesg):
        """What the guest has left."""
        image = runner.place(f'{self.name}-results.img')
        shutil.rmtree(results, ignore_errors=True)
        fetch(image, 'results', results)
        fetch(image, 'dmesg', dmesg)
        os.makedirs(results, exist_ok=True)
        for path, _ in self.disks:
            if path != self.options_of.rootfs:
                os.unlink(path)
        self.complaints = [re.sub(r'^<\d+>', '', line) for line in read_lines(dmesg)
                           if COMPLAINT.search(line)]

    def show(self, line):
        self.output.append(line)
        if self.shows:
            print(line, flush=True)

    def hear(self, text):
        """A line of the console. The command's are those between two that only the
        guest's first program knows; the end of line before the second is ours."""
        # A line of hvemu's own may stand inside one of the guest's; it is told at the end.
        before, own, _ = text.partition('hvemu: violation: ')
        self.console.append(text)
        if own:
            self.begun += before
            return
        text, self.begun = self.begun + text, ''
        if text == f'# lab {self.token} begins':
            self.inside = True
        elif text == f'# lab {self.token} ends':
            self.inside = False
            self.held = None
        elif self.inside:
            if self.held is not None:
                self.show(self.held)
            self.held = None if text else text
            if text:
                self.show(text)

    def marks(self, what):
        """What the guest's first program has said by the test port."""
        return [match.group(1) for line in self.events
                if (match := re.search(fr' mark text="{what} (.*)"$', line))]

    def violations(self):
        return [match.group(1) for line in self.events
                if (match := re.search(r' violation text="(.*)"$', line))]

    def verdict(self, tell):
        """The exit status; tell() is told the reason, if it is not the command's own."""
        violations = self.violations()
        for text in violations[:5]:
            tell(f'the hypervisor saw a violation: {text}')
        for text in self.complaints[:5]:
            tell(f"the L1VH's kernel complained: {text}")
        if self.device() == 'no':
            tell(f'there was no /dev/mshv: {self.said("load") or self.decision()}')
        failed = self.marks('lab-failed')
        if failed:
            tell(f'the L1VH could not be made ready: {failed[0]}')
            return FAILED
        status = self.marks('lab-exit')
        if not status and (self.run or self.exit not in (OFF, VIOLATION)):
            return self.no_status(tell)
        # Somebody who has worked in it has powered it off somehow.
        status = int(status[-1]) if status else 0
        if status == LATE and self.limit:
            tell(f'the command did not end within {self.limit} seconds, and was killed.')
        if status == 0 and (violations or self.complaints):
            return WRONG
        return status

    def no_status(self, tell):
        if self.exit == TIMEOUT:
            tell(f'the L1VH did not end within {self.timeout} seconds, and was ended.')
            return LATE
        last = self.console[-12:]
        if self.exit == CRASHED:
            tell("the L1VH's kernel crashed; the end of its console:")
        elif self.exit in (OFF, VIOLATION):
            tell('the L1VH powered off, or was reset, before the command had ended.')
            last = []
        else:
            tell(f'hvemu ended with status {self.exit}; the end of what was said:')
        for line in last:
            tell(f'    {line}')
        return FAILED


def say(text):
    print(f'lab: {text}', file=sys.stderr, flush=True)


def tool(name):
    """A program of e2fsprogs, which a user's PATH may not have."""
    path = shutil.which(name, path=os.environ.get('PATH', '') + ':/usr/sbin:/sbin')
    if not path:
        raise Failure(f'{name} is missing.\nOn Debian: apt-get install e2fsprogs')
    return path


def free_space(folder):
    status = os.statvfs(folder)
    return status.f_bavail * status.f_frsize >> 20


def measure(folder):
    """How many MiB and how many files a folder has."""
    size = count = 0
    for top, folders, files in os.walk(folder):
        for name in folders + files:
            status = os.lstat(os.path.join(top, name))
            size += (status.st_size + 4095) // 4096 * 4096 + 512
            count += 1
    return size >> 20, count


def make_image(image, size, *more, count=0):
    """An ext4 file system in a file with holes."""
    with open(image, 'wb') as out:
        out.truncate(size << 20)
    result = subprocess.run([tool('mke2fs'), '-q', '-F', '-t', 'ext4', '-O', '^has_journal',
                             '-m', '0', '-E', 'lazy_itable_init=1,root_owner=0:0', '-N',
                             str(count + 65536), *more, image], stderr=subprocess.PIPE,
                            text=True, check=False)
    if result.returncode:
        raise Failure(f'no file system could be made in {image}:\n{result.stderr.strip()}')


def make_files(folder, image):
    """The user's folder as a disk."""
    size, count = measure(folder)
    free = free_space(os.path.dirname(image))
    if size + size // 8 + 64 > free:
        raise Failure(f'{folder} has {size} MiB, and only {free} MiB are free for a copy in '
                      f'{os.path.dirname(image)}.\n'
                      'Free some space, or give another folder with O=.')
    make_image(image, size + size // 8 + FOLDER_ROOM, '-d', folder, count=count)


def fetch(image, what, into):
    """A file or folder out of a disk that the guest has written to."""
    # Of a guest that was ended it may not be whole.
    subprocess.run([tool('e2fsck'), '-p', '-f', image], stdout=subprocess.DEVNULL,
                   stderr=subprocess.DEVNULL, check=False)
    with tempfile.TemporaryDirectory(dir=os.path.dirname(into)) as place:
        # It complains of what only root could do: owners. It takes one word for a name.
        subprocess.run([tool('debugfs'), '-R', f'rdump /{what} .', os.path.abspath(image)],
                       cwd=place, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                       check=False)
        if os.path.exists(os.path.join(place, what)):
            shutil.move(os.path.join(place, what), into)


def look_up(folder, word):
    """The file of FILES that a command's first word means, if it does; its path there.
    Without FILES none does."""
    if not folder:
        return None
    if word.startswith('/lab/'):
        return word[5:]
    if word.startswith('/'):
        return None
    if '/' in word:
        return os.path.normpath(word)
    for place in ('', 'bin', 'sbin', 'usr/bin', 'usr/sbin'):
        if os.path.isfile(os.path.join(folder, place, word)):
            return os.path.join(place, word)
    return None


def check_command(options):
    """Everything that can be known to be wrong before a boot."""
    try:
        words = shlex.split(options.run)
    except ValueError:
        return      # the shell will say it
    while words and re.match(r'\w+=', words[0]):
        words.pop(0)
    if not words or not re.fullmatch(r'[\w./+-]+', words[0]):
        return
    word = words[0]
    path = look_up(options.files, word)
    if path is None:
        in_lab = word.startswith('/lab/') or not word.startswith('/')
        if in_lab and word not in SHELL_WORDS | busybox_has(options.busybox):
            where = f'{options.files} does not have it, nor does busybox.\nIt is looked for ' \
                'in the folder itself, in bin and in sbin.' if options.files else \
                'busybox does not have it.\nGive FILES=folder, with a folder that has it.'
            raise Failure(f'there is no command {word}: {where}')
        return
    full = os.path.join(options.files, path)
    if not os.path.isfile(full):
        raise Failure(f'there is no file {path} in {options.files}, which RUN begins with.')
    if not os.access(full, os.X_OK):
        raise Failure(f'{full} cannot be executed.\nRun: chmod +x {shlex.quote(full)}')
    wrong = elf.missing(full, options.files)
    if wrong:
        raise Failure(f'{path} would not run: {wrong}\n'
                      'Link it statically, or give it its libraries: in the folder, lib, lib64 '
                      "and usr stand for the system's.\nldd lists them; they can be copied by\n"
                      f'    ldd {shlex.quote(full)} | grep -o "/[^ ]*" | '
                      f'xargs cp -L --parents -t {shlex.quote(options.files)}\n'
                      'Or take a whole Debian: ROOTFS=debian.')


def busybox_has(busybox):
    text = subprocess.run([busybox, '--list'], stdout=subprocess.PIPE, text=True,
                          check=False).stdout
    return set(text.split())


def check_memory(options, accel):
    """Rather now than by a process that is killed."""
    need = options.guest_memory + SPARE_MEMORY
    if accel == 'tcg':
        need += L0_MEMORY
    for line in read_lines('/proc/meminfo'):
        match = re.match(r'MemAvailable:\s*(\d+)', line)
        if match and int(match.group(1)) >> 10 < need:
            raise Failure(f'an L1VH of {options.guest_memory} MiB needs {need} MiB here, and '
                          f'{int(match.group(1)) >> 10} MiB are free.\n'
                          'Give less with MEMORY=.')


def check_options(options):
    if options.files and not os.path.isdir(options.files):
        raise Failure(f'FILES={options.files} is no folder.')
    presets = subprocess.run([os.path.join(options.tools, 'hvemu'), '--help'],
                             stdout=subprocess.PIPE, text=True, check=False).stdout
    known = re.findall(r'^  ([a-z0-9-]+) +(?:L1VH|root):', presets, re.M)
    if known and options.preset not in known:
        raise Failure(f'there is no preset {options.preset}.\nGive one of: {" ".join(known)}')
    if options.run and not options.rootfs:
        check_command(options)


def keep(runner, boot):
    """What there is to look at afterwards, in one place."""
    folder = runner.place('l0-0')
    for kind in ('console', 'events'):
        path = os.path.join(folder, f'000-{boot.name}.{kind}')
        if os.path.exists(path):
            shutil.copyfile(path, runner.place(kind))
    if boot.console:
        with open(runner.place('console'), 'w', encoding='utf-8') as out:
            out.write('\n'.join(boot.console) + '\n')


def explain(options, status):
    """A word about a status that says little."""
    if status not in (126, 127) or options.rootfs or not options.files:
        return
    wrong = []
    for top, _, files in os.walk(options.files):
        for name in sorted(files):
            path = os.path.join(top, name)
            if os.access(path, os.X_OK) and not os.path.islink(path):
                why = elf.missing(path, options.files)
                if why:
                    wrong.append(f'{os.path.relpath(path, options.files)}: {why}')
    say(f'status {status} is a shell\'s word for a command that '
        f'{"is not there" if status == 127 else "cannot be run"}.')
    if wrong:
        say('"not found" is also said of a program whose loader is missing:')
        for line in wrong[:5]:
            say(f'    {line}')


def lab(runner, options):
    for old in ('console', 'events', 'dmesg'):
        if os.path.exists(runner.place(old)):
            os.unlink(runner.place(old))
    check_memory(options, runner.accel)
    boot = Lab('lab', options, options.run or '', options.limit)
    boot.prepare(runner)
    say(runner.describe())
    if options.run:
        for _ in runner.run([boot]):
            pass
        if boot.exit is None:
            raise Failure(f'the boot was not made. What there is lies in {runner.out}')
    else:
        boot.exit = runner.interactive(boot)
        boot.events = read_lines(os.path.join(runner.place('l0-0'), '000-lab.events'))
    keep(runner, boot)
    results = runner.place('results')
    boot.take_back(runner, results, runner.place('dmesg'))
    status = boot.verdict(say)
    explain(options, status)
    count = sum(len(files) for _, _, files in os.walk(results))
    say(f'{count} file{"" if count == 1 else "s"} came back to {results}; console, events '
        f'and dmesg are in {runner.out}')
    return status


# What the lab's own test runs: a command, its time, the exit status, what it says, what
# the lab says of it, and which file comes back. The MSR is none of the hypervisor's.
CHECKS = [
    ('lab-status', 'read word <file && exec 3<>/dev/mshv && echo "$word: /dev/mshv opens"; '
     'mkdir $RESULTS/a && echo back >$RESULTS/a/b; (sleep 0.1 &); sleep 1; exit 42',
     None, 42, 'content: /dev/mshv opens', '', 'a/b'),
    ('lab-late', 'echo begun; echo kept >$RESULTS/kept; sleep 1000', 3, LATE, 'begun',
     'did not end within 3 seconds', 'kept'),
    ('lab-violation', 'dd if=/dev/zero of=/dev/cpu/0/msr bs=8 count=1 '
     f'seek={0x40000ff8 // 8} 2>&1; true', None, WRONG, 'dd: .*Input/output error',
     'violation: writes 0x0 to MSR 0x40000ff8', ''),
]


# Seconds of the walk of the documentation, with VMs that have to boot.
WALK_TIME = 600 * PATIENCE


def walk_boots(runner, options, steps):
    """The walk of the documentation, under each scheduler."""
    boots = named([Lab(walk.name_of(preset), options, walk.script(steps), WALK_TIME, shows=False,
                       preset=preset, files=runner.place('walk-folder'))
                   for preset in SCHEDULERS], options, or_none=True)
    if boots:
        shutil.rmtree(boots[0].files, ignore_errors=True)
        walk.take_files(runner, boots[0].files)
    return boots


def walk_results(runner, boot, steps):
    """What came of it: for KTAP."""
    said = []
    boot.take_back(runner, runner.place(f'{boot.name}-results'),
                   runner.place(f'{boot.name}.dmesg'))
    status = boot.verdict(said.append)
    with open(runner.place(f'{boot.name}.output'), 'w', encoding='utf-8') as out:
        out.write('\n'.join(boot.output) + '\n')
    yield from walk.results(boot.name, SCHEDULERS[boot.preset], steps, boot.output)
    yield f'{boot.name}: nobody complains', not status and not said, f'{status} {said}'


def lab_check(runner, options):
    """That the lab hands on what it should, and what the documentation does in it: KTAP."""
    options.files = runner.place('lab-folder')
    shutil.rmtree(options.files, ignore_errors=True)
    os.makedirs(options.files)
    with open(os.path.join(options.files, 'file'), 'w', encoding='utf-8') as out:
        out.write('content\n')
    steps = walk.read_page()
    walks = walk_boots(runner, options, steps)
    boots = named([Lab(name, options, run, limit, shows=False)
                   for name, run, limit, *_ in CHECKS], options, or_none=bool(walks)) + walks
    for boot in boots:
        boot.prepare(runner)
    say(runner.describe())
    for boot in runner.run(boots):
        print(f'  {boot.name}: status {boot.exit}, {boot.seconds or 0:.1f} s',
              file=sys.stderr, flush=True)
    results = []
    for boot in boots:
        if boot in walks:
            results += walk_results(runner, boot, steps)
            continue
        name, _, _, wanted, line, told, file = \
            next(check for check in CHECKS if check[0] == boot.name)
        back, said = runner.place(f'{name}-results'), []
        boot.take_back(runner, back, runner.place(f'{name}.dmesg'))
        status = boot.verdict(said.append)
        results += [
            (f'{name}: ends with status {wanted}', status == wanted, f'{status} {said}'),
            (f'{name}: the output is what the command said',
             len(boot.output) >= 1 and bool(re.search(line, boot.output[0])),
             f'{boot.output[:3]}'),
            (f'{name}: the lab says {"what was wrong" if told else "nothing"}',
             any(told in text for text in said) if told else not said, f'{said}'),
            (f'{name}: the kernel log comes back',
             any('Linux version' in text for text in
                 read_lines(runner.place(f'{name}.dmesg'))), '')]
        if file:
            results.append((f'{name}: a result comes back',
                            os.path.isfile(os.path.join(back, file)), f'{os.listdir(back)}'))
    return report(results, options, boots)
