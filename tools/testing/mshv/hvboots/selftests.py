# SPDX-License-Identifier: GPL-2.0-only
#
# The kernel's selftests of /dev/mshv.

import re
import time

from .base import selftests_base
from .basics import Failure, minutes, named, print_row
from .boot import Child, SCHEDULERS, Selftest
from .judge import report
from .runner import selftest_names
from .table import child_boots, show_children, show_dispatches

# Selftests that run once more on another hypervisor: options of hvemu, programs, and
# what the event log then has, as an expression, under which schedulers.
WAYS = [
    # Their tests race.
    ('--cpus 4', ('races', 'signals'), r'\d+ vp3 ', ('integrated-on', 'integrated-off')),
    # The kernel is told of EOIs, by messages, and not the VMM, by intercepts.
    ('--eoi message', ('eventfd', 'interrupts'), r' eoi .*posted=yes',
     ('integrated-on', 'integrated-off')),
    # The driver raises interrupts through the register page of VPs that it dispatches.
    ('--injection', ('interrupts', 'races'), ' posted ', ('integrated-on',)),
    # Likewise for eventfds alone; and it says in sysfs whether it does.
    ('--injection', ('eventfd', 'sysfs'), '', ()),
    # Properties are set later than asked for: ASYNC_CALL_COMPLETION.
    ('--slow-properties', ('accessed', 'features', 'files', 'properties'),
     r' message .*type=0x80000070 ', ('integrated-on', 'integrated-off')),
]


def told(preset, way):
    """What a program may know of its machine, as its environment."""
    posts = '--injection' in way.split() and SCHEDULERS[preset] == 'integrated'
    return [f'MSHV_SCHEDULER={SCHEDULERS[preset]}', f'MSHV_INTERRUPT_POSTING={int(posts)}']


def selftest_boots(names, tests, kernel, limit=None, environment=''):
    missing = {name for _, programs, *_ in WAYS for name in programs} - set(names)
    if missing:
        raise Failure(f'there is no selftest {", ".join(sorted(missing))}.')
    # Of some tests only, none may need what shows the way.
    # The kernel hands on to its first program what it does not know itself.
    return [Selftest(name, preset, *way.split(), arguments=tests, kernel=kernel,
                     limit=limit, append=[*told(preset, way), *environment.split()],
                     suffix=re.sub('[ -]+', '-', way).rstrip('-'),
                     proof=[proof] if preset in shown and not tests else [])
            for way, programs, proof, shown in [('', names, '', ()), *WAYS]
            for name in names if name in programs for preset in SCHEDULERS]


def selftests(runner, options):
    if options.base:
        return selftests_base(runner, options)
    boots = named(selftest_boots(selftest_names(options.selftests), options.tests,
                                 'debug' if options.debug else 'ours', options.limit,
                                 options.environment) +
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
