# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# Tests of the cache on the host: Maven's, the same on the jar on each JDK, and the page of the demonstration in a browser.
# Sourced by tests.sh.

: "${lab:?}" "${top:?}" "${log:?}" "${results:?}"
# shellcheck source=../host/cache.sh
. "$lab/host/cache.sh"

part_cache() {
    tests_maven cache "host: cache" "$top/cache" cache_maven -Djvm="$(jdk_oldest)/bin/java" verify
}

# What people put the cache under, the demonstration, and the cache on the other JDKs. No guest waits for this part.
part_frameworks() {
    local major jdk
    tests_maven demo "host: demonstration of the cache" "$top/cache/demo" demo_maven -Djvm="$(jdk_oldest)/bin/java" verify || true
    tests_maven jcache "host: JCache provider" "$top/cache/jcache" jcache_maven -Djvm="$(jdk_oldest)/bin/java" verify || true
    jcache_report >"$results/jcache-tck.txt"
    cat "$results/jcache-tck.txt"
    tests_maven hibernate "host: Hibernate's second level" "$top/cache/hibernate" on_jcache_maven hibernate -Djvm="$(jdk_oldest)/bin/java" verify || true
    tests_maven spring "host: sample of Spring" "$top/cache/spring" on_jcache_maven spring -Djvm="$(jdk_oldest)/bin/java" verify || true
    # It starts servers, in processes of their own.
    tests_maven infinispan "host: near cache of Infinispan's client" "$top/cache/infinispan" infinispan_maven -Djvm="$(jdk_oldest)/bin/java" verify || true
    cat "$results"/{demo,jcache,hibernate,spring,infinispan}.tsv >"$results/frameworks.tsv"
    while read -r major jdk; do
        [ "$jdk" = "$(jdk_oldest)" ] || jar_part cache "host: cache" "$top/cache" "$major" "$jdk" '.*Test$'
    done < <(host_jdks | awk '!seen[$1]++')
}

# jcache_report: prints what passed and failed of each class of the TCK
jcache_report() {
    echo "JCache's TCK, by class: passed, failed (target/test/jcache-tck.txt)"
    grep -hm 1 '<testsuite ' "$top"/cache/jcache/target/surefire-reports/TEST-{javax,org.jsr107}.*.xml |
        sed 's/.* name="\([^"]*\)".* tests="\([0-9]*\)" errors="\([0-9]*\)".* failures="\([0-9]*\)".*/\1 \2 \3 \4/' |
        awk '{ printf "%5d %4d  %s\n", $2 - $3 - $4, $3 + $4, $1; passed += $2 - $3 - $4; failed += $3 + $4 }
            END { printf "%5d %4d  all\n", passed, failed }'
}

# page_address PID LOG: prints where the demonstration serves, unless the process ends before
page_address() {
    until sed -n 's/^The page is at \([^ ]*\) .*/\1/p' "$2" | grep . || ! kill -0 "$1" 2>/dev/null; do
        sleep 0.2
    done
}

part_page() {
    local section="host: page of the demonstration" name="it is served from a container" server=$log/page-server.log
    local reports=$results/page output=$log/page.log address container pid status=0 options
    : >"$server"
    demo_contained 0 >"$server" 2>&1 &
    pid=$!
    address=$(page_address "$pid" "$server")
    tests_result page "$([ -n "$address" ] && echo ok || echo fail)" "$section" "$name" "$(tail -n 3 "$server")"
    mkdir -p "$reports"
    host_give_back "$results"
    mapfile -t options < <(jar_options "$reports")
    step "$output" "opening the page of the demonstration in Chromium" as_caller "$(jdk_folder)/bin/java" "${options[@]}" \
        "-Dorg.ashmem.demo.address=$address" \
        -cp "$(junit_path "$top/cache/demo")" "${junit_execute[@]}" --reports-dir "$reports" \
        --select-class org.ashmem.cache.demo.PageIT --exclude-tag peer || status=$?
    junit_results "$section" "$output" "$reports" "$([ "$status" -eq 0 ] || echo "exited with $status")" >>"$results/page.tsv"
    kill -TERM "$pid" 2>/dev/null
    wait "$pid"
    container=$(sed -n 's/^The container is \([^,]*\),.*/\1/p' "$server")
    tests_result page "$([ -n "$container" ] && [ ! -e "$container" ] && echo ok || echo fail)" "$section" "it leaves no container when it is ended" \
        "${container:-there was none}"
}
