// SPDX-License-Identifier: GPL-2.0-only
/*
 * hvemu, an emulated Microsoft Hypervisor. See the README beside it.
 */

#include <stdio.h>
#include <unistd.h>

#include "hv/options.h"
#include "machine/machine.h"

int main(int argc, char **argv)
{
	static struct options options;
	enum machine_end end;

	options_parse(&options, argc, argv);
	if (options.probe)
		end = machine_probe();
	else if (options.check_host)
		end = machine_check_host();
	else if (options.tsc)
		end = machine_tsc();
	else
		end = machine_run(&options);

	/* Not exit(): VPs still run on threads of their own. */
	fflush(NULL);
	_exit(end);
}
