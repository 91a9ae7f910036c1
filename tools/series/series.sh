# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# How patches/ is read: the one place that knows the format of a patch file.
# Sourced after lib.sh. See HACKING, "Changing a line".

PATCHES=${PATCHES:-$ROOT/patches}

# The patch files in mail order, one a line, as folder/name.patch
series_list() { sed -e 's/#.*//' -e '/^[[:space:]]*$/d' "$PATCHES/series"; }

# The mailings in mail order, one a line: the folders of the patches
mailings() { series_list | sed 's,/.*,,' | uniq; }

# The patches that mend the driver, in mail order
series_fixes() { series_list | grep '^fixes-'; }

# The mailings that a mailing's cover letter says it applies on top of, one a line
# in mail order: it names them by their subjects
mailing_needs()
{
	local says earlier

	says=$(tr -s '\n\t ' ' ' <"$PATCHES/$1/cover-letter" |
		grep -oE 'applies on top of [^.]*\.' || true)
	for earlier in $(mailings | sed "/^$1\$/,\$d"); do
		[[ $says != *"\"$(head -n 1 "$PATCHES/$earlier/cover-letter")\""* ]] ||
			echo "$earlier"
	done
}

# mailing_below MAILING: what it needs, and what these need, one a line in mail order
mailing_below()
{
	local needed

	mailings | grep -xF "$(for needed in $(mailing_needs "$1"); do
		mailing_below "$needed"
		echo "$needed"
	done)" || true
}

# Lines of a patch above its "---": the commit message, "Subject:" first
patch_message() { sed '/^---$/,$d' "$PATCHES/$1"; }

# The complete files of this repository that a patch brings in, one a line
patch_adds()
{
	sed -n '/^---$/,/^--- /s/^Adds://p' "$PATCHES/$1" | xargs -r -n 1
}

# The existing kernel files that a patch changes, one a line
patch_edits() { sed -n 's,^--- a/\([^[:space:]]*\).*,\1,p' "$PATCHES/$1"; }

# series_upto N: the first N patches; or up to and with a patch named; or all
series_upto()
{
	case $1 in
	all) series_list ;;
	none | 0) ;;
	*[!0-9]*)
		series_list | grep -xF "$1" >/dev/null || die \
			"there is no patch '$1' in patches/series." \
			"Give a number, or a name as it stands there."
		series_list | sed -n "0,\\,^$1\$,p"
		;;
	*)
		[[ $1 -le $(series_list | wc -l) ]] || die \
			"patches/series has only $(series_list | wc -l) patches, not $1."
		series_list | sed -n "1,$1p"
		;;
	esac
}

# Whether a folder is the top of a git checkout
is_checkout()
{
	[[ -e $1/.git ]] || return
	git -C "$1" rev-parse --git-dir >/dev/null || die \
		"git will not read the checkout $1; see above." \
		"If it is another user's: git config --global --add safe.directory $1"
	[[ $(git -C "$1" rev-parse --show-toplevel 2>/dev/null) = "$(cd "$1" && pwd -P)" ]]
}

# What 'patch' said, as sentences: which file, which hunk, where
explain_reject()
{
	awk '
	/^patching file / || /^checking file / { file = $3 }
	/^Hunk #[0-9]+ FAILED/ {
		sub(/#/, "", $2)
		printf "  %s: hunk %s does not fit at line %s\n", file, $2, $5 + 0
	}
	/^can.t find file|No file to patch/ { print "  " $0 }
	/malformed patch/ { print "  " $0 }' "$1"
}

# stage_patch PATCH BASE STAGE LOG: apply one patch in STAGE, a folder that
# holds only files that patches touch, taking from BASE those it lacks. Our own
# complete files are laid beside them.
stage_patch()
{
	local patch=$1 base=$2 stage=$3 log=$4 file

	[[ -f $PATCHES/$patch ]] || die \
		"patches/series names $patch, which is not there." \
		"Put the file back, or take its line out of patches/series."
	while read -r file; do
		[[ -e $stage/$file ]] && continue
		[[ -f $base/$file ]] || die \
			"patch $patch changes $file, which the base kernel does not have." \
			"Base kernel: $base"
		mkdir -p "$stage/$(dirname "$file")"
		cp -p "$base/$file" "$stage/$file"
	done < <(patch_edits "$patch")

	# No fuzz: what git am would not take must not pass here either.
	if ! patch -d "$stage" -p1 --batch --forward --fuzz=0 \
		--no-backup-if-mismatch --reject-file=- \
		<"$PATCHES/$patch" >"$log" 2>&1; then
		die "patch $patch does not fit this base kernel:" \
			"$(explain_reject "$log")" \
			"Base kernel: $base" \
			"Mend the patch with quilt ('make quilt', see HACKING), or use the base it was made for."
	fi

	while read -r file; do
		[[ -f $ROOT/$file ]] || die \
			"patch $patch adds $file, which this repository does not have."
		[[ ! -e $base/$file ]] || die \
			"patch $patch adds $file, which the base kernel has already." \
			"Base kernel: $base"
		mkdir -p "$stage/$(dirname "$file")"
		cp -p "$ROOT/$file" "$stage/$file"
	done < <(patch_adds "$patch")
}
