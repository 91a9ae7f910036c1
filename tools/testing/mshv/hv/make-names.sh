#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# Print names.h's tables, as C, from the hypervisor's headers, and from those of
# hvemu's and the VMMs' that have more: make-names.sh FOLDER MORE...

set -eu

headers=$1
shift

# table NAME PREFIX FILE...: both "#define PREFIX_X number" and "PREFIX_X = number,"
table()
{
	name=$1 prefix=$2
	shift 2
	printf '\nconst struct name %s[] = {\n' "$name"
	awk -v prefix="$prefix" '
	$1 == "#define" { name = $2; number = $3 }
	$2 == "=" { name = $1; number = $3; sub(/,.*/, "", number) }
	index(name, prefix) == 1 && number ~ /^0x[0-9A-Fa-f]+$/ {
		printf "\t{ %s, \"%s\" },\n", number, substr(name, length(prefix) + 1)
	}
	{ name = "" }' "$@"
	printf '\t{ }\n};\n'
}

echo '/* Made by make-names. */'
echo '#include "hv/names.h"'
# Of the first, each is one that a hypercall of the driver's is made to fail with.
table status_names HV_STATUS_ "$headers/hvgdk_mini.h"
table more_status_names HV_STATUS_ "$@"
table hypercall_names HVCALL_ "$headers/hvgdk_mini.h" "$@"
table property_names HV_PARTITION_PROPERTY_ "$headers/hvhdk_mini.h" "$@"
table message_names HVMSG_ "$headers/hvgdk_mini.h" "$@"
# Masks and shifts of some MSRs have names like MSRs.
table msr_names HV_X64_MSR_ "$headers/hvgdk_mini.h" | grep -vE '0x0000000[0-9]'
