#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# Prints probed.h. For each probe it says whether the probe builds for this kernel and
# uses exported symbols only. Fails if no known shape of an interface builds, and
# reports the interface and the reason. Fails, too, if nothing can be known of any
# interface: the compiler, the headers or the list of exported symbols do not work.
# usage: CC='COMPILER OPTION...' NM=nm BUILT_BY=NAME decide.sh WORK SYMVERS PROBE...
# WORK is a folder for intermediate files. SYMVERS is the kernel's Module.symvers.
# PROBE is a path that ends in probes/INTERFACE/SHAPE.c. The functions of a probe are
# called probe and visit. NAME is the compiler that has built the kernel.

work=$1 symvers=$2
shift 2
rm -rf "$work"
mkdir -p "$work"

# the messages of compilers are searched
export LC_ALL=C

# fail WHY...: prints each WHY as a line, and ends
fail() {
	printf 'ashmem: error: %s\n' "$1" >&2
	shift
	[ $# -eq 0 ] || printf 'ashmem: %s\n' "$@" >&2
	exit 1
}

# compile LOG: compiles unit.c
compile() {
	eval "$CC -c -o $work/unit.o $work/unit.c" >"$1" 2>&1
}

# reason LOG: prints the first error message, without its place
reason() {
	{ grep -m 1 -E 'error: |is not exported' "$1" || head -n 1 "$1"; } | sed 's/.*error: //'
}

# take PROBE: sets interface, shape and name
take() {
	shape=${1##*/}
	interface=${1%/*}
	interface=${interface##*/}
	name=probes/$interface/$shape
	shape=${shape%.c}
}

# unit PROBE...: prints all of them as one source; messages still name each probe
unit() {
	for probe; do
		take "$probe"
		echo "#line 1 \"$name\""
		sed -e "s/\([^_a-z]\)probe(/\1probe_$shape(/" \
			-e "s/\([^_a-z]\)visit\([^_a-z]\)/\1visit_$shape\2/g" "$probe"
	done
}

# holds LOG PROBE...: do they all build together? If not, LOG contains the reason.
holds() {
	log=$1
	shift
	unit "$@" >"$work/unit.c"
	compile "$log" &&
		$NM -u "$work/unit.o" >"$work/undefined" &&
		awk 'NR == FNR { exported[$2] = 1; next }
			!($2 in exported) { print $2 " is not exported"; missing = 1 }
			END { exit missing }' "$symvers" "$work/undefined" >"$log"
}

# answered INTERFACE: does a shape of this interface build?
answered() {
	case "$held " in
	*"/probes/$1/"*) ;;
	*) return 1 ;;
	esac
}

# blamed LOG: is the probe that was taken the place of an error? The lines of an error
# or a warning are followed by those of its notes.
blamed() {
	awk -v place="^$name:[0-9]" '/error: / { bad = 1 } /warning: / { bad = 0 }
		bad && $0 ~ place { found = 1; exit } END { exit !found }' "$1"
}

# settle PROBE...: adds the probes that build to $held. Most of the build time goes into
# the included headers, which are nearly the same for all. So this builds all probes at
# once, then only those without an error message, and halves of them if no message names
# a probe.
settle() {
	[ $# -gt 0 ] || return 0
	if holds "$work/all.log" "$@"; then
		held="$held $*"
		return
	fi
	silent=
	for probe; do
		take "$probe"
		blamed "$work/all.log" || silent="$silent $probe"
	done
	if [ "$silent" != " $*" ]; then
		settle $silent
		return
	fi
	[ $# -gt 1 ] || return 0
	left=$(($# / 2)) half=
	while [ "$left" -gt 0 ]; do
		half="$half $1"
		left=$((left - 1))
		shift
	done
	settle $half
	settle "$@"
}

[ -r "$symvers" ] ||
	fail "$symvers is missing, the list of exported symbols: build the kernel there, or copy the file from its build"

# a probe without an interface: what no module can do without
echo '#include <linux/module.h>' >"$work/unit.c"
compile "$work/empty.log" || fail "nothing compiles here: $(reason "$work/empty.log")" \
	"if that is the wrong compiler: the kernel was built by $BUILT_BY; CC= names another one, LLVM=1 clang"

held=
settle "$@"

# An error in one probe may be caused by others. So these probes are built alone.
alone=
for probe; do
	take "$probe"
	answered "$interface" || alone="$alone $probe"
done
for probe in $alone; do
	take "$probe"
	! holds "$work/$shape.log" "$probe" || held="$held $probe"
done
unknown=
for probe in $alone; do
	take "$probe"
	answered "$interface" && continue
	case $unknown in
	*" $interface "*) ;;
	*)
		unknown="$unknown $interface "
		echo "ashmem: error: nothing that is known of $interface builds for this kernel:" >&2
		;;
	esac
	echo "    $name: $(reason "$work/$shape.log")" >&2
done
[ -z "$unknown" ] ||
	fail "the kernel is newer than this module, or its headers are incomplete; compat.h says what to do"

for probe; do
	take "$probe"
	case "$held " in
	*"/$name "*) have=1 ;;
	*) have=0 ;;
	esac
	echo "#define ASHMEM_HAVE_$(echo "$shape" | tr "[:lower:]" "[:upper:]") $have"
done
