# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# Debian packages by apt in a private root: nothing of the system changes, and
# Debian's signatures are checked. They come from the mirror that the machine's own
# apt uses, or from MIRROR=. Sourced, never run.
#
# Who sources it defines
#   no_fetch WHY [WAY OUT]...: make do with what is cached, or stop

KEYRING=${KEYRING:-/usr/share/keyrings/debian-archive-keyring.gpg}

# apt_check WHAT: all that can be wrong before anything is fetched
apt_check()
{
	command -v apt-get >/dev/null || no_fetch \
		"$1 is fetched by apt-get, which this machine does not have." \
		"Use a Debian machine."
	[[ -f $KEYRING ]] || no_fetch \
		"Debian's keyring is not at $KEYRING, so $1 could not be checked." \
		"Install the package debian-archive-keyring, or give KEYRING=file."
	MIRROR=${MIRROR:-$(debian_mirror)}
	[[ -n $MIRROR ]] || no_fetch \
		"apt on this machine has no Debian mirror to fetch $1 from." \
		"Give one with MIRROR=http://..."
}

# Two runs must not unpack over each other
apt_lock()
{
	exec 8>"$CACHE/.lock"
	if ! flock -n 8; then
		say "Waiting for another run that is fetching ..."
		flock 8
	fi
}

# apt_root FOLDER SUITE...: the private root, with these suites. Nothing is installed
# there: what a package needs is all to be had.
apt_root()
{
	local suite

	APT_ROOT=$1
	shift
	APT_SUITES=$*
	mkdir -p "$APT_ROOT"/{parts,lists/partial,cache/archives/partial}
	: >"$APT_ROOT/status"
	for suite; do
		printf 'deb [signed-by=%s] %s %s main\n' "$KEYRING" "$MIRROR" "$suite"
	done >"$APT_ROOT/sources.list"
}

private_apt()
{
	local tool=$1
	shift
	LC_ALL=C "$tool" -q \
		-o Dir::Etc::SourceList="$APT_ROOT/sources.list" \
		-o Dir::Etc::SourceParts="$APT_ROOT/parts" \
		-o Dir::State::Lists="$APT_ROOT/lists" \
		-o Dir::State::status="$APT_ROOT/status" \
		-o Dir::Cache="$APT_ROOT/cache" \
		-o APT::Sandbox::User="$(id -un)" \
		-o APT::Update::Error-Mode=any \
		-o APT::Default-Release= \
		-o Dir::Etc::Preferences=/dev/null \
		-o Dir::Etc::PreferencesParts=/dev/null \
		"$@"
}

# apt_read LOG: the index of the suites
apt_read()
{
	step "Reading the index of ${APT_SUITES// / and }" "$1" 0 private_apt apt-get update &&
		return
	if grep -qE 'NO_PUBKEY|BADSIG|EXPKEYSIG|not signed|signature' "$1"; then
		die "the index of ${APT_SUITES// / or } has no good signature: nothing was taken from it." \
			"Try another mirror with MIRROR=, or update the package debian-archive-keyring."
	fi
	no_fetch "the index of ${APT_SUITES// / or } could not be read from the mirror." \
		"Check the network, or give another mirror with MIRROR=."
}

# apt_choose PACKAGE PINNED WAY-OUT: the pinned version of a package if the suites have
# it, else their newest, in $APT_VERSION
apt_choose()
{
	local versions

	versions=$(private_apt apt-cache madison "$1" | awk '{ print $3 }' | sort -Vr)
	[[ -n $versions ]] || no_fetch "${APT_SUITES// / and } no longer has $1." "$3"
	APT_VERSION=$2
	if ! grep -qxF "$2" <<<"$versions"; then
		APT_VERSION=$(head -n 1 <<<"$versions")
		say "note: ${APT_SUITES// / and } no longer has $1 $2; taking the newest, $APT_VERSION."
	fi
}
