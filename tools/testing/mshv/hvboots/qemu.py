# SPDX-License-Identifier: GPL-2.0-only
#
# QEMU, as it is, is the VMM of an L1VH: one boot for each row of a table and each
# scheduler.

import json
import os
import re
import shutil
import struct
import subprocess
import time

from . import elf
from .basics import Failure, minutes, named, PATIENCE, print_row
from .boot import Program, SCHEDULERS
from .judge import parse_selftest, report
from .lab import make_image, measure

# MiB of a guest; of its disk, and of what it writes to all the time.
MEMORY = 96
DISK_MIB = 4
WRITTEN_MIB = 8

# Seconds: a guest comes to its prompt, or answers a line; a boot is given up. On an
# idle machine a tenth of that will do; PATIENCE is for those that are busier still.
BOOTS = 200 * PATIENCE
ANSWERS = 60 * PATIENCE
TIMEOUT = 900 * PATIENCE

BINARY = 'qemu-system-x86_64'
# Stands for it in scripts.
QEMU = '@qemu@'
# What of QEMU's firmware its machines load.
FIRMWARE = ('bios-256k.bin', 'bios-microvm.bin', 'kvmvapic.bin', 'linuxboot_dma.bin',
            'multiboot_dma.bin', 'pvh.bin', 'qboot.rom')
MACHINES = {
    'pc': 'pc',
    'q35': 'q35',
    'microvm': 'microvm,acpi=off,isa-serial=on -no-reboot',
    'microvm-acpi': 'microvm,isa-serial=on -no-reboot',
}
APPEND = 'console=ttyS0 quiet loglevel=1 panic=-1 mitigations=off'


class Log:
    """The event log of a boot, with the steps of its script.

    Only what VMMs ask for is kept: (event, fields) each, in the order of the log.
    """

    KEPT = re.compile(r'\d+ \S+ (mark|child|child-vp|child-activity|hypercall) (.*)')

    def __init__(self, lines):
        self.events = []
        for line in lines:
            kept = self.KEPT.fullmatch(line)
            # Of hypercalls there are millions.
            if kept and (kept[1] != 'hypercall' or ' name=SET_VP_' in line):
                self.events.append((kept[1], dict(re.findall(r'(\S+)=("[^"]*"|\S+)', kept[2]))))

    def step(self, pattern, start=0):
        """Where the log goes on after the mark of a step, or None."""
        return next((at + 1 for at in range(start, len(self.events))
                     if self.events[at][0] == 'mark' and
                     re.match(f'"step {pattern}', self.events[at][1]['text'])), None)

    def partition(self, name):
        """The first partition that was made after the start of a VMM, or None."""
        start = self.step(f'start {name} ')
        if start is None:
            return None
        return next((fields['id'] for event, fields in self.events[start:]
                     if event == 'child' and fields.get('created') == 'yes'), None)

    def of(self, event, partition, start=0, **wanted):
        """The events of a kind about a partition, with those fields."""
        return [fields for kind, fields in self.events[start:]
                if kind == event and fields.get('child') == partition and
                all(fields.get(key) == value for key, value in wanted.items())]


# What GET_VP_STATE and SET_VP_STATE are about (enum hv_get_set_vp_state_type of hvhdk.h).
LAPIC, XSAVE = '0x80000000', '0x80000001'
# The first register of a call that sets a processor's state, and not what suspends a VP
# (enum hv_register_name of hvgdk_mini.h).
X64_REGISTERS = 0x20000


def no_activity_after_reset(log):
    """The VMM has reset the registers of its VPs, and no INTERNAL_ACTIVITY_STATE of them."""
    reset = log.step(".* 'system_reset'")
    partition = log.partition('a')
    if reset is None or partition is None:
        return False
    registers = [call for call in log.of('hypercall', partition, reset, name='SET_VP_REGISTERS')
                 if int(call['selector'], 16) >= X64_REGISTERS]
    return bool(registers) and not log.of('child-activity', partition, reset)


def sets_of(log, partition, state):
    return len(log.of('hypercall', partition, name='SET_VP_STATE', selector=state,
                      status='0x0'))


def no_apic_restored(log):
    """The VMM that goes on with a guest has restored its VPs, and no local APIC of them.

    QEMU sets each local APIC once, when it makes the VP (init_lint() in
    target/i386/mshv/mshv-cpu.c). To restore one is to set it once more.
    """
    partition, source = log.partition('b'), log.partition('a')
    if partition is None:
        return False
    vps = len(log.of('child-vp', partition, created='yes'))
    apics = sets_of(log, partition, LAPIC)
    if not vps or sets_of(log, partition, XSAVE) < vps or apics > vps:
        return False
    # Where the other VMM is in the same log: that has made VPs, and restored none.
    return source is None or apics * len(log.of('child-vp', source, created='yes')) == \
        sets_of(log, source, LAPIC) * vps


class Limit:
    """What cannot be had, and how that shows.

    A row that is only slow may show the same. Then something has to prove the limit: a line
    of the console or of the event log, while there is no line that disproves it, or a
    function that looks at the event log.
    """

    def __init__(self, why, shows, proof=None, disproof=None, proves=None):
        self.why = why
        self.shows = shows
        self.proof = proof
        self.disproof = disproof
        self.proves = proves

    def is_proven(self, console, events):
        def there(pattern):
            return any(re.search(pattern, line) for line in console + events)
        return (not self.proof or there(self.proof)) and \
            not (self.disproof and there(self.disproof)) and \
            (not self.proves or self.proves(Log(events)))


# QEMU's handler of the signal that calls a VP's thread back has nothing to tell the
# driver by ("TODO: call IOCTL to set_immediate_exit, once implemented" in
# accel/mshv/mshv-all.c): what comes while the thread is between two MSHV_RUN_VP is lost,
# and whoever waits for the VP waits on. QEMU sends no other before the thread has come
# back (thread_kicked, in cpus_kick_thread() of system/cpus.c). That it was a signal shows
# when others help, and time alone did not. Any guest may meet that. A guest that does not
# even come to its first words is not forgiven: nobody calls a VP back until then.
KICK_LOST = Limit('QEMU loses a kick that comes between two MSHV_RUN_VP',
                  r'^(?!see \w+ \d+ # guest: ).*but once its threads had more signals')

# QEMU 11.1 saves no state of local APICs and restores none. Nor does it restore
# INTERNAL_ACTIVITY_STATE, so that all VPs but the first wait for a SIPI. The guest's memory
# and its first VP go on, without interrupts.
NO_APIC = Limit('QEMU does not restore local APICs: no interrupts',
                r'^see b \d+ ; 0 pages wrong: not in time; ', proves=no_apic_restored)

# QEMU 11.1 does not handle HVMSG_X64_APIC_EOI (mshv_run_vcpu() of target/i386/mshv), so
# that its I/O APIC never learns that a level-triggered interrupt was served, and does not
# send it again: in the event log there is one ASSERT_VIRTUAL_INTERRUPT, and one
# X64_APIC_EOI. A microvm with ACPI has such an interrupt for its serial port.
NO_EOI = Limit('QEMU sends a level-triggered interrupt once',
               r'^see a \d+ # guest: .*not in time; ', proof=r' intercept .*name=X64_APIC_EOI ')

# QEMU 11.1 does nothing about HVMSG_UNRECOVERABLE_EXCEPTION: mshv_run_vcpu() says
# MshvVmExitShutdown, and mshv_cpu_exec() (accel/mshv/mshv-all.c) runs the VP on. A microvm
# without ACPI has no other way to be reset.
NO_SHUTDOWN = Limit('QEMU does not see a triple fault',
                    r'^end a \d+ 0: it does not end; its last words: reboot: Restarting',
                    proof=r' intercept .*name=UNRECOVERABLE_EXCEPTION ')

# QEMU says itself that it cannot. It sets the registers of each VP as of a reset, but not
# INTERNAL_ACTIVITY_STATE: VP 0 stays halted if it was, and the others do not wait for a
# start-up IPI if they were not. These run the firmware, too, until QEMU cannot emulate what
# they do. A guest that reboots itself has VP 0 at work and the others halted.
NO_RESET = Limit('QEMU does not reset INTERNAL_ACTIVITY_STATE',
                 r'^see a \d+ guest# : (not in time; |.*Failed to run on vcpu)',
                 proof=r'accelerator does not support reset', proves=no_activity_after_reset)


def flat(steps):
    """The lines of steps that are made of steps."""
    for step in steps:
        if isinstance(step, str):
            yield step
        else:
            yield from flat(step)


class Row:
    """One thing that is tried: its name, and the script that tries it (drive.c)."""

    def __init__(self, name, *steps, limits=(), after=None):
        self.name = name
        # The row that leaves a disk for this one, made under the other scheduler.
        self.after = after
        self.script = '\n'.join(flat(steps)) + '\n'
        self.limits = limits


def start(machine, cpus, *more, name='a', kernel='vmlinux', append=APPEND):
    """Start a QEMU whose guest says its first words on the serial port."""
    words = [f'start {name} {QEMU} -L /qemu/firmware -nodefaults -no-user-config',
             f'-display none -accel mshv -M {MACHINES[machine]} -m {MEMORY} -smp {cpus}',
             '-serial stdio',
             f'-qmp unix:/tmp/{name}.qmp,server=on,wait=off',
             f'-monitor unix:/tmp/{name}.monitor,server=on,wait=off']
    if kernel:
        words.append(f'-kernel /qemu/guest/{kernel} -initrd /qemu/guest/initramfs -append "{append}"')
    return ' '.join([*words, *more])


def see(text, name='a', seconds=ANSWERS):
    return f'see {name} {seconds} {text}'


def prompt(name='a'):
    return see('guest# ', name, BOOTS)


def say(line, name='a'):
    return f'say {name} {line}'


def tell(line, answer, name='a', seconds=ANSWERS):
    """A line at the prompt, what comes of it, and the next prompt."""
    return [say(line, name), see(answer, name, seconds), see('guest# ', name)]


def end(status=0, name='a'):
    return f'end {name} {ANSWERS} {status}'


def qmp(command, name='a', seconds=ANSWERS, **arguments):
    return f'qmp {name} {seconds} ' + as_json(command, arguments)


def off(name='a', machine=''):
    """By the guest; where nothing is that powers a machine off, by QEMU."""
    if machine == 'microvm':
        return [qmp('quit', name), end(name=name)]
    return [say('off', name), end(name=name)]


def until(text, command, name='a', seconds=ANSWERS):
    return f'until {name} {seconds} {text} ' + as_json(command, {})


def as_json(command, arguments):
    return json.dumps({'execute': command,
                       **({'arguments': arguments} if arguments else {})})


def event(what, name='a', seconds=ANSWERS):
    return f'event {name} {seconds} {what}'


def monitor(line, *answers, name='a', seconds=ANSWERS):
    return [f'monitor {name} {seconds} {line}', *[f'answer {answer}' for answer in answers]]


def boot(machine, cpus, *more, **how):
    """To the prompt."""
    return [start(machine, cpus, *more, **how),
            see(f'# guest: {cpus} CPUs', how.get('name', 'a'), BOOTS),
            see('guest# ', how.get('name', 'a'))]


def whole(machine, cpus, *more, **how):
    """To the prompt, a line, power-off."""
    return [boot(machine, cpus, *more, **how), tell('echo hello', '# hello'),
            off(machine=machine)]


def disk(kind, path, name='disk'):
    """A disk of a kind that is a device of QEMU's."""
    return f'-drive file={path},format=raw,if=none,id={name} -device {kind},drive={name}'


def virtio(suffix):
    """Everything virtio that our kernel knows, without a ROM that boots from networks."""
    rom = ',romfile=' if suffix == 'pci' else ''
    devices = [disk(f'virtio-blk-{suffix}', '/tmp/disk'),
               f'-netdev user,id=net -device virtio-net-{suffix},netdev=net{rom}',
               f'-device virtio-serial-{suffix} -chardev file,id=hvc,path=/tmp/console',
               '-device virtconsole,chardev=hvc',
               f'-device virtio-rng-{suffix}']
    return ' '.join(devices)


def virtio_row(machine, suffix, cpus):
    kept = disk(f'virtio-blk-{suffix}', '/tmp/disk')
    return Row(f'{machine}-virtio', f'file /tmp/disk {DISK_MIB << 20}',
               boot(machine, cpus, virtio(suffix)),
               tell('disk write 7', f'# disk: wrote {DISK_MIB << 10} KiB', seconds=BOOTS),
               tell('disk check 7', f'# disk: read {DISK_MIB << 10} KiB, all as written',
                    seconds=BOOTS),
               tell('net', '# net: the peer answers'),
               tell('console words', '# console: said'), 'holds /tmp/console 5 words',
               off(machine=machine),
               # Another machine finds what the first has written.
               boot(machine, cpus, kept, name='b'),
               tell('disk check 7', 'all as written', 'b', seconds=BOOTS), off('b', machine))


def disk_row(name, machine, kind):
    """Firmware, from a disk: our boot sector, which loads a bzImage."""
    return Row(name, 'copy /qemu/guest/disk /tmp/boot',
               boot(machine, 1, disk(kind, '/tmp/boot', 'boot'), kernel=None),
               tell('echo hello', '# hello'), off(machine=machine))


BUSY = tell('busy', '# busy')
EXITS = tell('exits', '# busy')

# What the guest has said last it has written to a port: let it end that.
QUIET = f'wait {1000 * PATIENCE}'
STOP = [QUIET, qmp('stop'), event('STOP'), qmp('query-status'), 'answer "status": "paused"',
        say('echo again'), 'silent a 2', qmp('cont'), event('RESUME'), see('# again'),
        see('guest# ')]
REGISTERS = [QUIET, monitor('info registers -a', 'CPU#0', 'CPU#1', 'RIP=', 'CR3=')]
RESET = [QUIET, qmp('system_reset'), event('RESET'), see('guest# ')]
DUMP = [QUIET, qmp('dump-guest-memory', paging=False, protocol='file:/tmp/dump', seconds=BOOTS),
        'holds /tmp/dump 5 Linux version ']
QUIT = [qmp('quit'), end()]


def at(name, steps, *, machine='q35', cpus=2, times=1, limits=()):
    """A thing that is done to a guest that is idle, and to one that is busy."""
    return [Row(f'{name}-idle', boot(machine, cpus), steps * times,
                tell('echo hello', '# hello'), off(), limits=limits),
            Row(f'{name}-busy', boot(machine, cpus), BUSY, steps * times,
                tell('echo hello', '# hello'), 'signal a 9', end(137),
                limits=limits)]


def exits(name, steps):
    """Likewise, to a guest that leaves to QEMU all the time: again and again."""
    return Row(f'{name}-exits', boot('q35', 2), EXITS, steps * 10, 'signal a 9', end(137))


MIGRATED = 'query-migrate'
FAST = qmp('migrate-set-parameters', **{'max-bandwidth': 1 << 40, 'downtime-limit': 30000})


def writing(name='a'):
    """A guest that writes to its memory all the time."""
    return tell(f'memory {WRITTEN_MIB}', f'# memory: {WRITTEN_MIB * 256} pages', name,
                seconds=BOOTS)


def written(name):
    """It still writes, and all that it wrote is there: seen from outside, and told."""
    return ['wait 3000',
            qmp('dump-guest-memory', name, paging=False, protocol='file:/tmp/dump',
                seconds=BOOTS),
            'holds /tmp/dump 5 guest memory: 0 pages wrong', say('memory check', name),
            see('; 0 pages wrong', name), see('guest# ', name)]


def incoming(uri, machine, cpus, name='b'):
    return start(machine, cpus, '-incoming', uri, name=name)


def to_file(machine, cpus, *before):
    return [boot(machine, cpus), writing(), QUIET, *before, FAST,
            qmp('migrate', uri='file:/tmp/state'),
            until('completed', MIGRATED, seconds=BOOTS), qmp('quit'), end()]


def from_file(machine, cpus):
    return [incoming('file:/tmp/state', machine, cpus),
            until('true', 'query-status', 'b', BOOTS), written('b'),
            tell('echo there', '# there', 'b'), off('b')]


def live(machine, cpus):
    return [boot(machine, cpus), writing(),
            incoming('unix:/tmp/migration', machine, cpus), qmp('query-status', 'b'), QUIET, FAST,
            qmp('migrate', uri='unix:/tmp/migration'),
            until('completed', MIGRATED, seconds=2 * BOOTS),
            until('true', 'query-status', 'b', BOOTS), qmp('quit'), end(),
            written('b'), tell('echo there', '# there', 'b'), off('b')]


KILL = ['signal a 9', end(137), 'partitions 5 0', 'reload']

# Out of one boot, and into the next.
STATE_DISK = '/dev/vdb'
CARRIED = Row('carry-out', to_file('q35', 1), f'copy /tmp/state {STATE_DISK}')

ROWS = [
    *[Row(f'{machine}-{cpus}', whole(machine, cpus)) for machine in ('pc', 'q35', 'microvm')
      for cpus in (1, 2, 4)],
    Row('microvm-acpi', start('microvm-acpi', 1), see('# guest: 1 CPUs'), limits=[NO_EOI]),
    # Without "reboot=t" Linux reads the port of a keyboard controller, which a microvm has
    # not, 1,310,720 times before it tries a triple fault.
    Row('microvm-reboot', boot('microvm', 1, append=f'{APPEND} reboot=t'), say('reboot'),
        see('Restarting system'), end(), limits=[NO_SHUTDOWN]),
    Row('pc-bzimage', whole('pc', 1, kernel='bzImage')),
    # Not IDE: SeaBIOS reads such disks by PIO, and QEMU asks the hypervisor to translate
    # an address for each word: hours, for a kernel.
    # Nor a microvm: qboot, its firmware without ACPI, boots no disks.
    disk_row('pc-disk', 'pc', 'virtio-blk-pci'),
    disk_row('q35-disk', 'q35', 'ide-hd'),
    virtio_row('pc', 'pci', 1),
    virtio_row('q35', 'pci', 2),
    virtio_row('microvm', 'device', 2),
    *at('stop', STOP, times=3),
    exits('stop', [qmp('stop'), event('STOP'), qmp('cont'), event('RESUME')]),
    *at('registers', REGISTERS, times=5),
    exits('registers', REGISTERS),
    *at('reset', RESET, limits=[NO_RESET]),
    Row('reboot', boot('q35', 2), say('reboot'), event('RESET'), see('guest# '),
        tell('echo hello', '# hello'), off()),
    *at('dump', DUMP),
    Row('quit-idle', boot('q35', 2), QUIET, QUIT),
    Row('quit-busy', boot('q35', 2), BUSY, QUIET, QUIT),
    Row('quit-early', start('q35', 2), qmp('query-status'), QUIT),
    Row('migrate-file', to_file('q35', 2), from_file('q35', 2), limits=[NO_APIC]),
    Row('migrate-stopped', to_file('q35', 1, qmp('stop')),
        incoming('file:/tmp/state', 'q35', 1),
        until('paused', 'query-status', 'b', BOOTS), qmp('cont', 'b'), written('b'), off('b'),
        limits=[NO_APIC]),
    CARRIED,
    Row('carry-in', f'copy {STATE_DISK} /tmp/state', from_file('q35', 1), after=CARRIED,
        limits=[NO_APIC]),
    Row('migrate-live', live('pc', 1), limits=[NO_APIC]),
    Row('kill-idle', boot('q35', 2), KILL),
    Row('kill-busy', boot('q35', 2), BUSY, writing(), KILL),
    Row('kill-early', start('q35', 4), qmp('query-status'), 'wait 1500', KILL),
]

# What "make check" does.
SHORT = ('pc-1',)


def other(preset):
    """The other scheduler."""
    return next(name for name in SCHEDULERS if name != preset)


def with_what_they_need(boots):
    """Boots, each after the one that it needs."""
    made = {(boot.row, boot.preset): boot for boot in boots}
    for row, preset in list(made):
        if row.after:
            made.setdefault((row.after, other(preset)), Qemu(row.after, other(preset)))
    return sorted(made.values(), key=lambda boot: ROWS.index(boot.row))


class Qemu(Program):
    """One boot that does one row."""

    def __init__(self, row, preset):
        self.row = row
        super().__init__(f'{row.name}-{preset}', preset, '/drive',
                         arguments=f'/scripts/{row.name}', initramfs='qemu', timeout=TIMEOUT)
        # Whoever leaves a disk, and whoever finds it: by the scheduler of the former.
        if row is CARRIED:
            self.chain = f'carried-{preset}'
        elif row.after is CARRIED:
            self.chain = f'carried-{other(preset)}'

    def outcome(self):
        """(good, words) of the row itself."""
        _, tests = parse_selftest(self.output())
        if len(tests) != 1 or tests[0].good is None:
            return False, 'it was not done to its end'
        left = next((line for line in self.output() if line.startswith('# afterwards: ')), '')
        if left:
            return False, left[2:]
        reason = next((match.group(1) for match in
                       (re.match(r'not ok 1 \S+ # (.*)', line) for line in self.output())
                       if match), '')
        limits = self.row.limits
        if tests[0].good:
            if limits:
                return False, f'this works now, and is no limit any more: {limits[0].why}'
            return True, ''
        shown = [limit for limit in (*limits, KICK_LOST)
                 if re.search(limit.shows, reason)]
        if not shown and not limits:
            return False, reason
        if not shown:
            return False, f'not the limit that is known: {reason}'
        for limit in shown:
            if limit.is_proven(self.console, self.events):
                return True, f'limit: {limit.why} ({reason})'
        return False, f'neither the console nor the event log proves the limit: {reason}'

    def results(self):
        good, words = self.outcome()
        limited = good and bool(words)
        yield self.name, good, words
        for name, good, detail in super().results():
            # A row that fails by its limit ends the program with a status.
            if limited and name == f'{self.name}: /drive ends with status 0':
                continue
            yield name, good, detail


class Tree:
    """A folder with a QEMU, and where things are in it."""

    def __init__(self, folder):
        self.folder = folder
        self.files = {}
        for place, _, names in os.walk(folder):
            for name in names:
                self.files.setdefault(name, []).append(os.path.join(place, name))
        self.binary = self.find(BINARY)
        if not self.binary:
            raise Failure(f'{folder} has no {BINARY}.')

    def find(self, name):
        """A file by its name: that nearest to the top."""
        return min(self.files.get(name, ()), key=lambda path: path.count('/'), default=None)

    def libraries(self):
        """The loader, and where each library is: in the folder, or else on this machine."""
        loader, todo = needs(self.binary)
        found, here = {}, None
        while todo:
            name = todo.pop()
            if name in found:
                continue
            path = self.find(name)
            if not path:
                here = machine_libraries(self.binary) if here is None else here
                path = here.get(name)
            if not path:
                raise Failure(f'{self.binary} needs {name}, which is neither in {self.folder} '
                              'nor on this machine.')
            found[name] = path
            todo += needs(path)[1]
        if loader:
            name = os.path.basename(loader)
            found[name] = self.find(name) or loader
        return os.path.basename(loader), found

    def firmware(self):
        files = {name: self.find(name) for name in FIRMWARE}
        missing = [name for name, path in files.items() if not path]
        if missing:
            raise Failure(f'{self.folder} has no {missing[0]}, which is firmware of QEMU\'s.')
        return files


def needs(path):
    """What a file needs to be loaded: loader, libraries."""
    data = read_bytes(path)
    try:
        return elf.needs(data) if data[:4] == b'\x7fELF' else ('', [])
    except (ValueError, IndexError, struct.error) as error:
        raise Failure(f'{path} cannot be run in an L1VH: {error}') from None


def machine_libraries(binary):
    """Where the loader of this machine finds libraries."""
    text = subprocess.run(['ldd', binary], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                          text=True, check=False).stdout
    return dict(re.findall(r'^\s*(\S+) => (/\S+)', text, re.M))


# As boot-sector.S has them: bytes of a chunk; where its table is, and the initramfs goes.
CHUNK = 64 * 512
DISK_TABLE = 8
INITRD_ADDRESS = 80 << 20


def padded(data, size):
    return data + bytes(-len(data) % size)


def make_disk(sector, kernel, initrd, append):
    """A disk that the BIOS boots: our boot sector, a bzImage, an initramfs."""
    setup_size = ((kernel[0x1f1] or 4) + 1) * 512
    body, ramdisk = padded(kernel[setup_size:], CHUNK), padded(initrd, CHUNK)
    # In sectors: the boot sector, the command line, what the real mode has.
    first = 2 + setup_size // 512
    table = struct.pack('<HHIHHIII', setup_size // 512, len(body) // CHUNK, first,
                        len(ramdisk) // CHUNK, 0, first + len(body) // 512, INITRD_ADDRESS,
                        len(initrd))
    disk = bytearray(sector)
    disk[DISK_TABLE:DISK_TABLE + len(table)] = table
    return bytes(disk) + padded(append.encode() + b'\0', 512) + kernel[:setup_size] + \
        body + ramdisk


def read_bytes(path):
    with open(path, 'rb') as file:
        return file.read()


def leave_room(path):
    """Have an initramfs end at the beginning of a page."""
    # QEMU puts a microvm's initramfs into the last pages of the memory, the firmware has
    # put the ACPI tables at the very end: an initramfs that ended at 0x5fffe00 was seen
    # over a DSDT at 0x5fffd00. What is added here are zeroes.
    size = os.path.getsize(path)
    os.truncate(path, size + -size % 4096 + 16)


def prepare(runner, options):
    """The disk with QEMU and its guests; what starts QEMU there."""
    kernel = runner.kernels['ours']
    tree = Tree(options.qemu)
    loader, libraries = tree.libraries()
    runner.initramfs('guest-initramfs', kernel,
                     [('/init', runner.stripped('guest-init')[1], '755')],
                     ('/dev', '/proc', '/sys'))
    leave_room(runner.place('guest-initramfs'))
    with open(runner.place('guest-disk'), 'wb') as out:
        out.write(make_disk(read_bytes(runner.tool('boot-sector')),
                            read_bytes(runner.place('ours-bzImage')),
                            read_bytes(runner.place('guest-initramfs')), APPEND))
    files = {BINARY: tree.binary,
             **{f'lib/{name}': path for name, path in libraries.items()},
             **{f'firmware/{name}': path for name, path in tree.firmware().items()},
             'guest/vmlinux': runner.place('ours-vmlinux'),
             'guest/bzImage': runner.place('ours-bzImage'),
             'guest/initramfs': runner.place('guest-initramfs'),
             'guest/disk': runner.place('guest-disk')}
    folder = runner.place('qemu')
    shutil.rmtree(folder, ignore_errors=True)
    for name, path in files.items():
        to = os.path.join(folder, name)
        os.makedirs(os.path.dirname(to), exist_ok=True)
        shutil.copyfile(path, to)
        os.chmod(to, 0o755)
    size, count = measure(folder)
    make_image(runner.place('qemu.img'), size + size // 8 + 16, '-b', '4096', '-d',
               folder, count=count)
    shutil.rmtree(folder)
    if not loader:
        return f'/qemu/{BINARY}'
    return f'/qemu/lib/{loader} --library-path /qemu/lib /qemu/{BINARY}'


def give_scripts(runner, boots, program):
    """What each boot is to do, where drive finds it; its disks."""
    os.makedirs(runner.place('scripts'), exist_ok=True)
    files = [runner.stripped('drive')]
    for row in dict.fromkeys(boot.row for boot in boots):
        path = runner.place(f'scripts/{row.name}')
        with open(path, 'w', encoding='utf-8') as out:
            out.write('mount /dev/vda /qemu\n' + row.script.replace(QEMU, program))
        files.append((f'/scripts/{row.name}', path, '644'))
    runner.with_files('qemu', files, ('/qemu', '/scripts'))
    for boot in boots:
        boot.disks.append((runner.place('qemu.img'), True))
        if boot.chain:
            path = runner.place(f'{boot.chain}.img')
            with open(path, 'wb') as out:
                out.truncate(2 * MEMORY << 20)
            boot.disks.append((path, False))


def qemu(runner, options):
    """Make the boots, print the table as they end, and judge."""
    rows = [row for row in ROWS if not options.short or row.name in SHORT]
    tried = with_what_they_need(named([Qemu(row, preset) for row in rows
                                       for preset in SCHEDULERS], options))
    give_scripts(runner, tried, prepare(runner, options))
    print(runner.describe())
    print()
    widths = (28, 10, 8, 7, 60)
    print_row(('Row', 'Scheduler', 'Result', 'Time', ''), widths)
    print('-' * (sum(widths) + 2 * len(widths) - 2))

    def show(boot, good, words):
        result = 'FAILED' if not good else 'limit' if words else 'ok'
        print_row((boot.row.name, SCHEDULERS[boot.preset], result, f'{boot.seconds or 0:.1f} s',
                   words), widths)

    begun = time.time()
    later = []
    for boot in runner.run(tried):
        good, words = boot.outcome()
        # Event logs come when an L0 ends.
        if not good and boot.row.limits and not boot.events:
            later.append(boot)
        else:
            show(boot, good, words)
    for boot in later:
        show(boot, *boot.outcome())
    print()
    return report([result for boot in tried for result in boot.results()], options, tried,
                  f'It took {minutes(time.time() - begun)}.')
