# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# Tests of the cache on the host: Maven's, and the same on the jar on each JDK. Sourced by tests.sh.

: "${lab:?}" "${top:?}" "${log:?}"

# cache_build: builds the cache on this checkout's library, and runs its unit tests. A mount puts the library into Maven's
# repository, where nothing of it is left: the mount ends with the enclosure
cache_build() {
    local repository version folder=$ASHMEM_STAGE/org.ashmem
    repository=$(junit_repository "$top")
    version=$(sed -n 's|^  <version>\(.*\)</version>|\1|p' "$top/parent.xml")
    [ -d "$repository" ] || { echo "the reports of the library's tests name no repository"; return 1; }
    mkdir -p "$folder/ashmem/$version" &&
        cp "$top"/target/ashmem-*.jar "$folder/ashmem/$version/ashmem-$version.jar" &&
        cp "$top/target/.flattened-pom.xml" "$folder/ashmem/$version/ashmem-$version.pom" &&
        host_give_back "$folder" &&
        as_caller mkdir -p "$repository/org/ashmem" &&
        mount --bind "$folder" "$repository/org/ashmem" &&
        maven -f cache/pom.xml -Djvm="$(jdk_oldest)/bin/java" verify
}

part_cache() {
    local major jdk
    tests_maven cache "host: cache" "$top/cache" cache_build || return
    while read -r major jdk; do
        [ "$jdk" = "$(jdk_oldest)" ] || jar_part cache "host: cache" "$top/cache" "$major" "$jdk" '.*Test$'
    done < <(host_jdks | awk '!seen[$1]++')
}
