# SPDX-License-Identifier: GPL-2.0-only
#
# What hvboot.py is made of. Each module knows those above it in this list:
#
#   basics      failures that a user can mend, files, columns
#   judge       what consoles and event logs say, and reports in KTAP
#   boot        what one boot is
#   runner      makes boots: initramfs, L0, its archive
#   table       the commands "table" and "compare"
#   check       the command "check"
#   selftests   the command "selftests"; base: with --base
#   soak        the command "soak"
#   lab         the command "lab"; elf: what a program needs to start
