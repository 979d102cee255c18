#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Prints the list src/test/resources/android-signatures.txt, read from the jars that Robolectric makes of Android. The three jars have
# 532 MB together: only ./run test --all downloads them, and compares the list with this output.
# usage: android.sh      after mvn test-compile, with JDK 21 or newer in JAVA_HOME. Downloads to target/android, unless the jars are
# there
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
arguments=()
while read -r level version; do
    jar=target/android/android-all-$version.jar
    [ -e "$jar" ] || flock target mvn -B -ntp -q org.apache.maven.plugins:maven-dependency-plugin:3.9.0:copy \
        "-Dartifact=org.robolectric:android-all:$version" -DoutputDirectory=target/android </dev/null >&2
    arguments+=("$level=$jar")
done <<END
27 8.1.0-robolectric-4611349
36 16-robolectric-13921718-2
37 17-robolectric-16653203
END
exec "${JAVA_HOME:-/usr}/bin/java" -cp target/test-classes org.ashmem.android.Signatures "${arguments[@]}"
