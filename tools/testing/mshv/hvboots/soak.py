# SPDX-License-Identifier: GPL-2.0-only
#
# Partitions at random, with faults, for long.

import re

from .basics import named
from .boot import Program, SCHEDULERS
from .judge import report

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
