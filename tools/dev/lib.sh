# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# What the scripts of this repository share: where things are, how errors and
# progress are told, how results are written. Sourced, never run.
#
# Settings that a user may give to make, or in the environment:
#   BASE   base kernel, a row of tools/dev/bases           (default 7.3)
#   KSRC   a kernel tree or git checkout to use instead of BASE
#   O      folder for everything that is built             (default out)
#   CACHE  folder for what is fetched                      (default ~/.cache/mshv)
#   JOBS   parallel jobs                                   (default: CPUs)
#   V      1: show all output
#   ACCEL  kvm, tcg or auto: what runs the virtual machine (default auto)
#   ARCH   x86_64 or arm64: what the kernel is built for   (default x86_64)

# Of two commands in a pipe, the second reads all: "grep -q" or "head" would end the
# first by SIGPIPE now and then, and pipefail would tell.
set -euo pipefail
# A command that fails inside $( ) fails there too.
shopt -s inherit_errexit
# Settings of the make that called us are not for the kernel's.
unset MAKEFLAGS MFLAGS MAKEOVERRIDES GNUMAKEFLAGS
# Kernel scripts in Python would leave their bytecode in the base kernel.
export PYTHONDONTWRITEBYTECODE=1

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
BASE=${BASE:-7.3}
KSRC=${KSRC:-}
O=${O:-out}
[[ $O = /* ]] || O=$ROOT/$O
O=$(realpath -m -- "$O")
CACHE=${CACHE:-${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/mshv}
[[ $CACHE = /* ]] || CACHE=$ROOT/$CACHE
[[ -z $KSRC || $KSRC = /* ]] || KSRC=$PWD/$KSRC
JOBS=${JOBS:-$(nproc)}
V=${V:-0}
ACCEL=${ACCEL:-auto}
case $ACCEL in
auto | kvm | tcg) ;;
*)
	printf 'error: ACCEL=%s is not known: give kvm, tcg or auto.\n' "$ACCEL" >&2
	exit 1
	;;
esac
ARCH=${ARCH:-x86_64}

# What differs between architectures: the kernel's image, QEMU, where the KUnit
# configuration is, and what follows the names of results and build folders.
# shellcheck disable=SC2034 # for those who source this
case $ARCH in
x86_64)
	IMAGE=arch/x86/boot/bzImage
	QEMU=qemu-system-x86_64
	KUNITCONFIG=drivers/hv/tests/.kunitconfig
	ARCH_SUFFIX=
	CROSS_COMPILE=
	;;
arm64)
	IMAGE=arch/arm64/boot/Image.gz
	QEMU=qemu-system-aarch64
	KUNITCONFIG=drivers/hv/tests/arm64.kunitconfig
	ARCH_SUFFIX=-arm64
	CROSS_COMPILE=aarch64-linux-gnu-
	;;
*)
	printf 'error: ARCH=%s is not known: give x86_64 or arm64.\n' "$ARCH" >&2
	exit 1
	;;
esac
case $(uname -m)-$ARCH in
aarch64-arm64) CROSS_COMPILE= ;;
aarch64-x86_64) CROSS_COMPILE=x86_64-linux-gnu- ;;
esac

# kmake SOURCE BUILD ARGUMENT...: make of a kernel tree, out of tree
kmake()
{
	local source=$1 build=$2

	shift 2
	make -C "$source" O="$build" ARCH="$ARCH" \
		CROSS_COMPILE="$CROSS_COMPILE" -j"$JOBS" "$@"
}

# shellcheck disable=SC2034 # for those who source this
if [[ -n $KSRC ]]; then
	# The build folders of one tree must not be used for another.
	BASE_ID=ksrc-$(printf %s "$KSRC" | cksum | cut -d' ' -f1)
else
	BASE_ID=$BASE
fi

# ccache first in PATH, whether or not Debian's links for it are there.
[[ -d /usr/lib/ccache ]] && PATH=/usr/lib/ccache:$PATH
# One pool of compiled objects for all the trees that are built here.
export CCACHE_BASEDIR=$O CCACHE_NOHASHDIR=1

# A scratch folder that goes away with the script.
SCRATCH=
STEP_PID=
# shellcheck disable=SC2329 # called by the trap
scratch_remove()
{
	[[ -z $STEP_PID ]] || kill -TERM -- "-$STEP_PID" 2>/dev/null || true
	[[ -z $SCRATCH ]] || rm -rf "$SCRATCH"
}
trap scratch_remove EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
# Not in /tmp, which may be small and in memory: whole kernel trees go there.
scratch()
{
	[[ -n $SCRATCH ]] || SCRATCH=$(mktemp -d -p "$O" .scratch.XXXXXX)
}

say() { printf '%s\n' "$*" >&2; }

# die WHAT [WAY OUT]...: what is wrong, and what to do about it; with DIE_STATUS
die()
{
	local line

	printf '\nerror: %s\n' "$1" >&2
	shift
	for line; do
		printf '       %s\n' "$line" >&2
	done
	exit "${DIE_STATUS:-1}"
}

# make_folder FOLDER: one that git leaves alone, wherever it is
make_folder()
{
	mkdir -p "$1" || die "cannot create $1" \
		"Give another folder with O= or CACHE=."
	[[ -e $1/.gitignore ]] || echo '*' >"$1/.gitignore" || die \
		"cannot write to $1" "Give another folder with O= or CACHE=."
}

elapsed() { printf '%d:%02d' $(($1 / 60)) $(($1 % 60)); }

# need_space FOLDER MIB WHAT: stop early rather than half way
need_space()
{
	local free

	mkdir -p "$1" || die "cannot create $1" \
		"Give another folder with O= or CACHE=."
	# shellcheck disable=SC2034
	free=$(df -Pm "$1" | awk 'NR == 2 { print $4 }')
	[[ $free -ge $2 ]] || die \
		"$3 needs $2 MiB in $1, and only $free MiB are free." \
		"Free some space ('make clean' removes what was built here)," \
		"or give another folder with O= or CACHE=."
}

# The Debian archive among the machine's own apt sources. Before the first
# 'apt-get update' apt knows no label, so the release's name must do.
debian_mirror()
{
	# shellcheck disable=SC2016 # apt's variables, not the shell's
	apt-get indextargets --format '$(LABEL)|$(RELEASE)|$(REPO_URI)' 2>/dev/null |
		awk -F'|' -v release="$(. /etc/os-release; echo "${VERSION_CODENAME:-}")" '
			$1 == "Debian" { labelled = labelled ? labelled : $3 }
			$1 == "" && $2 == release { named = named ? named : $3 }
			END { print labelled ? labelled : named }'
}

# step WHAT LOG EXPECTED COMMAND...: run a long command quietly
#
# Shows what is done, how far it is (lines of output, of about EXPECTED; 0 if
# nobody knows) and for how long. All output goes to LOG, or to the screen too
# with V=1. A failing command's last lines are shown.
step()
{
	local what=$1 log=$2 expected=$3 start=$SECONDS pid rc=0 shown=0 far now
	shift 3

	mkdir -p "$(dirname "$log")"
	if [[ $V = 1 ]]; then
		say "== $what"
		"$@" </dev/null 2>&1 | tee "$log" >&2 || rc=$?
	else
		# A process group of its own, so that Ctrl-C can end all of it.
		set -m
		"$@" </dev/null >"$log" 2>&1 &
		pid=$!
		set +m
		STEP_PID=$pid
		while kill -0 $pid 2>/dev/null; do
			sleep 0.2
			now=$((SECONDS - start))
			far=
			if [[ $expected -gt 0 ]]; then
				far=$(($(wc -l <"$log") * 100 / expected))
				far=", $((far > 99 ? 99 : far)) %"
			fi
			if [[ -t 2 ]]; then
				printf '\r\033[K%s%s, %s' "$what" "$far" \
					"$(elapsed $now)" >&2
			elif [[ $((now / 30)) -gt $shown ]]; then
				shown=$((now / 30))
				say "$what ...$far, $(elapsed $now)"
			fi
		done
		wait $pid || rc=$?
		STEP_PID=
		[[ ! -t 2 ]] || printf '\r\033[K' >&2
	fi

	if [[ $rc -eq 0 ]]; then
		say "$what: done, $(elapsed $((SECONDS - start)))"
		return 0
	fi
	say "$what: FAILED after $(elapsed $((SECONDS - start))); the end of its output:"
	tail -n 30 "$log" | sed 's/^/    /' >&2
	say "All of it is in $log"
	if grep -q 'No space left on device' "$log"; then
		say "The disk is full: free some space, or give another folder with O=."
	fi
	return $rc
}

# Results of a suite, one file each, in KTAP: a plan and a line a test. A suite
# is over when it has as many lines as its plan says; anything else is a failure.

RESULT=
tap_begin()	# NAME TESTS
{
	RESULT=$O/results/$1.ktap
	mkdir -p "$O/results"
	printf 'KTAP version 1\n1..%d\n' "$2" >"$RESULT"
	TAP_N=0
}

tap_line()	# "ok" or "not ok", NAME, what follows
{
	TAP_N=$((TAP_N + 1))
	printf '%s %d %s%s\n' "$1" "$TAP_N" "$2" "${3:-}" >>"$RESULT"
	printf '  %-6s %s%s\n' "$1" "$2" "${3:-}"
}

tap_ok() { tap_line ok "$1"; }
tap_skip() { tap_line ok "$1" " # SKIP $2"; }
tap_not_ok() { tap_line "not ok" "$1" "${2:+ # $2}"; }

# tap_summary FILE...: the one closing line, after the names of what did not run.
# A suite that left no file, or an empty one, has failed.
tap_summary()
{
	local file absent=0 there=()

	for file; do
		if [[ -s $file ]]; then
			there+=("$file")
		else
			printf '%s: did not run to its end\n' "$(basename "$file" .ktap)"
			absent=$((absent + 1))
		fi
	done
	awk -v failed=$absent '
	function close_suite() {
		if (file == "")
			return
		if (plan == "" || seen < plan) {
			missing = plan == "" ? 1 : plan - seen
			printf "%s: %d test(s) did not run\n", file, missing
			failed += missing
		}
		if (plan != "" && seen > plan) {
			printf "%s: %d results, and its plan says %d\n", file, seen, plan
			failed++
		}
	}
	FNR == 1 {
		close_suite()
		file = FILENAME
		sub(/.*\//, "", file)
		sub(/\.ktap$/, "", file)
		plan = ""
		seen = 0
	}
	/^1\.\.[0-9]+$/ { plan = substr($0, 4) + 0 }
	/^ok .* # SKIP/ { seen++; skipped++; printf "%s: skipped: %s\n", file, $0; next }
	/^ok / { seen++; passed++ }
	/^not ok / { seen++; failed++; printf "%s: %s\n", file, $0 }
	END {
		close_suite()
		printf "%d passed, %d failed", passed, failed
		if (skipped)
			printf ", %d skipped", skipped
		printf "\n"
		exit failed > 0 || passed == 0
	}' "${there[@]:-/dev/null}"
}

# repository_files [FOLDER]...: what belongs to this repository, one a line
repository_files()
{
	git -C "$ROOT" rev-parse --git-dir >/dev/null 2>&1 || die \
		"this is not a git checkout that git will read." \
		"Clone the repository; or, if it is another user's: git config --global --add safe.directory $ROOT"
	git -C "$ROOT" ls-files -co --exclude-standard "$@" |
		while IFS= read -r file; do
			[[ ! -e $ROOT/$file ]] || printf '%s\n' "$file"
		done
}

# Throwaway repositories must not be shaped by the user's git configuration.
plain_git() { env GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_NOSYSTEM=1 git "$@"; }

# pristine_tree BASE: a tree without the series that can be built from. That is
# the base kernel itself if it is ours; a tree of the user's is composed, as it
# may have been built in place, and is only read.
pristine_tree()
{
	if [[ -z $KSRC ]]; then
		printf '%s\n' "$1"
	else
		"$ROOT/tools/dev/tree" none
	fi
}

make_folder "$O"
make_folder "$CACHE"

# One run at a time in a build folder: two would build over each other.
if [[ -z ${MSHV_LOCK:-} && ${0##*/} != base ]]; then
	exec 9>"$O/.lock"
	flock -n 9 || die "another run is at work in $O." \
		"Wait for it, or give another folder with O=."
	export MSHV_LOCK=$O
fi
