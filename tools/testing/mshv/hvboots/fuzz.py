# SPDX-License-Identifier: GPL-2.0-only
#
# Operations by chance on /dev/mshv; and of a failure the shortest sequence that still
# fails.

import os
import re

from .basics import named
from .boot import Boot, Program, SCHEDULERS
from .judge import report

# A boot lasts no longer than that; and what it needs to boot, to look for leaks, and to
# end.
FUZZ_BOOT_MAX = 1800
FUZZ_EXTRA = 900
FAIL_TIMEOUT = 3600

# What a part of an episode is tried for: threads do not meet in the same way each time.
REPLAY_SECONDS = 30
REPLAY_BOOTS = 24

# As programs/fuzz.c has it: thread 0 and three others, 64 each.
NUMBERS = 256


class Fuzz(Program):
    """One boot that makes episodes, all of them or parts of some."""

    def __init__(self, name, preset, seconds, seed, *more, kernel='ours'):
        self.seed = seed
        words = [str(word) for word in (seconds, seed, *more)]
        super().__init__(name, preset, '/fuzz', arguments=' '.join(words), kernel=kernel,
                         initramfs='fuzz', append=['kmemleak=on', 'hugepages=8'],
                         proof=[r'^ok \d+ no object is lost'] if kernel == 'debug' else [],
                         timeout=seconds + FUZZ_EXTRA)

    def episode(self):
        """The one that failed, or the last that was begun; None if there is none."""
        last = None
        for line in self.console:
            match = re.match(r'# fuzz: (?:failure seed=\d+ )?episode[= ](\d+)', line)
            if match:
                last = int(match.group(1))
        return last

    def is_good(self):
        return all(good for _, good, _ in self.results())


def parse_list(text):
    """Numbers, as fuzz.c takes them: 3,64-70."""
    numbers = []
    for word in text.split(','):
        match = re.fullmatch(r'(\d+)(?:-(\d+))?', word)
        if not match:
            raise ValueError(f'{word} is neither a number nor a range')
        first = int(match.group(1))
        last = int(match.group(2) or first)
        if last < first or last >= NUMBERS:
            raise ValueError(f'{word} is no range of numbers below {NUMBERS}')
        numbers += range(first, last + 1)
    return numbers


def write_list(numbers):
    """The other way round."""
    words, numbers = [], sorted(set(numbers))
    while numbers:
        length = 1
        while length < len(numbers) and numbers[length] == numbers[0] + length:
            length += 1
        words.append(f'{numbers[0]}-{numbers[length - 1]}' if length > 1 else f'{numbers[0]}')
        numbers = numbers[length:]
    return ','.join(words)


def minimise(items, fails, budget):
    """
    A shorter list for which fails() is still true, by delta debugging: halves first, then
    smaller parts, and what is left when one of them is away. Calls fails() at most budget
    times. Returns the list, and how many calls that took.
    """
    calls, parts = 0, 2
    while len(items) > 1:
        size = -(-len(items) // parts)
        chunks = [items[i:i + size] for i in range(0, len(items), size)]
        # With two of them, what is left away from one is the other.
        rest = [[item for item in items if item not in chunk] for chunk in chunks] \
            if len(chunks) > 2 else []
        for candidate in chunks + rest:
            if calls >= budget:
                return items, calls
            calls += 1
            if fails(candidate):
                parts = max(parts - 1, 2) if candidate in rest else 2
                items = candidate
                break
        else:
            if len(chunks) == len(items):
                break
            parts = min(2 * parts, len(items))
    return items, calls


class Replays:
    """Boots that make one episode of a boot that failed, or parts of it."""

    def __init__(self, runner, failed, kernel):
        self.runner = runner
        self.failed = failed
        self.kernel = kernel
        self.boots = 0
        self.last = None

    def fails(self, numbers=None):
        episode = self.failed.episode()
        self.boots += 1
        boot = Fuzz(f'{self.failed.name}-replay-{self.boots}', self.failed.preset, REPLAY_SECONDS,
                    self.failed.seed, episode, *([write_list(numbers)] if numbers else []),
                    kernel=self.kernel)
        for _ in self.runner.run([boot]):
            pass
        bad = not boot.is_good()
        what = f'{len(numbers)} operations' if numbers else 'the whole episode'
        print(f'    {boot.name}: {what}: {"fails" if bad else "passes"}', flush=True)
        if bad:
            self.last = boot
        return bad


def keep(runner, boot, name):
    """Replays overwrite what a boot has left."""
    for kind, lines in (('console', boot.console), ('events', boot.events)):
        with open(os.path.join(runner.out, f'{name}.{kind}'), 'w', encoding='utf-8') as out:
            out.write('\n'.join(lines) + '\n')


def explain(runner, failed, kernel):
    """The shortest part of an episode that still fails."""
    keep(runner, failed, f'{failed.name}-failed')
    episode = failed.episode()
    if episode is None:
        print(f'{failed.name}: it failed before the first episode', flush=True)
        return
    print(f'{failed.name}: seed {failed.seed}, episode {episode}: looking for what is enough, '
          f'in up to {REPLAY_BOOTS} boots', flush=True)
    replays = Replays(runner, failed, kernel)
    if not replays.fails():
        print(f'    by itself it does not fail in {REPLAY_SECONDS} s. Try again: '
              f'--seed {failed.seed} --episode {episode} fuzz, or all of it', flush=True)
        return
    numbers, _ = minimise(list(range(NUMBERS)), replays.fails, REPLAY_BOOTS - 1)
    keep(runner, replays.last, f'{failed.name}-shortest')
    print(f'    {len(numbers)} operations are enough: --seed {failed.seed} --episode {episode} '
          f'--operations {write_list(numbers)} fuzz', flush=True)
    shown = []
    for line in replays.last.output():
        match = re.match(r'# fuzz:\s+\d+ (.*)', line)
        if match and match.group(1) not in shown:
            shown.append(match.group(1))
    for line in shown[:60]:
        print(f'        {line}', flush=True)


def fail_boots(kernel):
    """Each allocation of loading and unloading fails once; that takes a kernel which can."""
    return [Boot(f'fail-load-{preset}', preset, do='fail-load', kernel=kernel, append=['loglevel=2'],
                 timeout=FAIL_TIMEOUT) for preset in SCHEDULERS if kernel == 'debug']


def fuzz_boots(options, kernel):
    jobs = max(1, min(options.jobs, len(SCHEDULERS)))
    if options.episode is not None:
        more = [options.episode] + ([write_list(parse_list(options.operations))]
                                    if options.operations else [])
        return [Fuzz(f'fuzz-{preset}', preset, options.time, options.seed, *more, kernel=kernel)
                for preset in SCHEDULERS]
    rounds = max(1, round(options.time / FUZZ_BOOT_MAX))
    seconds = max(10, options.time * jobs // len(SCHEDULERS) // rounds)
    seed = options.seed
    boots = []
    for number in range(1, rounds + 1):
        for preset in SCHEDULERS:
            boots.append(Fuzz(f'fuzz-{number}-{preset}', preset, seconds, seed, kernel=kernel))
            seed += 1
    return boots + fail_boots(kernel)


def fuzz(runner, options):
    kernel = 'debug' if options.debug else 'ours'
    boots = named(fuzz_boots(options, kernel), options)
    print(runner.describe())
    print(f'{len(boots)} boots; --seed {options.seed} makes them again', flush=True)
    for boot in runner.run(boots):
        print(f'{boot.name}: status {boot.exit}, {boot.seconds or 0:.0f} s')
        for line in boot.console:
            if re.match(r'# fuzz: (?!episode|\s*\d)|# leak|# failed', line):
                print(f'    {line[2:]}', flush=True)
    results = [result for boot in boots for result in boot.results()]
    if options.episode is None:
        for boot in boots:
            if isinstance(boot, Fuzz) and boot.exit is not None and not boot.is_good():
                explain(runner, boot, kernel)
    return report(results, options, boots)
