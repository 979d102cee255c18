#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# Prints probed.h from what the probes found. Fails if an interface has none of
# the shapes that the module knows, and says which, and why not.
# usage: decide.sh INTERFACE/SHAPE.probed...

unknown=$(
	for probed; do
		echo "${probed%/*}"
	done | sort -u | while read -r interface; do
		grep -q ' 1$' "$interface"/*.probed || echo "$interface"
	done
)
for interface in $unknown; do
	echo "ashmem: error: nothing that is known of ${interface##*/} builds for this kernel:"
	for probed in "$interface"/*.probed; do
		printf '    %s: ' "probes/${interface##*/}/$(basename "$probed" .probed).c"
		{ grep -m 1 -E 'error: |is not exported' "$probed.log" || head -n 1 "$probed.log"; } |
			sed 's/.*error: //'
	done
done >&2
if [ -n "$unknown" ]; then
	echo "ashmem: the kernel is newer than this module, or its headers are not all there; compat.h tells what to do" >&2
	exit 1
fi
cat "$@"
