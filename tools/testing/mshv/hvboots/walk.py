# SPDX-License-Identifier: GPL-2.0-only
#
# The administrator's walk of the documentation: its commands are run as they stand there.

import os
import re
import shutil

from .basics import Failure, read_lines

PAGE = 'Documentation/virt/hyperv/mshv/walk.rst'
# Before and after what a command says, with its number, and then its status.
MARK = '=== walk'


class Block:
    """A literal block: its commands, and what the output of them must match."""

    def __init__(self, shows):
        self.shows = shows
        self.commands = []


def page():
    """The page, in the tree that this file is in."""
    here = os.path.dirname(os.path.abspath(__file__))
    return os.path.join(here, *['..'] * 4, PAGE)


def blocks(lines):
    """The blocks with commands. A command's lines but the last end with a backslash."""
    found, shows, goes_on = [], None, False
    for line in lines:
        if goes_on:
            found[-1].commands[-1] += '\n' + line
        elif line.startswith('.. shows: '):
            shows = line[len('.. shows: '):]
            found.append(Block(shows))
        elif line.startswith('  # ') and found:
            found[-1].commands.append(line[4:])
        goes_on = line.endswith('\\') and (goes_on or line.startswith('  # '))
    if not any(block.commands for block in found):
        raise Failure(f'{PAGE} has no command.')
    return found


def script(found):
    """A program for a shell that does them all, and says which is which."""
    commands = [command for block in found for command in block.commands]
    return '\n'.join(f'echo "{MARK} {n} begins"\n{command}\necho "{MARK} {n} $?"'
                     for n, command in enumerate(commands)) + '\n'


def take_files(runner, folder):
    """What the walk finds in /lab: a VMM, and what it boots."""
    for name, source, mode in runner.child():
        target = os.path.join(folder, name.lstrip('/'))
        shutil.copyfile(source, target)
        os.chmod(target, int(mode, 8))


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


def results(name, found, lines):
    """Whether each command succeeded, and each block said what it should: for KTAP."""
    said, number = outputs(lines), 0
    for block in found:
        text = []
        for command in block.commands:
            status, *more = said.get(number, [None])
            text += more
            yield (f'{name}: {command.splitlines()[0]}', status == 0,
                   f'status {status} {more[:5]}')
            number += 1
        yield (f'{name}: what is shown matches {block.shows}',
               any(re.search(block.shows, line) for line in text), f'{text[:8]}')


def read_page():
    return blocks(read_lines(page()))
