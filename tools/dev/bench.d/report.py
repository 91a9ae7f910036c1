#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Instructions that the driver's paths take: base kernel beside ours.

    report.py BASE-CONSOLE OUR-CONSOLE JSON SVG

Reads what mshv_bench_kunit.c has printed on two consoles, prints a table, writes the
same as JSON, and a plot of what grows with the number of VPs or partitions.
"""

import json
import re
import sys

LINE = re.compile(r'mshv_bench: (.*): vps (\d+) partitions (\d+) '
                  r'instructions (\d+) times (\d+)')
# A figure that differs by more than this between sizes grows.
GROWS = 1.05


def read(console):
    """{(what, vps, partitions): instructions}, in the order of the console."""
    with open(console, encoding='utf-8', errors='replace') as lines:
        found = [match.groups() for line in lines if (match := LINE.search(line))]
    return {(what, int(vps), int(partitions)): int(count) / int(times)
            for what, vps, partitions, count, times in found}


def size_name(vps, partitions):
    if partitions > 1:
        return f'{partitions} partitions'
    return f'{vps} VP{"s" if vps > 1 else ""}'


def number(value):
    return f'{value:.1f}' if value < 1000 else f'{value:.0f}'


def table(base, ours):
    print(f'{"instructions":46} {"base":>9} {"series":>9} {"ratio":>6}')
    last = None
    for key in ours:
        what, vps, partitions = key
        if (vps, partitions) != last:
            print(f'\n  with {size_name(vps, partitions)}')
            last = vps, partitions
        before, after = base.get(key), ours[key]
        print(f'{what:46} {number(before) if before else "-":>9} {number(after):>9} '
              f'{f"{after / before:.2f}" if before else "-":>6}')


def grows(figures, what):
    values = [value for key, value in figures.items() if key[0] == what]
    return len(values) > 1 and max(values) > GROWS * min(values)


def plot(base, ours, path):
    """A bar for each size, base and series side by side, a row for each path."""
    rows = [what for what in dict.fromkeys(key[0] for key in ours)
            if grows(base, what) or grows(ours, what)]
    width, height, left, bar = 760, 24, 300, 10
    parts, y = [], 30
    for what in rows:
        sizes = [key for key in ours if key[0] == what]
        most = max([*(base.get(key, 0) for key in sizes), *(ours[key] for key in sizes)])
        parts.append(f'<text x="8" y="{y + 12}">{what}</text>')
        y += height
        for key in sizes:
            parts.append(f'<text x="{left - 8}" y="{y + 14}" text-anchor="end">'
                         f'{size_name(*key[1:])}</text>')
            for value, colour in ((base.get(key), '#999'), (ours[key], '#36c')):
                if value is not None:
                    length = value / most * (width - left - 80)
                    parts.append(f'<rect x="{left}" y="{y}" width="{length:.0f}" '
                                 f'height="{bar - 2}" fill="{colour}"/>'
                                 f'<text x="{left + length + 4:.0f}" y="{y + 8}" '
                                 f'font-size="9">{number(value)}</text>')
                y += bar
            y += 4
        y += 8
    title = ('instructions: base kernel grey, series blue' if rows else
             'nothing grows with the number of VPs or partitions')
    with open(path, 'w', encoding='utf-8') as svg:
        svg.write(f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{y}" '
                  f'font-family="sans-serif" font-size="12">'
                  f'<text x="8" y="16" font-weight="bold">{title}</text>'
                  f'{"".join(parts)}</svg>\n')


def main():
    base, ours = read(sys.argv[1]), read(sys.argv[2])
    if not base or not ours:
        sys.exit('there are no figures on the console of '
                 f'{"the base kernel" if not base else "ours"}.')
    table(base, ours)
    with open(sys.argv[3], 'w', encoding='utf-8') as out:
        json.dump([{'path': what, 'vps': vps, 'partitions': partitions,
                    'base': base.get((what, vps, partitions)), 'series': value}
                   for (what, vps, partitions), value in ours.items()], out, indent=1)
    plot(base, ours, sys.argv[4])


main()
