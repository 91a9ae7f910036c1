# SPDX-License-Identifier: GPL-2.0-only
#
# Every test of boots, but for the selftests.

import os
import re
import sys

from .basics import Failure, named, read_lines
from .boot import Boot, CRASHED, Program, TIMEOUT, VIOLATION
from .judge import report
from .runner import HERE
from .table import MORE_ROWS, ROWS, race_boot, row_boots

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
        Boot('odd-build', 'integrated-on', '--build', '99999', expect=integrated,
             proof=[r'mshv: hypervisor build 99999 was not validated .*: loading, ']),
        # As a module somebody asked for it, so it says why; built in it is silent, below.
        Boot('plain-guest', 'plain-guest', expect='none',
             proof=[r'mshv: not loading: this is neither a root partition nor an L1VH$']),
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
        Boot('offline-with-messages', 'integrated-on', '--masked', 'hold', do='cycle',
             append=['sent=5']),
        Boot('offline-with-messages-filled', 'integrated-on', do='cycle',
             append=['sent=5', 'all=1']),
        Boot('offline-late-interrupt', 'integrated-on', do='cycle', append=['late=1']),
        hotplug_boot('reboot-with-messages', 'sent=1'),
        hotplug_boot('reboot-late-interrupt', 'late=1'),
        hotplug_boot('reboot-partition-open', 'open=partition'),
        hibernate_boot('hibernate'),
        hibernate_boot('hibernate-with-messages', 'sent=1'),
        hibernate_boot('hibernate-partition-open', 'open=partition'),
        *[hibernate_boot(f'hibernate-{what}', f'changed={fault}@1') for what, fault in CHANGES],
        # l1vh-init is also the program that leaves an orphan.
        Program('orphan', 'integrated-on', '/init', proof=['# the orphan is reaped']),
        Boot('orphan-of-shell', 'integrated-on', do='shell', append=['shell=/init'],
             proof=['# the orphan is reaped']),
        # Which program comes next, for who reads the event log.
        Program('mark', 'integrated-on', '/mark', arguments='the second of three',
                proof=[r' mark text="the second of three"$']),
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
        Boot('faults-overlay', 'integrated-on', do='faults', expect=integrated, timeout=1500,
             append=['faults=' + ','.join(OVERLAY_CALLS)]),
        Boot('faults-deposited', 'integrated-on', '--capabilities', '0x40', do='faults',
             expect=integrated, timeout=1500, append=['faults=' + ','.join(DEPOSIT_CALLS)]),
        Boot('calls-deposited', 'integrated-on', '--capabilities', '0x40', expect=integrated),
    ]
    if 'builtin' in kernels:
        boots += [Boot('built-in', 'integrated-on', kernel='builtin', expect=integrated),
                  Boot('built-in-refuses', 'capabilities-unreadable', kernel='builtin',
                       expect='none'),
                  Boot('built-in-plain-guest', 'plain-guest', kernel='builtin',
                       expect='silence')]
    return boots


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


def check_calls(by_name):
    """The lists of calls to fail are those that a boot makes."""
    for name, calls in (('integrated-on', OVERLAY_CALLS), ('calls-deposited', DEPOSIT_CALLS)):
        if name not in by_name:
            continue
        seen = set(by_name[name].hypercalls())
        missing = sorted(seen - set(calls)) + sorted(set(calls) - seen)
        yield (f'{name}: every hypercall seen is one that is made to fail', not missing,
               ' '.join(missing))


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
