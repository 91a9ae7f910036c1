# SPDX-License-Identifier: GPL-2.0-only
#
# Which selftests fail on the kernel without the series, and how.

import os
import re
import subprocess
import sys

from .basics import Failure, read_lines
from .boot import SCHEDULERS, Selftest, TIMEOUT
from .judge import first_complaint
from .runner import selftest_names

# Of selftests on the base kernel: how often what is left of a program after an
# oops is run again, how many tests a kernel command line can name, and after how
# many seconds a boot is given up.
BASE_ROUNDS = 12
BASE_TESTS = 24
BASE_TIMEOUT = 240


class Inquest:
    """What becomes of each test of one program on the base kernel."""

    def __init__(self, program, preset, names):
        self.program = program
        self.preset = preset
        self.names = names
        self.outcomes = {}
        self.boots = 0

    def left(self):
        return [name for name in self.names if name not in self.outcomes]

    def next_boots(self):
        """Boots for what is not known yet; the first one is for all of it."""
        left = self.left()
        if not self.boots:
            shares = [[]]
        else:
            shares = [left[i:i + BASE_TESTS] for i in range(0, len(left), BASE_TESTS)]
        boots = []
        for share in shares:
            self.boots += 1
            boot = Selftest(self.program, self.preset, '--timeout', str(BASE_TIMEOUT),
                            suffix=f'-base-{self.boots}', kernel='base',
                            arguments=' '.join(f'-r {name}' for name in share),
                            append=('oops=panic',))
            boot.inquest = self
            boot.names = share or left
            boots.append(boot)
        return boots

    def take(self, boot):
        """What a boot has shown. One that shows nothing must not be tried again."""
        if boot.exit is None:
            raise Failure(f'{boot.name} was not made to its end: that says nothing of the kernel.')
        _, tests = boot.tests()
        if not tests:
            for name in set(boot.names) & set(self.left()):
                self.outcomes[name] = 'does not begin: ' + (first_complaint(boot.console) or
                                                            f'hvemu status {boot.exit}')
        for test in tests:
            complaint = test.complaint()
            if test.good is None:
                outcome = complaint or ('hangs' if boot.exit == TIMEOUT else 'ends the kernel')
            elif not test.good:
                why = re.sub('^Expected ', 'this is not so: ', test.why())
                outcome = f'fails: {why or "it does not say why"}'
            else:
                outcome = f'skips: {test.skipped}' if test.skipped else 'passes'
            if complaint and test.good is not None:
                outcome += f'; {complaint}'
            self.outcomes[test.name] = outcome


def list_tests(program):
    """The names of a selftest's tests, in the order of their run."""
    text = subprocess.run([program, '-l'], stderr=subprocess.PIPE, text=True, check=False).stderr
    fixtures = []
    for line in text.splitlines()[1:]:
        columns = re.fullmatch(r'(.{20}) (.{25}) (.*)', line)
        if line.startswith('----'):
            continue
        if not columns:
            raise Failure(f'{program} -l says what is not understood: {line}')
        fixture, variant, test = (column.strip() for column in columns.groups())
        if fixture:
            fixtures.append((fixture, [], []))
        if variant:
            fixtures[-1][1].append(variant)
        if test:
            fixtures[-1][2].append(test)
    return ['.'.join(part for part in (fixture, variant, test) if part)
            for fixture, variants, tests in fixtures
            for variant in variants or ['']
            for test in tests]


def selftests_base(runner, options):
    """Which selftests fail on the base kernel, and how."""
    inquests = [Inquest(name, preset, list_tests(os.path.join(options.selftests, name)))
                for name in selftest_names(options.selftests)
                if re.search(options.only or '', name) for preset in SCHEDULERS]
    if not inquests:
        raise Failure(f'no selftest is named like {options.only}.')
    print(runner.describe(), flush=True)
    boots = []
    for number in range(1, BASE_ROUNDS + 1):
        round_boots = [boot for inquest in inquests if inquest.left() or not inquest.boots
                       for boot in inquest.next_boots()]
        if not round_boots:
            break
        print(f'Round {number}: {len(round_boots)} boots', flush=True)
        for boot in runner.run(round_boots):
            boot.inquest.take(boot)
            print(f'  {boot.name}: status {boot.exit}, {boot.seconds or 0:.1f} s, '
                  f'{len(boot.inquest.left())} tests left', file=sys.stderr, flush=True)
        boots += round_boots
    rows, passing = [], 0
    for name in selftest_names(options.selftests):
        pair = {inquest.preset: inquest for inquest in inquests if inquest.program == name}
        for test in next(iter(pair.values())).names if pair else ():
            outcomes = [pair[preset].outcomes.get(test, 'was not run') for preset in SCHEDULERS]
            if all(outcome.startswith(('passes', 'skips')) and ';' not in outcome
                   for outcome in outcomes):
                passing += 1
            else:
                rows.append((f'{name}: {test}', *outcomes))
    summary = (f'{len(rows)} of {len(rows) + passing} tests do not pass on the base kernel, '
               'under one scheduler or both.')
    print()
    for test, *outcomes in rows:
        print(test)
        for scheduler, outcome in zip(SCHEDULERS.values(), outcomes):
            print(f'    {scheduler + ":":12} {outcome}')
    # Of some tests only it would not be the table.
    if options.table and not options.only:
        write_base_table(options, runner.kernels['base'], rows, summary)
    print(f'\n{summary}')
    # Whatever becomes of a test is a result, but not that it was not run.
    return any(inquest.left() for inquest in inquests)


def write_base_table(options, kernel, rows, summary):
    release = read_lines(kernel.file('include/config/kernel.release'))
    with open(options.table, 'w', encoding='utf-8') as out:
        print(f"""\
.. SPDX-License-Identifier: GPL-2.0-only
.. Written by "make selftests SERIES=none"; do not edit.

The selftests on the kernel without the series
==============================================
{summary}
The base kernel is Linux {release[0] if release else 'of an unknown release'}. What a test says when it fails
stands here, or the first line of the kernel's complaint.

.. list-table::
   :header-rows: 1

   * - Test
     - Integrated scheduler
     - Core scheduler""", file=out)
        for test, *outcomes in rows:
            print(f'   * - {literal(test)}', file=out)
            for outcome in outcomes:
                print(f'     - {literal(outcome)}', file=out)


def literal(text):
    """Text in which reStructuredText sees nothing of its own."""
    return '``' + text.replace('``', "''").strip() + '``'
