# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# Builds the cache and its demonstration on this checkout's library, and runs the demonstration in a container. Sourced.

: "${lab:?}" "${top:?}" "${log:?}" "${ASHMEM_STAGE:?}"
demo_container=$((512 << 20))
demo_name=org.ashmem.cache.demo.Demo

# cache_provide PROJECT NAME: Maven finds the jar that was built in PROJECT. A mount puts it into Maven's repository, where
# nothing of it is left: the mount ends with the enclosure
cache_provide() {
    local project=$1 name=$2 folder=$ASHMEM_STAGE/org.ashmem repository version
    version=$(sed -n 's|^  <version>\(.*\)</version>|\1|p' "$top/parent.xml")
    if [ ! -e "$folder" ]; then
        repository=$(maven -q -f parent.xml org.apache.maven.plugins:maven-help-plugin:3.5.1:evaluate \
            -Dexpression=settings.localRepository -DforceStdout | sed -n 's/\x1b\[[0-9;]*m//g; s|^/|&|p') && [ -n "$repository" ] ||
            { echo "Maven does not say where its repository is: $repository"; return 1; }
        mkdir "$folder" && host_give_back "$folder" && as_caller mkdir -p "$repository/org/ashmem" &&
            mount --bind "$folder" "$repository/org/ashmem" || return
    fi
    mkdir -p "$folder/$name/$version" &&
        cp "$project/target/$name"-*.jar "$folder/$name/$version/$name-$version.jar" &&
        cp "$project/target/.flattened-pom.xml" "$folder/$name/$version/$name-$version.pom" &&
        host_give_back "$folder"
}

# cache_maven ARGUMENT...: builds the cache
cache_maven() {
    cache_provide "$top" ashmem && maven -f cache/pom.xml "$@"
}

# demo_maven ARGUMENT...: builds the demonstration on the cache that was built
demo_maven() {
    cache_provide "$top/cache" ashmem-cache && maven -f cache/demo/pom.xml "$@"
}

# jcache_maven ARGUMENT...: builds the JCache provider on the cache that was built
jcache_maven() {
    cache_provide "$top/cache" ashmem-cache && maven -f cache/jcache/pom.xml "$@"
}

# on_jcache_maven PROJECT ARGUMENT...: builds a project of cache/ on the JCache provider that was built
on_jcache_maven() {
    local project=$1
    shift
    cache_provide "$top/cache/jcache" ashmem-jcache && maven -f "cache/$project/pom.xml" "$@"
}

# infinispan_maven ARGUMENT...: builds the near cache of Infinispan's client on the cache that was built
infinispan_maven() {
    cache_provide "$top/cache" ashmem-cache && maven -f cache/infinispan/pom.xml "$@"
}

demo_build() {
    cache_maven -DskipTests package && demo_maven -DskipTests package
}

# demo_key: prints a key that differs when what the cache and the demonstration are built from, or what was built, differs
demo_key() {
    (
        java_key
        cd "$top/cache" || exit
        find . -name target -prune -o -type f -print0 | sort -z | xargs -0 sha256sum
        find target/ashmem-*.jar demo/target/ashmem-*.jar demo/target/test-lib -type f -printf '%p %s %T@\n' | sort
    ) 2>/dev/null | sha256sum
}

# demo_run PORT COMMAND...: replaces this shell by the demonstration, which COMMAND... runs as the caller. The OOM killer never
# chooses the shell, where root may set that; the demonstration gives that right back, and may take it again
demo_run() {
    local port=$1 jar
    shift
    jar=$(echo "$top"/cache/demo/target/ashmem-*.jar)
    # shellcheck disable=SC2016
    exec "$@" bash -c '{ echo -1000 >/proc/self/oom_score_adj; } 2>/dev/null; . "$0" && as_caller "$@"' "$lab/host/host.sh" "$(jdk_folder)/bin/java" -Xmx96m -XX:+UseSerialGC \
        --enable-native-access=ALL-UNNAMED -cp "$jar:$top/cache/demo/target/test-lib/*" "$demo_name" "$port"
}

# demo_contained PORT: the same in a container
demo_contained() {
    demo_run "$1" "$lab/host/container.sh" "$demo_container"
}

# demo_serve PORT: runs the demonstration in a container, or without one where none can be made, until it is ended
demo_serve() {
    local status=0
    trap 'trap "" TERM INT HUP; kill -TERM $!; wait $!; exit 143' TERM INT HUP
    demo_contained "$1" &
    wait $! || status=$?
    [ "$status" -eq 125 ] || return "$status"
    demo_run "$1" env &
    wait $!
}
