#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# Print names.h's tables, as C, from the hypervisor's headers: make-names.sh FOLDER

set -eu

# table NAME PREFIX FILE: both "#define PREFIX_X number" and "PREFIX_X = number,"
table()
{
	printf '\nconst struct name %s[] = {\n' "$1"
	awk -v prefix="$2" '
	$1 == "#define" { name = $2; number = $3 }
	$2 == "=" { name = $1; number = $3; sub(/,.*/, "", number) }
	index(name, prefix) == 1 && number ~ /^0x[0-9A-Fa-f]+$/ {
		printf "\t{ %s, \"%s\" },\n", number, substr(name, length(prefix) + 1)
	}
	{ name = "" }' "$3"
	printf '\t{ }\n};\n'
}

echo '/* Made by make-names. */'
echo '#include "hv/names.h"'
table status_names HV_STATUS_ "$1/hvgdk_mini.h"
table hypercall_names HVCALL_ "$1/hvgdk_mini.h"
table property_names HV_PARTITION_PROPERTY_ "$1/hvhdk_mini.h"
table message_names HVMSG_ "$1/hvgdk_mini.h"
# Masks and shifts of some MSRs have names like MSRs.
table msr_names HV_X64_MSR_ "$1/hvgdk_mini.h" | grep -vE '0x0000000[0-9]'
