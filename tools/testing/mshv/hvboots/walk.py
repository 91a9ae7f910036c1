# SPDX-License-Identifier: GPL-2.0-only
#
# The administrator's walk of the documentation: its commands are run as they stand there,
# and what they say is compared with what the page says that was seen.

import os
import re
import shutil
import subprocess
import sys

from .basics import Failure, read_lines
from .boot import SCHEDULERS

PAGE = 'Documentation/virt/hyperv/mshv/walk.rst'
STATISTICS = 'tools/hv/mshv_stat'
# Of our own, beside hvboot.py: it looks at the statistics in all their forms.
LIVE = 'programs/stat_live.py'

# Before and after what a command says, with its number, and then its status.
MARK = '=== walk'
# What is run before the last block, which ends the VMs. The page does not have it.
MORE = 'stat_live.py /lab/mshv_stat'

# What a rule of the page says of an output; SCHEDULER is for one of several.
RULE = re.compile(r'\.\. Rule(?P<scheduler>, \w+)?: (?P<text>.+)')
RANGE = re.compile(r'number (\d+) of line (\d+) is from (\d+) to (\d+)')
INSTEAD = re.compile(r'"(\w+)" for "(\w+)"')
NUMBER = re.compile(r'\d+(?:\.\d+)?')

# Where terminals are described, and the one that the statistics are tried on.
TERMINALS = ('/etc/terminfo', '/lib/terminfo', '/usr/share/terminfo')
TERMINAL = 'v/vt100'
# Of Python's library, what no program here needs, and is large.
LEFT_OUT = ('test', 'tests', 'idlelib', 'dist-packages', 'site-packages', 'lib2to3', 'tkinter',
            'ensurepip', 'pydoc_data', 'config-*', 'libpython*')


class Block:
    """A literal block: its commands, what was seen, and by which rules that may differ."""

    def __init__(self, rules):
        self.commands = []
        self.shown = []         # lines of output
        self.rules = rules      # {scheduler or '': [text]}

    def rules_of(self, scheduler):
        return self.rules.get(scheduler, []) + self.rules.get('', [])


def page():
    """The page, in the tree that this file is in."""
    return os.path.join(root(), PAGE)


def root():
    here = os.path.dirname(os.path.abspath(__file__))
    return os.path.normpath(os.path.join(here, *['..'] * 4))


def blocks(lines):
    """The literal blocks that have commands, which stand behind "# ". A command's lines but
    the last end with a backslash."""
    found, block, rules, goes_on = [], None, {}, False
    for line in lines:
        text = line[2:]
        rule = RULE.fullmatch(line)
        if rule:
            rules.setdefault((rule['scheduler'] or ', ')[2:], []).append(rule['text'])
        elif not line.startswith('  '):
            if line and block:
                block = None
        elif goes_on:
            block.commands[-1] += '\n' + text
        elif text.startswith('# '):
            if block is None:
                block = Block(rules)
                rules = {}
                found.append(block)
            block.commands.append(text[2:])
        elif block is not None:
            block.shown.append(text)
        goes_on = line.endswith('\\') and (goes_on or line.startswith('  # '))
    if not found:
        raise Failure(f'{PAGE} has no command.')
    if rules:
        raise Failure(f'{PAGE} has a rule without a block: {rules}')
    check_rules(found)
    return found


def check_rules(found):
    """A rule that nobody understands would be none."""
    for block in found:
        for text in sum(block.rules.values(), []):
            for part in text.rstrip('.').split('; '):
                if part not in WAYS and not RANGE.fullmatch(part) and \
                        not INSTEAD.fullmatch(part):
                    raise Failure(f'{PAGE} has a rule that is not known: {part}')


def words_alike(shown, said):
    """Whether a word is the same but for its numbers. Where there is nothing to tell, the
    statistics have a "-"."""
    if not re.search(r'\d', shown + said):
        return shown == said
    return '-' in (shown, said) or NUMBER.sub('0', shown) == NUMBER.sub('0', said) or \
        re.fullmatch(r'>?\d+[um]s', shown) is not None and \
        re.fullmatch(r'>?\d+[um]s', said) is not None


def exactly(shown, said):
    return shown == said


def but_for_numbers(shown, said):
    return len(shown) == len(said) and all(
        len(one.split()) == len(other.split()) and
        all(words_alike(*words) for words in zip(one.split(), other.split()))
        for one, other in zip(shown, said))


def nothing(_, said):
    return not said


# How an output may differ from what was seen.
WAYS = {'numbers differ': but_for_numbers, 'nothing': nothing}


def judge(block, scheduler, said):
    """What is wrong with the output of a block; '' if nothing is."""
    rules = [part for text in block.rules_of(scheduler) for part in text.rstrip('.').split('; ')]
    said = [line.rstrip() for line in said if line.strip()]
    shown = [line.rstrip() for line in block.shown if line.strip()]
    for rule in filter(INSTEAD.fullmatch, rules):
        new, old = INSTEAD.fullmatch(rule).groups()
        shown = [re.sub(rf'\b{old}\b', new, line) for line in shown]
    ways = [WAYS[rule] for rule in rules if rule in WAYS] or [exactly]
    if not ways[0](shown, said):
        return f'the page has {shown}, and it said {said}'
    for rule in filter(RANGE.fullmatch, rules):
        which, line, least, most = map(int, RANGE.fullmatch(rule).groups())
        numbers = NUMBER.findall(said[line - 1]) if line <= len(said) else []
        if which > len(numbers) or not least <= float(numbers[which - 1]) <= most:
            return f'{rule}: it said {said}'
    return ''


def script(found):
    """A program for a shell that does them all, and says which is which."""
    commands = [command for block in found[:-1] for command in block.commands]
    return '\n'.join(f'echo "{MARK} {n} begins"\n{command}\necho "{MARK} {n} $?"'
                     for n, command in enumerate([*commands, MORE, *found[-1].commands])) + '\n'


def outputs(lines):
    """What each command has said, and its status; a command that did not end has None."""
    said, now = {}, None
    for line in lines:
        mark = re.fullmatch(MARK + r' (\d+) (begins|\d+)', line)
        if mark and mark.group(2) == 'begins':
            now = said.setdefault(int(mark.group(1)), [None])
        elif mark and int(mark.group(1)) in said:
            said[int(mark.group(1))][0] = int(mark.group(2))
            now = None
        elif now is not None:
            now.append(line)
    return said


def results(name, scheduler, found, lines):
    """Whether each command succeeded, and each block said what it should: for KTAP."""
    said, number = outputs(lines), 0
    for block in found:
        if block is found[-1]:
            yield from live_results(name, said.get(number, [None]))
            number += 1
        text, good = [], True
        for command in block.commands:
            status, *more = said.get(number, [None])
            text += more
            if status != 0:
                good = False
                yield (f'{name}: {command.splitlines()[0]}', False, f'status {status} {more[:5]}')
            number += 1
        wrong = judge(block, scheduler, text) if good else 'a command failed'
        yield f'{name}: {block.commands[-1].splitlines()[0]}', not wrong, wrong


def live_results(name, said):
    """What the program that looks at the statistics has found."""
    status, *lines = said
    tests = [match for match in (re.match(r'(ok|not ok) (.*?)(?: # (.*))?$', line)
                                 for line in lines) if match]
    for test in tests:
        yield f'{name}: mshv_stat: {test.group(2)}', test.group(1) == 'ok', test.group(3) or ''
    # It fails if one of these does, too.
    yield (f'{name}: mshv_stat was tried', status is not None and bool(tests),
           f'{status} {lines[-3:]}')


def read_page():
    return blocks(read_lines(page()))


def name_of(preset):
    """The boot's, and which scheduler's rules are its."""
    return f'lab-walk-{SCHEDULERS[preset]}'


# What the walk finds in /lab.

def take_files(runner, folder):
    """A VMM, and what it boots; the statistics, and the Python for them."""
    os.makedirs(folder)
    for name, source, mode in runner.child():
        put(source, os.path.join(folder, name.lstrip('/')), int(mode, 8))
    put(os.path.join(root(), STATISTICS), os.path.join(folder, 'mshv_stat'), 0o755)
    put(os.path.join(root(), 'tools/testing/mshv', LIVE), os.path.join(folder, 'stat_live.py'),
        0o755)
    take_python(folder)
    for place in TERMINALS:
        if os.path.exists(os.path.join(place, TERMINAL)):
            put(os.path.join(place, TERMINAL), folder + '/lib/terminfo/' + TERMINAL, 0o644)
            return
    raise Failure(f'no terminal {TERMINAL} is described here.\n'
                  'On Debian: apt-get install ncurses-base')


def put(source, target, mode):
    os.makedirs(os.path.dirname(target), exist_ok=True)
    shutil.copyfile(source, target)
    os.chmod(target, mode)


def take_python(folder):
    """The Python of this machine, with its library: folders that stand for the system's."""
    python = '/usr/bin/python3' if os.path.exists('/usr/bin/python3') else sys.executable
    asked = subprocess.run([python, '-c', 'import sys, sysconfig\n'
                            'print(sys.executable, sysconfig.get_path("stdlib"), sep="\\n")'],
                           stdout=subprocess.PIPE, text=True, check=True)
    program, library = asked.stdout.splitlines()
    target = os.path.join(folder, 'usr/lib', os.path.basename(library))
    # With what was compiled, and the times by which that is known to be of these.
    shutil.copytree(library, target, ignore=shutil.ignore_patterns(*LEFT_OUT))
    put(os.path.realpath(program), os.path.join(folder, 'usr/bin/python3'), 0o755)
    os.symlink('/bin/busybox', os.path.join(folder, 'usr/bin/env'))
    modules = os.path.join(target, 'lib-dynload')
    needed = [os.path.join(folder, 'usr/bin/python3'),
              *(os.path.join(modules, name) for name in os.listdir(modules))]
    text = subprocess.run(['ldd', *needed], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                          text=True, check=False).stdout
    for path in sorted(set(re.findall(r'(?:=> |^\s+)(/\S+) \(0x', text, re.M))):
        where = 'lib64' if os.path.basename(path).startswith('ld-') else 'lib'
        put(os.path.realpath(path), os.path.join(folder, where, os.path.basename(path)), 0o755)
