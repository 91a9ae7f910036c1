# SPDX-License-Identifier: GPL-2.0-only
#
# What controls of CPU time do to VMs in an L1VH, and to processes beside them, under each
# scheduler. programs/experiment.c makes the windows; what a VP got is from the event log.

import csv
import re

from .basics import minutes, named
from .boot import Program, SCHEDULERS
from .judge import report
from .runner import EXPERIMENT_CPUS

CONTROLS = {
    'none': 'nothing',
    'cpu.max': 'a: cpu.max "25000 100000"',
    'cpu.weight': 'cpu.weight 25 and 100',
    'cpuset': 'cpuset.cpus 1, both',
    'affinity': 'taskset 1, both',
    'nice': 'a: nice 5',
    'SCHED_IDLE': 'a: SCHED_IDLE',
    'SCHED_FIFO': 'a: SCHED_FIFO 1',
    'SCHED_RR': 'SCHED_RR 1, both',
    'core-cookie': 'a core cookie each',
}
SHORT = ('none', 'cpu.max')
KINDS = ('process', 'guest')
MODES = ('spin', 'timer')
ROLES = ('a', 'b')

# What a control that says how much gives, per cent of a CPU, of a and of b.
PROMISES = {'cpu.max': (25, 75), 'cpu.weight': (20, 80), 'cpuset': (50, 50),
            'affinity': (50, 50)}

# Percentage points that a VP may be away from a process, or from its promise; and how
# much of what the event log says Linux must have accounted for, per cent.
POINTS = 5
ACCOUNTED = 95

# Microseconds: the longest dispatch. To leave a guest and enter it again takes some 300 of
# them under TCG, so shares are measured with long ones. hvemu sees a tick of the L1VH no
# earlier than at the end of a dispatch, and several ticks in one dispatch are one: so what
# Linux accounts by the tick is measured in a boot of its own, with dispatches that are
# shorter than a tick.
SLICE = 10000
SLICE_ACCOUNTS = 2000

# Reasons for which a control may be left out.
SKIPS = ('No such device',)

COLUMNS = ('run', 'scheduler', 'control', 'mode', 'kind', 'role', 'share', 'place',
           'answers', 'late50', 'late95', 'cpu', 'task_guest', 'task_user', 'stat_guest',
           'cgroup', 'fdinfo', 'seconds')

UNITS = 10000000        # of the event log, in a second
TICK = 0.01             # of /proc


class Experiment(Program):
    """All windows under one scheduler, once; or what Linux accounts, without a control."""

    def __init__(self, run, preset, options, accounts=False):
        self.run = run
        self.scheduler = SCHEDULERS[preset]
        self.accounts = accounts
        self.controls = ('none',) if accounts else SHORT if options.short else tuple(CONTROLS)
        self.modes = MODES[:1] if options.short or accounts else MODES
        windows = len(self.controls) * len(KINDS) * len(self.modes)
        words = [str(options.time), *(['-m', 'spin'] if len(self.modes) == 1 else []),
                 *(self.controls if options.short or accounts else ())]
        super().__init__(f'{self.scheduler}-{run}' + ('-accounts' if accounts else ''),
                         preset, '/experiment', '--cpus', str(EXPERIMENT_CPUS), '--smt',
                         '--slice', str(SLICE_ACCOUNTS if accounts else SLICE),
                         arguments=' '.join(words), initramfs='experiment',
                         timeout=120 + windows * (options.time + 10))
        self.rows = []
        self.skipped = {}
        self.graces = {}        # microseconds, of each window

    def take(self):
        """The figures of each window, out of what the program and the event log say."""
        samples, answers = {}, {}
        for line in self.output():
            words = line.split()
            # The last line of a boot that died may be half a line.
            if line.startswith('# sample ') and len(words) > 7:
                values = {name: int(value) for name, value in
                          (word.split('=') for word in words[7:])}
                samples.setdefault(tuple(words[2:5]), {}).setdefault(words[6], []).append(values)
            elif line.startswith('# answers '):
                answers[tuple(words[2:5])] = {name: int(value) for name, value in
                                              (word.split('=') for word in words[6:])}
            elif line.startswith('# grace '):
                self.graces[tuple(words[2:5])] = [int(word) for word in words[6:]]
            elif line.startswith('# skip '):
                self.skipped[words[2]] = ' '.join(words[3:])
        log = parse_log(self.events)
        for (control, kind, mode), roles in samples.items():
            if control in self.skipped:
                continue
            for number, role in enumerate(ROLES):
                if len(roles.get(role, ())) < 2:
                    continue
                row = self.linux_row(roles[role])
                row.update(run=self.run, scheduler=self.scheduler, control=control, mode=mode,
                           kind=kind, role=role)
                if kind == 'guest':
                    log_row(row, log.get((control, kind, mode)), number)
                elif mode == 'timer' and role == 'a':
                    found = answers.get((control, kind, mode), {})
                    row.update(answers=found.get('count', 0) / row['seconds'],
                               late50=found.get('p50', ''), late95=found.get('p95', ''))
                self.rows.append(row)

    @staticmethod
    def linux_row(samples):
        """What the L1VH's own kernel says: per cent of a CPU."""
        first, last = samples[0], samples[-1]
        seconds = (last['clock'] - first['clock']) / 1e9

        def grown(name, unit):
            return (last[name] - first[name]) * unit / seconds * 100 if name in last else ''
        row = {'seconds': seconds, 'cpu': grown('cpu', 1e-9), 'task_guest': grown('guest', TICK),
               'task_user': grown('user', TICK), 'stat_guest': grown('all', TICK),
               'cgroup': grown('usage', 1e-6) if last['usage'] > first['usage'] else '',
               'fdinfo': grown('run', 1e-9) if last.get('run') else '', 'share': grown('cpu', 1e-9)}
        places = [f'vp{sample["on"]}' for sample in samples]
        row['place'] = shares({place: places.count(place) for place in set(places)})
        return row

    def results(self):
        kept = [row for row in self.rows if row['kind'] == 'guest' and row.get('counted')]
        for control in self.controls:
            if control in self.skipped:
                reason = self.skipped[control]
                yield (f'{self.name}: {control}', reason in SKIPS,
                       f'SKIP {reason}' if reason in SKIPS else f'skipped: {reason}')
                continue
            count = sum(row['control'] == control for row in kept)
            wanted = len(self.modes) * len(ROLES)
            yield (f'{self.name}: {control}: the event log has every window', count == wanted,
                   f'{count} of {wanted} VPs')
        yield from super().results()


def shares(counts):
    """How a thing is spread: 'vp0:25 vp1:75'."""
    total = sum(counts.values())
    return ' '.join(f'{name}:{100 * count / total:.0f}' for name, count in sorted(counts.items())
                    if total and 100 * count / total >= 0.5)


def values_of(line):
    return dict(re.findall(r' ([a-z-]+)=("[^"]*"|\S+)', line))


class LogWindow:
    """What the event log has of one window."""

    def __init__(self):
        self.times = []         # of each sample: {child: (time, run, place)}
        self.dispatched = {}    # child: {VP of the parent: time}
        self.expired = {}       # child: times
        self.intercepts = {}


def parse_log(events):
    """The windows, by control, kind and mode."""
    windows, window = {}, None
    for line in events:
        words = line.split(' ', 3)
        event = words[2]
        if event == 'mark':
            mark = re.search(r'text="(\S+) (process|guest) (\w+) (\d+)"', line)
            window = windows.setdefault(mark.group(1, 2, 3), LogWindow()) if mark else None
            if mark:
                window.times.append({})
            continue
        if window is None or event not in ('child-time', 'dispatched', 'child-timer', 'intercept'):
            continue
        time, values = int(words[0]), values_of(line)
        child = int(values['child'], 16)
        if event == 'child-time':
            window.times[-1][child] = (time, int(values['run']), values['place'])
        elif event == 'dispatched':
            window.dispatched.setdefault(child, []).append((time, words[1], int(values['cpu'])))
        elif event == 'child-timer':
            window.expired.setdefault(child, []).append(time)
        elif 'IO_PORT' in values['name']:
            window.intercepts.setdefault(child, []).append(time)
    return windows


def log_row(row, window, number):
    """What the event log says of a VP: in place of what its thread got."""
    row['share'] = row['place'] = ''
    if not window or len(window.times) < 2:
        return
    children = sorted(set(window.times[0]) & set(window.times[-1]))
    if len(children) != len(ROLES):
        return
    child = children[number]
    begin, run, _ = window.times[0][child]
    end, run_end, _ = window.times[-1][child]
    row['share'] = 100 * (run_end - run) / (end - begin)
    places = {}
    for time, vp, cpu in window.dispatched.get(child, ()):
        if begin <= time <= end:
            places[vp] = places.get(vp, 0) + cpu
    if not places:
        # The hypervisor's threads: one sample each time.
        for sample in window.times:
            place = sample.get(child, (0, 0, 'none'))[2]
            if place != 'none':
                places[place] = places.get(place, 0) + 1
    row['place'] = shares(places)
    row['counted'] = True
    if row['mode'] == 'timer' and row['role'] == 'a':
        late = lateness(window.expired.get(child, []), window.intercepts.get(child, []),
                        begin, end)
        row['answers'] = len(late) * UNITS / (end - begin)
        if late:
            row['late50'] = late[len(late) // 2] // 10
            row['late95'] = late[len(late) * 95 // 100] // 10


def lateness(expired, answered, begin, end):
    """How long after its timer a VP took the interrupt, sorted: of several that it took as
    one, after the first."""
    late, waiting = [], None
    for time, is_answer in sorted([(time, False) for time in expired] +
                                  [(time, True) for time in answered]):
        if not begin <= time <= end:
            continue
        if not is_answer:
            waiting = time if waiting is None else waiting
        elif waiting is not None:
            late.append(time - waiting)
            waiting = None
    return sorted(late)


class Figures:
    """All rows, and what they say together."""

    def __init__(self, boots):
        self.boots = boots
        self.rows = [row for boot in boots for row in boot.rows]
        self.skipped = {name for boot in boots for name in boot.skipped}

    def grace(self, **which):
        values = [value for boot in self.boots if boot.scheduler == which['scheduler']
                  for value in boot.graces.get((which['control'], which['kind'],
                                                which['mode']), ())]
        return f'{sorted(values)[len(values) // 2] / 1000:.1f}' if values else '-'

    def of(self, name, **which):
        """The values of all runs."""
        return [row[name] for row in self.rows if row.get(name, '') != '' and
                all(row[key] == value for key, value in which.items())]

    def mean(self, name, **which):
        values = self.of(name, **which)
        return sum(values) / len(values) if values else None

    def part(self, role, **which):
        """What a or b got, per cent of what the two got."""
        each = {one: self.mean('share', role=one, **which) for one in ROLES}
        return 100 * each[role] / sum(each.values()) if all(each.values()) else None

    def spread(self, name, **which):
        """'25.0 (24.8-25.3)'"""
        values = self.of(name, **which)
        if not values:
            return '-'
        text = f'{sum(values) / len(values):.1f}'
        return text if len(values) == 1 else f'{text} ({min(values):.1f}-{max(values):.1f})'

    def places(self, **which):
        """Of the runs, those that differ."""
        return ' / '.join(dict.fromkeys(self.of('place', **which))) or '-'


def judge(figures, accounts, controls, modes):
    """What must be so, of the means of all runs. What Linux accounts is in @accounts."""
    for control in controls:
        if control in figures.skipped:
            continue
        for mode in modes:
            for number, role in enumerate(ROLES):
                where = {'control': control, 'mode': mode, 'role': role}
                # The emulation takes the same part of all that VPs get, which is not the
                # control's doing; and to a timer it is as late as a dispatch is long.
                if mode == 'spin':
                    yield close(f'{control} {mode} {role}: under integrated, as a process',
                                figures.part(scheduler='integrated', kind='guest', **where),
                                figures.part(scheduler='integrated', kind='process', **where),
                                'of what the two got')
                if control in PROMISES and mode == 'spin':
                    yield close(f'{control} {role}: a process gets what it should',
                                figures.mean('share', scheduler='integrated', kind='process',
                                             **where), PROMISES[control][number])
                core = figures.mean('share', scheduler='core', kind='guest', **where)
                free = figures.mean('share', scheduler='core', kind='guest',
                                    **{**where, 'control': 'none'})
                yield close(f'{control} {mode} {role}: under core, as without it', core, free)
    for control in ('cpuset', 'affinity'):
        places = figures.of('place', scheduler='integrated', control=control, kind='guest')
        if control in controls and control not in figures.skipped:
            yield (f'{control}: under integrated, on that CPU alone', set(places) == {'vp1:100'},
                   ' / '.join(places))
    for name, scheduler in (('task_guest', 'integrated'), ('task_user', 'integrated'),
                            ('cgroup', 'integrated'), ('fdinfo', 'integrated'),
                            ('fdinfo', 'core')):
        where = {'scheduler': scheduler, 'control': 'none', 'mode': 'spin', 'kind': 'guest'}
        part, whole = accounts.mean(name, **where), accounts.mean('share', **where)
        good = bool(part and whole) and part * 100 >= ACCOUNTED * whole
        yield (f'{name} under {scheduler}: at least {ACCOUNTED} % of what the event log has',
               good, '' if part is None or not whole else f'{100 * part / whole:.1f} %')


def close(name, one, other, of_what='of a CPU'):
    if one is None or other is None:
        return name, False, 'it was not measured'
    return name, abs(one - other) <= POINTS, f'{one:.1f} and {other:.1f} % {of_what}'


def write_csv(figures, path):
    with open(path, 'w', encoding='utf-8', newline='') as out:
        writer = csv.writer(out, lineterminator='\n')
        writer.writerow(COLUMNS)
        for row in figures.rows:
            writer.writerow([f'{row[name]:.2f}' if isinstance(row.get(name), float) else
                             row.get(name, '') for name in COLUMNS])


def write_plots(figures, controls, path):
    """What gnuplot reads: for each control, of process, integrated and core the mean, the
    least and the most; blocks are a and b that spin, answers, how late those are."""
    with open(path, 'w', encoding='utf-8') as out:
        for name, mode, role in (('share', 'spin', 'a'), ('share', 'spin', 'b'),
                                 ('share', 'timer', 'a'), ('answers', 'timer', 'a'),
                                 ('late95', 'timer', 'a')):
            print(f'# {name} {mode} {role}', file=out)
            for control in controls:
                cells = [control]
                for scheduler, kind in (('integrated', 'process'), ('integrated', 'guest'),
                                        ('core', 'guest')):
                    values = figures.of(name, control=control, mode=mode, role=role,
                                        scheduler=scheduler, kind=kind) or [float('nan')]
                    cells += [f'{value:.2f}' for value in
                              (sum(values) / len(values), min(values), max(values))]
                if control not in figures.skipped:
                    print(' '.join(cells), file=out)
            print('\n', file=out)


def rst_rows(figures, controls, mode):
    """The rows of a table: what was set, and what each got."""
    for control in controls:
        if control in figures.skipped:
            continue
        for role in ROLES:
            where = {'control': control, 'mode': mode, 'role': role}
            row = [CONTROLS[control] if role == 'a' else '', role]
            if mode == 'spin':
                for scheduler, kind in (('integrated', 'process'), ('integrated', 'guest'),
                                        ('core', 'guest')):
                    row.append(figures.spread('share', scheduler=scheduler, kind=kind, **where))
                row.append(figures.places(scheduler='integrated', kind='guest', **where))
                row.append(figures.places(scheduler='core', kind='guest', **where))
            elif role == 'a':
                row.pop(1)
                for scheduler, kind in (('integrated', 'process'), ('integrated', 'guest'),
                                        ('core', 'guest')):
                    row += [figures.spread(name, scheduler=scheduler, kind=kind, **where)
                            for name in ('share', 'answers', 'late95')]
            else:
                continue
            yield row


def write_table(rows, head, out):
    rows = [head, *rows]
    widths = [max(len(row[i]) for row in rows) for i in range(len(head))]
    line = ' '.join('=' * width for width in widths)
    for number, row in enumerate(rows):
        if number < 2:
            print(line, file=out)
        # An empty first cell would go on with the row before.
        cells = [row[0] or '\\', *row[1:]]
        print(' '.join(f'{cell:<{width}}' for cell, width in zip(cells, widths)).rstrip(),
              file=out)
    print(line, file=out)


SPIN_HEAD = ('control', 'who', 'process', 'integrated', 'core', 'integrated ran on',
             'core ran on')
TIMER_HEAD = ('control', 'process: %', '/s', '95 % us', 'integrated: %', '/s', '95 % us',
              'core: %', '/s', '95 % us')


def write_tables(figures, accounts, controls, modes, out):
    write_table(rst_rows(figures, controls, 'spin'), SPIN_HEAD, out)
    if 'timer' in modes:
        print(file=out)
        write_table(rst_rows(figures, controls, 'timer'), TIMER_HEAD, out)
    print(file=out)
    rows = []
    for scheduler in SCHEDULERS.values():
        where = {'scheduler': scheduler, 'control': 'none', 'mode': 'spin', 'kind': 'guest'}
        rows.append([scheduler, *(accounts.spread(name, **where) for name in
                                  ('share', 'task_guest', 'task_user', 'cgroup', 'stat_guest',
                                   'fdinfo')), accounts.grace(**where)])
    write_table(rows, ('scheduler', 'event log', 'guest_time', 'utime', 'cpu.stat',
                       '/proc/stat, both', 'fdinfo', 'RCU ms'), out)


def experiment(runner, options):
    # Two at a time would take each other's CPUs.
    if runner.accel == 'tcg':
        options.jobs = 1
    boots = named([Experiment(run, preset, options, accounts)
                   for run in range(1, options.runs + 1) for preset in SCHEDULERS
                   for accounts in (False, True)], options)
    print(runner.describe())
    print(f'{len(boots)} boots; windows of {options.time} s', flush=True)
    for boot in runner.run(boots):
        print(f'{boot.name}: status {boot.exit}, {minutes(boot.seconds or 0)} of its time',
              flush=True)
        for line in boot.console:
            if re.match(r'# (failed|skip)\b', line):
                print(f'    {line[2:]}', flush=True)
    # Event logs come when the last boot has ended.
    for boot in boots:
        boot.take()
    # With --only there may be none of either kind.
    figures = Figures([boot for boot in boots if not boot.accounts])
    accounts = Figures([boot for boot in boots if boot.accounts])
    first = next((boot for boot in boots if not boot.accounts), boots[0])
    controls, modes = first.controls, first.modes
    for path in (options.csv, options.csv and re.sub(r'(\.csv)?$', '.rst', options.csv, count=1)):
        if not path:
            continue
        if path.endswith('.rst'):
            with open(path, 'w', encoding='utf-8') as out:
                write_tables(figures, accounts, controls, modes, out)
            with open(path, encoding='utf-8') as table:
                print(table.read(), flush=True)
        else:
            write_csv(figures, path)
            write_plots(figures, controls, re.sub(r'(\.csv)?$', '.dat', path, count=1))
    results = [result for boot in boots for result in boot.results()]
    if not options.only:
        results += list(judge(figures, accounts, controls, modes))
    return report(results, options, boots)
