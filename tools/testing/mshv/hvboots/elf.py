# SPDX-License-Identifier: GPL-2.0-only
#
# What a program needs to be started: its loader, its libraries, its interpreter.

import os
import struct

PT_LOAD, PT_DYNAMIC, PT_INTERP = 1, 2, 3
DT_NEEDED, DT_STRTAB = 1, 5
X86_64 = 62

# What the small system has of its own.
INTERPRETERS = ('/bin/sh', '/bin/ash', '/usr/bin/env', '/bin/busybox')


def text_at(data, offset):
    return data[offset:data.index(b'\0', offset)].decode(errors='replace')


def needs(data):
    """(loader, libraries) of an ELF file for this architecture; ValueError of another."""
    if data[4] != 2 or struct.unpack_from('<H', data, 18)[0] != X86_64:
        raise ValueError('it is for another architecture: x86-64 is wanted.')
    offset, = struct.unpack_from('<Q', data, 32)
    size, count = struct.unpack_from('<HH', data, 54)
    headers = [struct.unpack_from('<IIQQQQ', data, offset + i * size) for i in range(count)]
    loader, libraries, names, strings = '', [], [], None
    for kind, _, at, _, _, length in headers:
        if kind == PT_INTERP:
            loader = text_at(data, at)
        elif kind == PT_DYNAMIC:
            for tag, value in struct.iter_unpack('<QQ', data[at:at + length // 16 * 16]):
                if tag == DT_NEEDED:
                    names.append(value)
                elif tag == DT_STRTAB:
                    strings = value
    for kind, _, at, address, _, length in headers:
        if strings is not None and kind == PT_LOAD and address <= strings < address + length:
            libraries = [text_at(data, at + strings - address + name) for name in names]
    return loader, libraries


def is_there(path, folder):
    """Whether an absolute path leads to something of the folder's, in the L1VH."""
    if path.startswith('/lab/'):
        path = path[4:]
    # Links lead on inside the folder.
    for _ in range(40):
        full = folder + path
        if not os.path.islink(full):
            break
        target = os.readlink(full)
        path = target if target.startswith('/') else os.path.join(os.path.dirname(path), target)
    real = os.path.realpath(folder + os.path.dirname(path))
    return os.path.exists(os.path.join(real, os.path.basename(path)))


def missing(path, folder):
    """Why a program would not start in the small system with this folder; '' if it would."""
    with open(path, 'rb') as file:
        data = file.read(4)
        if data[:2] == b'#!':
            line = (data + file.readline()).decode(errors='replace')[2:].split()
            if line and line[0] not in INTERPRETERS and not is_there(line[0], folder):
                return f'{line[0]}, which its first line names, is not there.'
            return ''
        if data != b'\x7fELF':
            return ''
        data += file.read()
    try:
        loader, libraries = needs(data)
    except ValueError as error:
        return str(error)
    except (struct.error, IndexError):
        return 'it is not a whole ELF file.'
    if not loader:
        return ''
    if not is_there(loader, folder):
        return f'it is linked dynamically, and its loader {loader} is not there.'
    names = {name for _, _, files in os.walk(folder) for name in files}
    absent = [name for name in libraries if name not in names]
    return f'libraries of its are not there: {", ".join(absent)}.' if absent else ''
