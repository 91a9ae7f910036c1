# SPDX-License-Identifier: GPL-2.0-only
#
# What everything here needs.

import argparse
import os
import re
import time

# How many times as long things may take, on a machine that is busy with other work.
PATIENCE = max(1, int(os.environ.get('PATIENCE') or 1))


class Failure(Exception):
    """Something the user can mend; its text says how."""

    status = 1


def read_lines(path):
    if not os.path.exists(path):
        return []
    with open(path, encoding='utf-8', errors='backslashreplace') as file:
        return [line.rstrip('\r\n') for line in file]


def parse_time(text):
    match = re.fullmatch(r'(\d+)([smh]?)', text)
    if not match:
        raise argparse.ArgumentTypeError(f'{text} is no time: give 90s, 10m or 2h')
    return int(match.group(1)) * {'': 1, 's': 1, 'm': 60, 'h': 3600}[match.group(2)]


def minutes(seconds):
    return f'{int(seconds) // 60}:{int(seconds) % 60:02}'


def since(options):
    """Seconds since whatever called us began."""
    return time.time() - options.since


def print_row(columns, widths):
    print('  '.join(f'{text:<{width}}' for text, width in zip(columns, widths)).rstrip(),
          flush=True)


def named(boots, options, or_none=False):
    """Those that --only asks for."""
    if options.only:
        boots = [boot for boot in boots if re.search(options.only, boot.name)]
        if not boots and not or_none:
            raise Failure(f'no boot is named like {options.only}.')
    return boots
