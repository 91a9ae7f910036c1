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
#   hvboot.py [OPTION]... qemu             QEMU as the VMM of an L1VH; KTAP
#   hvboot.py [OPTION]... experiment       what controls of CPU time do to VMs; KTAP
#   hvboot.py [OPTION]... soak             partitions at random, with faults, for long
#   hvboot.py [OPTION]... fuzz             operations at random on /dev/mshv; KTAP
#   hvboot.py [OPTION]... shell [PRESET]   one boot, with a shell in it
#   hvboot.py [OPTION]... lab              somebody's own command, or a shell, in an L1VH
#                                          that has their folder, or is their Debian
#   hvboot.py [OPTION]... lab-check        a test of that; KTAP
#   hvboot.py [OPTION]... boot PRESET [HVEMU-OPTION]...   one boot, its console shown
#
# See the README beside it for what has to be built first, and hvboots/ for all but
# the command line.

import argparse
import os
import random
import re
import subprocess
import sys

from hvboots.basics import Failure, parse_time
from hvboots.boot import Boot, GUEST_MEMORY
from hvboots.check import check
from hvboots.experiment import experiment
from hvboots.fuzz import fuzz, parse_list
from hvboots.lab import FAILED, L0_MEMORY, check_options, lab, lab_check
from hvboots.qemu import qemu
from hvboots.runner import HERE, Kernel, Runner
from hvboots.selftests import selftests
from hvboots.soak import soak
from hvboots.table import compare, table


def prepare_lab(options):
    """What is not given, and what can be known to be wrong before anything is made."""
    # Any status but this may be the command's.
    if options.command == 'lab':
        Failure.status = FAILED
    options.preset = options.preset or 'integrated-on'
    options.cpus = options.cpus or 2
    options.guest_memory = options.guest_memory or (1024 if options.command == 'lab' else 768)
    options.memory = options.guest_memory + L0_MEMORY
    check_options(options)


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
    parser.add_argument('--only', help='check, selftests, qemu, soak, fuzz, experiment, lab-check: only boots '
                        'whose name this regular expression finds')
    parser.add_argument('--ktap', help='check, selftests, qemu, soak, fuzz: where to write the '
                                       'results')
    parser.add_argument('--selftests', help='selftests, table, shell: where they were built')
    parser.add_argument('--tests', default='', metavar='OPTIONS',
                        help="selftests: the program's own options, say '-t mmio'")
    parser.add_argument('--environment', default='', metavar='NAME=VALUE...',
                        help="selftests: the program's, say MSHV_KICKS=100000")
    parser.add_argument('--table', help='selftests with --base: where to write a table')
    parser.add_argument('--csv', help='experiment: where to write the figures')
    parser.add_argument('--runs', type=int, help='experiment: how many (default: 3)')
    parser.add_argument('--debug', help='soak, fuzz, selftests: build folder of a kernel that '
                                        'finds its faults')
    parser.add_argument('--time', type=parse_time, help='soak, fuzz: how long (default: 2h, 5m); experiment: '
                        'each window (default: 20s)')
    parser.add_argument('--seed', type=int, help='soak, fuzz: what chance begins with')
    parser.add_argument('--episode', type=int, help='fuzz: this one alone')
    parser.add_argument('--operations', help='fuzz with --episode: these alone, say 3,64-70')
    parser.add_argument('--busybox', help='shell, table, lab: a static busybox')
    parser.add_argument('--files', help='lab: a folder, /lab in the L1VH')
    parser.add_argument('--run', help='lab: a command, for sh')
    parser.add_argument('--rootfs', help='lab: the image of a system with systemd')
    parser.add_argument('--limit', type=parse_time,
                        help='lab: how long the command may take; selftests: a boot')
    parser.add_argument('--preset', help='lab: what hvemu pretends to be (default: '
                        'integrated-on)')
    parser.add_argument('--cpus', type=int, help='lab: VPs of the L1VH (default: 2)')
    parser.add_argument('--guest-memory', type=int, help='lab: MiB of it (default: 1024)')
    parser.add_argument('--qemu', help='qemu: folder that has it, with its libraries if it is not '
                                       "this machine's")
    parser.add_argument('--short', action='store_true', help='qemu: one row only')
    parser.add_argument('--since', type=float, default=0, help='when all began, for table')
    parser.add_argument('--verbose', action='store_true', help='show every console')
    parser.add_argument('command', choices=('table', 'compare', 'check', 'selftests',
                                            'qemu', 'soak', 'fuzz', 'experiment', 'lab',
                                            'lab-check', 'shell', 'boot'))
    # What follows these two, and the preset, is hvemu's.
    parser.add_argument('arguments', nargs=argparse.REMAINDER)
    options = parser.parse_args()
    more = options.arguments
    if options.command not in ('boot', 'shell'):
        # They may stand before the command or after it.
        options = parser.parse_args(more + [options.command], options)
        if options.arguments:
            parser.error(f'not understood: {options.arguments[0]}')
    for name in ('build', 'tools', 'out', 'selftests', 'files', 'rootfs', 'qemu'):
        if getattr(options, name):
            setattr(options, name, os.path.abspath(getattr(options, name)))

    kernels = {'ours': Kernel(options.build)}
    if options.base:
        kernels['base'] = Kernel(options.base)
    if options.builtin:
        kernels['builtin'] = Kernel(options.builtin)
    if options.debug:
        kernels['debug'] = Kernel(options.debug)
    for name, commands in (('only', 'check selftests qemu soak fuzz experiment lab-check'),
                           ('ktap', 'check selftests qemu soak fuzz experiment lab-check'),
                           ('qemu', 'qemu'), ('short', 'qemu experiment'),
                           ('csv', 'experiment'), ('runs', 'experiment'),
                           ('builtin', 'check'), ('all', 'table compare'),
                           ('base', 'compare selftests'), ('selftests', 'selftests table shell'),
                           ('tests', 'selftests'), ('environment', 'selftests'),
                           ('table', 'selftests'), ('debug', 'selftests soak fuzz'),
                           ('time', 'soak fuzz experiment'),
                           ('seed', 'soak fuzz'), ('episode', 'fuzz'), ('operations', 'fuzz'),
                           ('files', 'lab'), ('run', 'lab'),
                           ('rootfs', 'lab'), ('limit', 'lab selftests'), ('preset', 'lab'),
                           ('cpus', 'lab'), ('guest_memory', 'lab')):
        if getattr(options, name) and options.command not in commands.split():
            raise Failure(f'--{name.replace("_", "-")} means nothing to {options.command}, only to {commands}.')
    if options.command == 'compare' and not options.base:
        raise Failure('compare needs --base.')
    if options.command == 'selftests' and not options.selftests:
        raise Failure('selftests needs --selftests, where they were built.')
    if options.command == 'qemu' and not options.qemu:
        raise Failure('qemu needs --qemu, a folder that has it.')
    if options.command == 'soak' and not options.debug:
        raise Failure('soak needs --debug.')
    if options.operations:
        if options.episode is None:
            raise Failure('--operations needs --episode: they are of one.')
        try:
            parse_list(options.operations)
        except ValueError as error:
            raise Failure(f'--operations: {error}.') from None
    if options.command in ('soak', 'fuzz'):
        options.time = options.time or (7200 if options.command == 'soak' else 300)
        if options.seed is None:
            options.seed = random.randrange(1, 1 << 30)
    if options.command == 'experiment':
        options.time = options.time or 20
        options.runs = options.runs or (1 if options.short else 3)
    if options.command in ('shell', 'lab', 'lab-check') and not options.busybox:
        raise Failure(f'{options.command} needs --busybox, a static one.')
    if options.command in ('lab', 'lab-check'):
        prepare_lab(options)
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
                'qemu': qemu, 'soak': soak, 'fuzz': fuzz, 'experiment': experiment,
                'lab': lab, 'lab-check': lab_check}
    return commands[options.command](runner, options)


if __name__ == '__main__':
    try:
        sys.exit(main())
    except Failure as failure:
        print(f'error: {failure}', file=sys.stderr)
        sys.exit(failure.status)
    except (OSError, re.error, subprocess.CalledProcessError) as failure:
        print(f'error: {failure}', file=sys.stderr)
        sys.exit(Failure.status)
    except KeyboardInterrupt:
        sys.exit(130)
