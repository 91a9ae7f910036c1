# SPDX-License-Identifier: GPL-2.0-only
#
# The decision table, of one kernel and of two side by side, and children that run.

import itertools
import re
import time

from .basics import minutes, print_row, since
from .boot import Boot, Child, OFF, SCHEDULERS
from .judge import COMPLAINT

# Rows of the decision table (Documentation/virt/hyperv/mshv/internals.rst):
# preset of hvemu, what the hypervisor offers, and how the driver's decision begins
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
    ('root-classic', 'root, classic without SMT', 'classic scheduler'),
    ('root-classic-smt', 'root, classic with SMT', 'classic-smt scheduler'),
    ('root-core', 'root, core', 'core scheduler'),
    ('root-root', 'root, root', 'root scheduler'),
    ('root-unknown', 'root, unknown type', 'none'),
]

# How Linux in a child shows that it knows which hypervisor it runs on: what it says, and
# what it does by the event log.
ENLIGHTENED = (
    r'^# child: 2 CPUs, clock \S+, timer Hyper-V clockevent, ',
    r'^# child: 2 of 2 processors share memory: 50 pages went, 0 wrong$',
    r' child-msr-write .*name=GUEST_OS_ID value=0x81',
    r' child-timer .*mode=direct .*delivered=yes',
    r' child-hypercall .*name=SEND_IPI .*status=0x0 ',
    r' child-hypercall .*name=FLUSH_VIRTUAL_ADDRESS_(LIST|SPACE) .*status=0x0 ',
)

# What a child does in "table" and "selftests": a program of the parent's, its
# arguments, its answer at a prompt, and what then is in its output or in the event log.
CHILDREN = [
    ('guest code', '/selftests/apic', '-t timer_again', '', r'^ok 1 .*timer_again$'),
    ('Linux', '/vmm',
     '--kernel /child-kernel --initrd /child-initramfs --append quiet --cpus 2', 'echo hello',
     r'^# child: the line ended with status 0$', *ENLIGHTENED),
]

# Likewise under one scheduler each, on hosts that know less: an option of hvemu comes
# before the rest. What the host does not know fails as on such a host; what follows works.
OLDER = [
    # What CPUID tells a VP cannot be asked for. Results are registered all the same.
    ('no CPUID', 'integrated-off', '--no-cpuid-values', '/selftests/intercepts',
     '-t cpuid_values -t cpuid_result', '', r' name=GET_VP_CPUID_VALUES .*status=0x2 ',
     r'^ok \d+ .*cpuid_result$'),
    # A feature without a name is refused: INVALID_PARAMETER. Those with one can be disabled.
    ('strict', 'integrated-on', '--strict-features', '/selftests/features',
     '-t create_v2_unknown_feature -t disabled', '', r' name=CREATE_PARTITION .*status=0x5 ',
     r'^ok \d+ .*popcnt.*disabled$'),
]


def row_boots(rows, kernel='ours', expect=True):
    return [Boot(preset if kernel == 'ours' else f'{kernel}-{preset}', preset,
                 kernel=kernel, expect=decision if expect else '')
            for preset, _, decision in rows]


def race_boot(name, kernel='ours'):
    return Boot(name, 'property-unreadable', '--fault', '0x101=delay:300000', do='race',
                kernel=kernel)


def child_boots():
    return ([Child(what, preset, '', *how) for what, *how in CHILDREN for preset in SCHEDULERS] +
            [Child(*how) for how in OLDER])


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
