# SPDX-License-Identifier: GPL-2.0-only
#
# The front door. Each target is a script of tools/, which says what it does;
# "make help" is the list.

# Settings reach the scripts through the environment; tools/dev/lib.sh lists
# them.
export BASE KSRC O CACHE JOBS V ACCEL ARCH MIRROR KEYRING NODEPS SIGNOFF TRAILER LIMIT SERIES TIME SEED EPISODE OPERATIONS ONLY QEMU_L1VH PATIENCE RUNS
export AGAIN FILES PRESET CPUS MEMORY TIMEOUT ROOTFS PACKAGES SUITE
# A command of the user's, with its dollars.
unexport RUN
export LAB_RUN := $(value RUN)

MAKEFLAGS += --no-print-directory

# One target at a time: they share the build folder.
.NOTPARALLEL:

.PHONY: help
help:
	@echo 'make run        compose the kernel, build it, boot it as an L1VH under hvemu,'
	@echo '                show how the driver decides (SERIES=none: beside the base kernel)'
	@echo '                and what children take that run under each scheduler'
	@echo 'make check      every test; ends with "N passed, N failed"'
	@echo
	@echo 'parts of make check:'
	@echo '  make kunit      the KUnit suites, with lockdep, on the fake hypervisor'
	@echo "                  (ONLY='suite.case': some, as kunit.filter_glob has it)"
	@echo '  make l1vh       boots as an L1VH under hvemu: the decision table, faults, reloads'
	@echo '  make selftests  the selftests of /dev/mshv in an L1VH, under both schedulers'
	@echo '                  (SERIES=none: which of them fail on the base kernel, and how;'
	@echo '                  SELFTESTS_WITH=debug: on one with KASAN and lockdep;'
	@echo '                  ONLY=expression: some boots)'
	@echo '  make lab-check  that "make lab" hands on what it should'
	@echo '  make hvemu      the unit tests of hvemu'
	@echo '  make lint       checkpatch, W=1, sparse, kernel-doc, htmldocs, ABI, shellcheck'
	@echo '  make size       growth of the mshv_root driver with KUnit off'
	@echo '  make series-check, make tools-check   the patch files; the scripts'
	@echo
	@echo 'longer:'
	@echo '  make qemu       QEMU, as Debian ships it, as the VMM of an L1VH, under both'
	@echo '                  schedulers: machines, disks, monitor, migration, kill'
	@echo '                  (ONLY=expression: some rows; SERIES=none: on the base kernel;'
	@echo '                  QEMU_L1VH=folder: another build of QEMU)'
	@echo '  make soak       partitions that come and go at random, with faults, on a'
	@echo '                  kernel with KASAN and lockdep (TIME=2h SEED=n)'
	@echo '  make fuzz       operations at random on /dev/mshv, on the same kernel (TIME=5m'
	@echo '                  SEED=n; EPISODE=n OPERATIONS=list: what has failed once)'
	@echo '  make experiment  what cpu.max, cpu.weight, cpusets, priorities do to VMs, under both'
	@echo '                  schedulers, beside processes: tables and plots (RUNS=3 TIME=20s)'
	@echo '  make bench      figures, base kernel beside ours'
	@echo '  make bisect     build and test every prefix of the series'
	@echo '  make matrix     both bases, driver built in and as a module, KUnit and debugfs on and off'
	@echo '  make mutants    deliberate faults in the driver: which test catches each; goes'
	@echo '                  on where it was stopped'
	@echo '  make reproduce  which test fails without each fix of patches/fixes-*'
	@echo '  make nightly    make check and all of these but bench (soak: 20 minutes), KUnit'
	@echo '                  with sanitizers and on PREEMPT_RT, the second base, arm64; goes'
	@echo '                  on where it was stopped (AGAIN=1: from the start)'
	@echo '  make figures    write FIGURES: the counts of the last make check'
	@echo
	@echo 'to work with the series:'
	@echo '  make series     the mails, in out/series (SIGNOFF=1 signs, TRAILER= adds)'
	@echo '  make tree       the composed kernel tree, in out/tree'
	@echo '  make quilt      a tree in which quilt edits patches/'
	@echo '  make shell      a shell in an L1VH (PRESET=integrated-off, for one;'
	@echo '                  SERIES=none: with the base kernel)'
	@echo '  make lab        your own VMM in an L1VH: FILES=folder RUN="command", or a whole'
	@echo '                  Debian: ROOTFS=debian PACKAGES="..."; tools/testing/mshv/README'
	@echo '                  has a chapter on it'
	@echo '  make deps       install what is missing here (NODEPS=1 only looks)'
	@echo '  make clean      remove what was built; what was fetched stays in the cache'
	@echo
	@echo 'settings: BASE=7.3|7.2  KSRC=kernel-tree  O=build-folder  CACHE=folder  JOBS=n'
	@echo '          V=1 (all output)  ACCEL=auto|kvm|tcg  ARCH=x86_64|arm64'
	@echo '          MIRROR=debian-mirror'

.PHONY: deps
deps:
	@tools/dev/deps

.PHONY: run
run:
	@since=$$(date +%s) && tools/dev/deps && SINCE=$$since tools/dev/run

.PHONY: l1vh
l1vh: deps
	@tools/dev/l1vh check

.PHONY: selftests
selftests: deps
	@tools/dev/l1vh selftests

.PHONY: qemu
qemu: deps
	@tools/dev/l1vh qemu

.PHONY: soak
soak: deps
	@tools/dev/l1vh soak

.PHONY: fuzz
fuzz: deps
	@tools/dev/l1vh fuzz

.PHONY: hvemu
hvemu: deps
	@tools/dev/l1vh unit

.PHONY: bench
bench: deps
	@tools/dev/bench

.PHONY: experiment
experiment:
	@tools/dev/deps experiment && tools/dev/experiment

.PHONY: shell
shell:
	@tools/dev/deps shell && tools/dev/l1vh shell $(PRESET)

.PHONY: lab
lab:
	@tools/dev/deps lab && tools/dev/l1vh lab

.PHONY: lab-check
lab-check:
	@tools/dev/deps lab && tools/dev/l1vh lab-check

.PHONY: kunit
kunit: deps
	@tools/dev/kunit

.PHONY: lint
lint: deps
	@tools/dev/lint

.PHONY: size
size: deps
	@tools/dev/size

.PHONY: series-check
series-check: deps
	@tools/series/check

.PHONY: tools-check
tools-check: deps
	@tools/dev/selftest

.PHONY: check
check:
	@tools/dev/deps lab && tools/dev/check

.PHONY: figures
figures:
	@tools/dev/figures

.PHONY: bisect
bisect: deps
	@tools/dev/bisect

.PHONY: matrix
matrix: deps
	@tools/dev/matrix

.PHONY: mutants
mutants: deps
	@tools/dev/mutants

.PHONY: reproduce
reproduce: deps
	@tools/dev/reproduce

.PHONY: nightly
nightly:
	@tools/dev/deps lab && tools/dev/nightly

.PHONY: series
series:
	@tools/dev/deps series
	@base=$$(tools/dev/base) && tools/series/export "$$base" "$${O:-out}/series"

.PHONY: tree
tree: deps
	@tools/dev/tree

.PHONY: quilt
quilt: deps
	@tools/series/quilt-tree

.PHONY: clean
clean:
	@tools/dev/clean
