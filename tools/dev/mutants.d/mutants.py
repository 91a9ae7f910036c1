#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
#
# Deliberate faults, called mutants, for tools/dev/mutants: those that the *.mutants
# files beside this list, and those that rules make of the C code.
#
#   mutants.py list BASE TREE          a line each, tabs between: origin (hand or rule),
#                                      suite, which part of it, "survives" or -, key, name
#   mutants.py reason BASE TREE NAME   why nothing catches it, where a file says so
#   mutants.py file BASE TREE NAME     the file that it changes
#   mutants.py make BASE TREE NAME     that file with the fault, on standard output
#   mutants.py check BASE TREE         prints what is wrong with the list, a line each
#   mutants.py bundle BASE TREE OUT    all KUnit mutants that are named on standard input
#                                      in one kernel: the files that change, in OUT, and
#                                      OUT/map: a line each, tabs between: number, name.
#                                      mshv_mutant=NUMBER on the kernel's command line
#                                      chooses one. What is not in the map has to be made
#                                      alone, as it changes more than functions
#   mutants.py blame OUT LOG           the names of those that gcc complains of
#   mutants.py judge CONSOLE [GOOD]    the first thing that is wrong in a KUnit run, or
#                                      nothing; with GOOD, the console of the same tests
#                                      without a fault, also what has no result
#
# TREE is the composed kernel without a fault, BASE the kernel that it was composed on.
#
# A *.mutants file has paragraphs of "word: text" lines. One without "mutant:" holds
# from there on:
#
#   file:      the file that is changed
#   suite:     what is to catch it: "kunit GLOB", where GLOB is of suite.case and is
#              tried before all others; "l1vh BOOT"; "selftests PROGRAM", where
#              PROGRAM may be an expression for several; "soak"
#   mutant:    the name
#   make:      a perl expression, which sees the whole file as one string. It has to
#              change the file; several lines are several statements
#   survives:  why nothing catches it
#   rules:     faults by rule are made in the functions of the file whose names match
#              this expression, and no earlier one; the suite is theirs
#
# "survives:" after "mutant: rule ..." is the reason of one that a rule makes.
#
# The rules are below, in RULES. Of what they make of a file, one in SAMPLE is taken, and
# at least one: those whose names have the smallest SHA-256. So the choice is the same
# each time, and a changed line changes it by itself alone. Of an existing kernel file
# only lines that the series has added count.

import difflib
import hashlib
import os
import re
import subprocess
import sys
from collections import namedtuple
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent.parent / 'testing/mshv'))
from hvboots.judge import COMPLAINT     # noqa: E402 pylint: disable=wrong-import-position

SAMPLE = int(os.environ.get('SAMPLE') or 8)
SUITES = ('kunit', 'l1vh', 'selftests', 'soak')

Mutant = namedtuple('Mutant', 'name file suite arg make survives where')


class Wrong(Exception):
    """Something that is wrong with a list."""


def paragraphs(path):
    """The paragraphs of a *.mutants file: line number, {word: text}."""
    number, found, start = 0, {}, 0
    with open(path, encoding='utf-8') as file:
        for number, line in enumerate(file, 1):
            line = line.rstrip('\n')
            if line.startswith('#'):
                continue
            if not line:
                if found:
                    yield start, found
                found = {}
                continue
            match = re.fullmatch(r'(file|suite|mutant|make|survives|rules): +(.*)', line)
            if not match:
                raise Wrong(f'{path.name}:{number}: no line of a list: {line}')
            if not found:
                start = number
            word, text = match.groups()
            # The text of a reason goes on as prose does, that of a fault as code does.
            between = ';\n' if word == 'make' else ' '
            found[word] = f'{found[word]}{between}{text}' if word in found else text
    if found:
        yield start, found


def listed():
    """What the files say: mutants by hand, {name: reason} of those by rule, and in which
    functions of which file rules make them: {file: [(expression, suite, arg)]}."""
    hand, reasons, rules = [], {}, {}
    for path in sorted(HERE.glob('*.mutants')):
        usual = {}
        for number, words in paragraphs(path):
            where = f'{path.name}:{number}'
            if 'mutant' not in words:
                usual.update(words)
                if 'rules' in words:
                    suite, _, arg = usual['suite'].partition(' ')
                    rules.setdefault(usual['file'], []).append((words['rules'], suite, arg))
                continue
            name = words['mutant']
            if name.startswith('rule ') and 'make' not in words:
                if 'survives' not in words:
                    raise Wrong(f'{where}: no reason')
                reasons[name] = words['survives']
                continue
            words = usual | words
            if 'make' not in words or 'file' not in words:
                raise Wrong(f'{where}: "{name}" lacks make: or file:')
            suite, _, arg = words.get('suite', 'kunit *').partition(' ')
            if suite not in SUITES:
                raise Wrong(f'{where}: no suite is called {suite}')
            hand.append(Mutant(name, words['file'], suite, arg or '*', words['make'],
                               words.get('survives', ''), where))
    return hand, reasons, rules


# What only words depend on, or what the compiler checks: not worth a fault by rule.
WORDS_ONLY = re.compile(
    r'\b(?:pr|vp|pt)_(?:err|warn|notice|info|debug|dbg)\w*\(|\btrace_\w+\(|'
    r'\blockdep_assert|\bstatic_assert\(|\bMODULE_|\bmodule_|__must_hold|WARN_ON')


def blank(text):
    """The code with comments, strings and preprocessor lines blanked, as long as it was."""
    def spaces(match):
        return re.sub(r'[^\n]', ' ', match.group(0))
    return re.sub(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'|'
                  r'^[ \t]*#(?:[^\n]*\\\n)*[^\n]*', spaces, text, flags=re.S | re.M)


def closing(code, start):
    """Where the bracket at @start is closed, one further."""
    depth = 0
    for i in range(start, len(code)):
        depth += {'(': 1, ')': -1}.get(code[i], 0)
        if not depth:
            return i + 1
    return len(code)


def functions(code):
    """The bodies of functions: name, start, end."""
    for match in re.finditer(r'^\{\n(.*?)^\}', code, flags=re.S | re.M):
        head = code[:match.start()].rsplit('\n\n', 1)[-1]
        head = re.split(r'^[}#].*$', head, flags=re.M)[-1]
        name = re.search(r'(\w+)\(', head)
        if name and not re.search(r'\b(?:struct|enum|union)\s+\w+\s*$', head):
            yield name.group(1), match.start(1), match.end(1)


def conditions(code):
    """if and while: where what stands in the brackets begins and ends."""
    for match in re.finditer(r'\b(?:if|while) \(', code):
        end = closing(code, match.end() - 1)
        yield match.end(), end - 1


def negated(code):
    """A condition negated."""
    for start, end in conditions(code):
        yield start, end, f'!({code[start:end]})'


# Another operator for one: a bound that is off by one, or its opposite.
OTHER = {'<': '<=', '<=': '<', '>': '>=', '>=': '>', '==': '!=', '!=': '==',
         '&&': '||', '||': '&&'}


def operator(code):
    """A comparison whose bound is off by one, or its opposite; && for ||."""
    for match in re.finditer(r' (<=?|>=?|==|!=|&&|\|\|)(?=[ \n])', code):
        yield match.start(1), match.end(1), OTHER[match.group(1)]


def constant(code):
    """A number that is one more, or 0 for 1."""
    for match in re.finditer(r'(?<![\w.\[#"])(\d+)(?![\w.])', code):
        yield match.start(), match.end(), '0' if match.group() == '1' else \
            str(int(match.group()) + 1)


def statement(code):
    """A statement that is not there: a call or an assignment."""
    for match in re.finditer(r'(?<=[;{}\n)])\n(\t+)(?!return|goto|break|continue|case|default|'
                             r'else|do\b|if|for|while|switch|struct|union|enum|const|static|'
                             r'unsigned|int|u\d|bool|long|char|void|guard|scoped_guard|\w*for_each|\w+:)'
                             r'([\w*(][^;{}]*);(?=\n)', code):
        text = match.group(2)
        if '\n\n' in text or not re.search(r'\(|=|\+\+|--', text):
            continue
        # A declaration with a value is needed to compile.
        if re.match(r'\w+ \**\w+ =|\w+ \w+ \**\w+', text):
            continue
        yield match.start(2), match.end(2), ''


def result(code):
    """Another result: 0 for an errno, no for yes."""
    for match in re.finditer(r'\breturn (-E\w+|ret|err|true|false);', code):
        yield match.start(1), match.end(1), {'true': 'false', 'false': 'true'}.get(
            match.group(1), '0')


RULES = {
    'condition negated': negated,
    'operator': operator,
    'constant': constant,
    'statement removed': statement,
    'result': result,
}


def added_lines(base, tree, path):
    """Numbers of the lines that the series has added; None: all of them."""
    if not (base / path).exists():
        return None
    texts = [(root / path).read_text(encoding='utf-8').splitlines() for root in (base, tree)]
    blocks = difflib.SequenceMatcher(None, *texts, autojunk=False).get_opcodes()
    return {line for tag, _, _, start, end in blocks if tag != 'equal'
            for line in range(start + 1, end + 1)}


def elsewhere(text):
    """What is compiled for another architecture only, blanked."""
    lines, stack = [], []
    for line in text.split('\n'):
        match = re.match(r'\s*#\s*(if|ifdef|ifndef|elif|else|endif)\b(.*)', line)
        if match:
            word, what = match.groups()
            if word == 'endif':
                stack.pop()
            elif word == 'else':
                stack[-1] = not stack[-1]
            else:
                if word == 'elif':
                    stack.pop()
                other = re.search(r'ARM64|!IS_ENABLED\(CONFIG_X86', what) or \
                    word == 'ifndef' and 'HYPERVISOR_CALLBACK' in what
                stack.append(not other)
        lines.append(line if match or all(stack) else ' ' * len(line))
    return '\n'.join(lines)


def candidates(base, tree, path):
    """What the rules make of a file: name, function, where, instead."""
    text = (tree / path).read_text(encoding='utf-8')
    code = blank(elsewhere(text))
    lines = added_lines(base, tree, path)
    seen = {}
    for function, begin, finish in functions(code):
        for rule, places in RULES.items():
            for start, end, instead in places(code[begin:finish]):
                start, end = start + begin, end + begin
                line = code.count('\n', 0, start) + 1
                if lines is not None and line not in lines:
                    continue
                first = code.rfind('\n', 0, start) + 1
                last = code.find('\n', end)
                if WORDS_ONLY.search(code[first:last]):
                    continue
                # In a call that only tells something, on a line of its own.
                opened = max(code.rfind(';', 0, start), code.rfind('{', 0, start))
                if WORDS_ONLY.search(code[opened + 1:start]):
                    continue
                # Comments between the lines stay as they are.
                if rule == 'condition negated':
                    instead = f'!({text[start:end]})'
                what = ' '.join(code[first:last].split())
                name = f'rule {path}, {function}(), {rule}: {what}'
                seen[name] = seen.get(name, 0) + 1
                if seen[name] > 1:
                    name += f' ({seen[name]})'
                yield name, function, start, end, instead


def sha(text):
    """SHA-256, in hexadecimal."""
    return hashlib.sha256(text.encode()).hexdigest()


def by_rule(base, tree):
    """The faults that rules make, those of the sample; "make" is (start, end, instead)."""
    _, reasons, rules = listed()
    for path, suites in sorted(rules.items()):
        found = []
        for name, function, start, end, instead in candidates(base, tree, path):
            suite = next((s[1:] for s in suites if re.fullmatch(s[0], function)), None)
            if suite:
                found.append((sha(name), start, end, instead, name, *suite))
        found = sorted(found)[:-(-len(found) // SAMPLE)]
        for _, start, end, instead, name, suite, arg in sorted(found, key=lambda c: c[1]):
            yield Mutant(name, path, suite, arg, (start, end, instead),
                         reasons.get(name, ''), 'rule')


def all_mutants(base, tree):
    """Those by hand, then those by rule."""
    yield from listed()[0]
    yield from by_rule(base, tree)


def changed(mutant, tree):
    """The text of the file with the fault in it; as it was if it can be made no more."""
    path = tree / mutant.file
    text = path.read_text(encoding='utf-8')
    if isinstance(mutant.make, tuple):
        start, end, instead = mutant.make
        return text[:start] + instead + text[end:]
    made = subprocess.run(['perl', '-0pe', mutant.make], input=text, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
    if made.returncode:
        raise Wrong(f'{mutant.where}: perl does not take "{mutant.name}": '
                    f'{made.stderr.strip()}')
    return made.stdout


def check(base, tree):
    """What is wrong with the list."""
    names = {}
    hand, reasons, _ = listed()
    for mutant in hand:
        if mutant.name in names:
            yield f'{mutant.where}: "{mutant.name}" is there twice: {names[mutant.name]}'
        names[mutant.name] = mutant.where
        if not (tree / mutant.file).exists():
            yield f'{mutant.where}: "{mutant.name}": there is no {mutant.file}'
            continue
        try:
            if changed(mutant, tree) == (tree / mutant.file).read_text(encoding='utf-8'):
                yield f'{mutant.where}: "{mutant.name}" can no longer be made: ' \
                      f'mend its expression'
        except Wrong as wrong:
            yield str(wrong)
    made = {mutant.name for mutant in by_rule(base, tree)}
    for name in reasons:
        if name not in made:
            yield f'a reason, and no such fault is made: {name}'


def split(text):
    """A file as [outside, (name, head, body), outside, ...], which joined is the file."""
    code, parts, last = blank(text), [], 0
    for match in re.finditer(r'^\{\n.*?^\}\n', code, flags=re.S | re.M):
        # The head is on the lines just before, up to something that is none of it.
        start = match.start()
        while start > last:
            line = code.rfind('\n', 0, start - 1) + 1
            above = code[line:start]
            if not above.strip() or above.rstrip()[-1] in ';}' or above[0] == '#' or \
                    text[line:start].lstrip().startswith(('*', '/*')):
                break
            start = line
        name = re.search(r'(\w+)\(', code[start:match.start()])
        if not name:
            continue
        parts += [text[last:start], (name.group(1), text[start:match.start()],
                                     text[match.start():match.end()])]
        last = match.end()
    return parts + [text[last:]]


def parameters(head, name):
    """The names of a function's parameters."""
    head = blank(head)
    start = head.index(name + '(') + len(name)
    inside = head[start + 1:closing(head, start) - 1]
    words, depth, begin = [], 0, 0
    for i, char in enumerate(inside + ','):
        depth += {'(': 1, ')': -1}.get(char, 0)
        if char == ',' and not depth:
            one = inside[begin:i]
            pointer = re.search(r'\(\*(\w+)\)', one)
            words.append(pointer.group(1) if pointer else
                         re.search(r'(\w+)\s*(?:\[\w*\])*\s*$', one).group(1))
            begin = i + 1
    return [] if words == ['void'] else words


SELECT = 'extern unsigned int mshv_mutant;\n\n'
SELECTED = """
#include <linux/moduleparam.h>
unsigned int mshv_mutant;
core_param(mshv_mutant, mshv_mutant, uint, 0);
"""
# Where the number is; any file that is built in.
SELECTED_IN = 'drivers/hv/mshv_sched_vp.c'


def bundle(base, tree, out, wanted):
    """All of the faults in one kernel: each changed function has a copy for each fault."""
    variants, numbers = {}, []
    for number, mutant in enumerate(all_mutants(base, tree), 1):
        if mutant.name not in wanted:
            continue
        was = split((tree / mutant.file).read_text(encoding='utf-8'))
        now = split(changed(mutant, tree))
        if len(was) != len(now) or any(
                a != b and (isinstance(a, str) or a[:2] != b[:2]) for a, b in zip(was, now)):
            continue
        for i, (before, after) in enumerate(zip(was, now)):
            if before != after:
                variants.setdefault(mutant.file, {}).setdefault(i, []).append(
                    (number, after[2]))
        numbers.append((number, mutant.name))

    lines = []
    for path in sorted({*variants, SELECTED_IN}):
        text = []
        for i, part in enumerate(split((tree / path).read_text(encoding='utf-8'))):
            if isinstance(part, str):
                text.append(part)
                continue
            name, head, body = part
            faults = variants.get(path, {}).get(i, [])
            if faults:
                text.append(SELECT)
            for number, instead in faults:
                other = re.sub(rf'\b{name}\(', f'{name}__m{number}(', head, count=1)
                other = re.sub(r'^(?:static |VISIBLE_IF_KUNIT )?', 'static ', other, count=1)
                first = ''.join(text).count('\n') + 1
                text.append(other + instead + '\n')
                lines.append((path, first, ''.join(text).count('\n'), number))
            text.append(head)
            if faults:
                calls = ', '.join(parameters(head, name))
                leave = 'return ' if not re.search(rf'\bvoid\s+{name}\(', head) else ''
                text.append('{\n\tswitch (mshv_mutant) {\n')
                for number, _ in faults:
                    text.append(f'\tcase {number}:\n\t\t{leave}{name}__m{number}({calls});\n')
                    if not leave:
                        text.append('\t\treturn;\n')
                text.append('\t}\n' + body[2:])
            else:
                text.append(body)
        if path == SELECTED_IN:
            text.append(SELECTED)
        (out / path).parent.mkdir(parents=True, exist_ok=True)
        (out / path).write_text(''.join(text), encoding='utf-8')
    with open(out / 'map', 'w', encoding='utf-8') as file:
        for number, name in numbers:
            print(number, name, sep='\t', file=file)
    with open(out / 'lines', 'w', encoding='utf-8') as file:
        for line in lines:
            print(*line, sep='\t', file=file)


def blame(out, log):
    """The names of the faults in which gcc finds errors."""
    names, lines = ([line.split('\t') for line in (out / name).read_text(
        encoding='utf-8').splitlines()] for name in ('map', 'lines'))
    names = dict(names)
    found = set()
    for match in re.finditer(r'(\S+):(\d+):\d+: error:', Path(log).read_text(
            encoding='utf-8', errors='replace')):
        for path, first, last, number in lines:
            if match.group(1).endswith(path) and \
                    int(first) <= int(match.group(2)) <= int(last):
                found.add(number)
    return [names[number] for number in sorted(found)]


HANGS = re.compile(r'rcu: .*(?:stall|detected)|soft lockup|INFO: task .* blocked')
RESULT = re.compile(r'( *)(ok|not ok) \d+ (\S.*)')


def results(console):
    """Of a console: {(suite, case, row): (good, skipped)}, complaints, whether tests
    began, and whether it came to its end."""
    found, said, begun, whole, titles = {}, [], False, False, {}
    with open(console, encoding='utf-8', errors='backslashreplace') as log:
        for line in log:
            line = re.sub(r'^\[ *[0-9.]+\] ', '', line.rstrip('\r\n'))
            if COMPLAINT.search(line):
                said.append(line)
            begun = begun or line.startswith('KTAP version')
            whole = whole or line.startswith('reboot: ')
            title = re.fullmatch(r'( *)# Subtest: (.*)', line)
            if title:
                titles[len(title.group(1))] = title.group(2)
                continue
            match = RESULT.fullmatch(line)
            if not match:
                continue
            depth = len(match.group(1))
            name, _, directive = match.group(3).partition(' # ')
            path = [titles[d] for d in sorted(titles) if d <= depth] + [name]
            for deeper in [d for d in titles if d > depth]:
                del titles[deeper]
            found[tuple(path)] = (match.group(2) == 'ok', directive.startswith('SKIP'))
    return found, said, begun, whole


def told(path):
    """suite.case: row"""
    return '.'.join(path[:2]) + (': ' + ': '.join(path[2:]) if path[2:] else '')


def judge(console, good=None):
    """What is wrong in a run: "hangs ...", "does not boot ...", another line, or nothing."""
    found, said, begun, whole = results(console)
    # The driver does nothing before the tests: that is the machine's, not a fault's.
    if not begun:
        return f'does not boot: {said[0] if said else "no test has begun"}'
    for line in said:
        if HANGS.search(line):
            return f'hangs: {line}'
    for path, (passed, _) in found.items():
        if not passed:
            return told(path)
    if said:
        return f'the kernel complains: {said[0]}'
    if good:
        for path, (_, skipped) in results(good)[0].items():
            if path not in found:
                return f'{told(path)} has no result'
            if found[path][1] and not skipped:
                return f'{told(path)} skips'
        if not whole:
            return 'the kernel does not come to its end'
    return ''


def main():
    """The commands."""
    words = sys.argv[1:]
    if words[:1] == ['judge'] and len(words) in (2, 3):
        print(judge(*words[1:]))
        return
    if words[:1] == ['blame'] and len(words) == 3:
        for name in blame(Path(words[1]), words[2]):
            print(name)
        return
    if len(words) not in (3, 4):
        sys.exit('usage: mutants.py list|check BASE TREE, '
                 'mutants.py reason|file|make BASE TREE NAME, mutants.py judge CONSOLE [GOOD]')
    base, tree = Path(words[1]), Path(words[2])
    if words[0] == 'check':
        for line in check(base, tree):
            print(line)
        return
    if words[0] == 'bundle':
        bundle(base, tree, Path(words[3]), set(sys.stdin.read().split('\n')))
        return
    if words[0] == 'list':
        for mutant in all_mutants(base, tree):
            key = sha('\t'.join(map(str, (mutant.name, mutant.file, mutant.suite, mutant.arg,
                                          mutant.make if mutant.where != 'rule' else ''))))
            print('rule' if mutant.where == 'rule' else 'hand', mutant.suite, mutant.arg,
                  'survives' if mutant.survives else '-', key[:16], mutant.name, sep='\t')
        return
    for mutant in all_mutants(base, tree):
        if mutant.name != words[3]:
            continue
        if words[0] == 'make':
            sys.stdout.write(changed(mutant, tree))
        else:
            print(mutant.survives if words[0] == 'reason' else mutant.file)
        return
    sys.exit(f'there is no fault "{words[3]}"')


try:
    main()
except Wrong as wrong_list:
    sys.exit(str(wrong_list))
