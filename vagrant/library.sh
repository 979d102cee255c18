# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# The library on the host beyond Maven's own tests: the jar on each JDK, the shim under musl and under sanitizers, close races
# under jcstress, and whether the benchmarks build. Sourced by inside.sh.

: "${here:?}" "${top:?}" "${log:?}" "${results:?}"
# shellcheck source=junit.sh
. "$here/junit.sh"
asan_out=$top/target/asan

# jar_run JDK OUT TESTS: what Maven runs, in these folders, of the jar: in a folder of classes, as Maven tests them, no JVM
# sees those for newer Java
jar_run() {
    local jdk=$1 out=$2 tests=$3
    mkdir -p "$out"
    host_give_back "$results"
    as_caller "$jdk/bin/java" "${junit_launcher[@]}" \
        "-javaagent:$top/target/jacoco/org.jacoco.agent-runtime.jar=destfile=$out/jacoco.exec,includes=org.ashmem.*" \
        -Dorg.ashmem.backend=memfd -cp "$tests:$(echo "$top"/target/ashmem-*.jar):$top/target/test-lib/*" \
        "${junit_execute[@]}" --reports-dir "$out" --scan-classpath "$tests" \
        --include-classname '.*(Test|IT)$' --exclude-tag device
}

# newer_build JDK OUT: the tests of the classes for newer Java, which a compiler, too, sees in the jar alone
newer_build() {
    local jdk=$1 out=$2
    rm -rf "$out"
    mkdir -p "$out"
    host_give_back "$out"
    as_caller "$jdk/bin/javac" --release 22 -Xlint:all,-processing,-classfile,-try -Werror -d "$out" \
        -cp "$(echo "$top"/target/ashmem-*.jar):$top/target/test-classes:$top/target/test-lib/*" \
        "$top"/src/test/java22/org/ashmem/*.java
}

# On each JDK: the first of each version.
tests_jar() {
    local major jdk section tests status newer=$top/target/test-classes-22
    while read -r major jdk; do
        section="host: the jar on JDK $major"
        tests=$top/target/test-classes
        if [ "$major" -ge 22 ] &&
            tests_step jar "$section" "the tests of src/main/java22 build" "jar-build-$major" newer_build "$jdk" "$newer"; then
            tests=$newer:$tests
        fi
        status=0
        step "$log/jar-$major.log" "running the unit tests of the jar on JDK $major" \
            jar_run "$jdk" "$results/jdk-$major" "$tests" || status=$?
        junit_results "$section" "$log/jar-$major.log" "$results/jdk-$major" \
            "$([ "$status" -eq 0 ] || echo "exited with $status")" >>"$results/jar.tsv"
    done < <(host_jdks | awk '!seen[$1]++')
}

# musl_run FOLDER: with the shim out of the jar. Debian has no JVM for it; a shim that loads there finds all that it calls.
musl_run() {
    local folder=$1
    rm -rf "$folder"
    mkdir -p "$folder"
    host_give_back "$folder"
    (cd "$folder" && as_caller "$(jdk_folder)/bin/jar" xf "$top"/target/ashmem-*.jar META-INF/native) &&
        as_caller musl-gcc -std=gnu11 -Wall -Wextra -Werror "$top/src/test/c/load.c" -o "$folder/load" &&
        as_caller "$folder/load" "$folder/META-INF/native/linux-x86_64/libashmem.so"
}

tests_musl() {
    tests_step musl "host: shim under musl" "it loads, and its calls work" musl musl_run "$top/target/musl" || true
}

# arm64_build FOLDER: the jar's shim for arm64, what loads it, and what both are linked to, for a guest that has no JVM
arm64_build() {
    local folder=$1 library
    rm -rf "$folder"
    mkdir -p "$folder"
    host_give_back "$folder"
    (cd "$folder" && as_caller "$(jdk_folder)/bin/jar" xf "$top"/target/ashmem-*.jar META-INF/native/linux-aarch64) &&
        as_caller aarch64-linux-gnu-gcc -std=gnu11 -Wall -Wextra -Werror "$top/src/test/c/load.c" -o "$folder/load" || return
    for library in ld-linux-aarch64.so.1 libc.so.6; do
        cp "$(aarch64-linux-gnu-gcc -print-file-name=$library)" "$folder/" || return
    done
}

tests_arm64() {
    tests_step musl "host: shim for arm64" "it is there with what loads it" arm64-shim arm64_build "$top/target/arm64" || true
}

# asan_build SOURCES OUT: the shim of the C files in SOURCES. OUT is for the front of the class path, where the shim is found
# before the one in the jar: by every JVM that a test starts, too.
asan_build() {
    local jdk version folder=$2/META-INF/native/linux-x86_64
    jdk=$(jdk_folder)
    version=$(sed -n 's|^  <version>\(.*\)</version>|\1|p' "$top/pom.xml" | head -n 1)
    mkdir -p "$folder"
    gcc -shared -fPIC -std=gnu11 -g -O1 -fno-omit-frame-pointer -fvisibility=hidden -Wall -Werror -Wl,-z,noexecstack \
        -fsanitize=address,undefined -fno-sanitize-recover=undefined -D_GNU_SOURCE "-DASHMEM_VERSION=\"$version\"" \
        -I"$top/target/generated-jni" -I"$top/kernel/include/uapi" -I"$jdk/include" -I"$jdk/include/linux" \
        "$1"/*.c -o "$folder/libashmem.so"
}

# asan_run OUT REPORTS TEST...: runs these tests with the shim in OUT
asan_run() {
    local out=$1 reports=$2 environment
    shift 2
    rm -rf "$reports"
    mkdir -p "$reports"
    host_give_back "$asan_out"
    mapfile -t environment < <(sanitizer_environment "$(gcc -print-file-name=libasan.so)")
    as_caller env "${environment[@]}" "$(jdk_folder)/bin/java" "${junit_launcher[@]}" \
        -cp "$out:$top/target/test-classes:$top/target/classes:$top/target/test-lib/*" \
        "${junit_execute[@]}" --reports-dir "$reports" "$@"
}

# asan_results SECTION LOG REPORTS STATUS
asan_results() {
    junit_results "$1" "$2" "$3" "$([ "$4" -eq 0 ] || echo "exited with $4")"
    sanitizer_results "$1" "$2"
}

# asan_control NAME FOLDER FILE CHANGE WANTED: a shim that is wrong, by sed's CHANGE to FILE, must be told by WANTED
asan_control() {
    local name=$1 out=$asan_out/$2 file=$3 change=$4 wanted=$5 section="host: shim under AddressSanitizer" status=0 said
    rm -rf "$out"
    mkdir -p "$out"
    cp -r "$top/native" "$out/native"
    sed -i "$change" "$out/native/$file"
    if cmp -s "$top/native/$file" "$out/native/$file"; then
        tests_result asan fail "$section" "$name" "the change to $file fits nothing any more"
    elif asan_build "$out/native" "$out/classes" >"$log/asan-$2.log" 2>&1; then
        asan_run "$out/classes" "$out/reports" --select-method 'org.ashmem.AshmemRegionTest#pageSizeIsAPowerOfTwo' \
            >"$log/asan-$2.log" 2>&1 </dev/null || status=$?
        said=$(asan_results "$section" "$log/asan-$2.log" "$out/reports" "$status" | grep '^fail')
        if grep -q "$wanted" <<<"$said"; then
            tests_result asan ok "$section" "$name"
        else
            tests_result asan fail "$section" "$name" "${said:-nothing was found}"
        fi
    else
        tests_result asan fail "$section" "$name" "$(tail -n 3 "$log/asan-$2.log")"
    fi
}

# The unit tests once more. The guest of the newest kernel takes target/asan/ for the integration tests.
tests_asan() {
    local section="host: shim under AddressSanitizer" status=0
    rm -rf "$asan_out"
    tests_step asan "$section" "the shim builds with sanitizers" asan-build asan_build "$top/native" "$asan_out/classes" || return
    step "$log/asan.log" "running the unit tests with the shim under AddressSanitizer" \
        asan_run "$asan_out/classes" "$asan_out/reports" --scan-classpath "$top/target/test-classes" \
        --include-classname '.*Test$' || status=$?
    asan_results "$section" "$log/asan.log" "$asan_out/reports" "$status" >>"$results/asan.tsv"
    say "breaking the shim, to see that it is noticed"
    asan_control "a shim that writes past an array is found" overrun device.c \
        's/^\tcopy\[length\] = .*/&__builtin_memset(copy, 0, sizeof(copy) + (size_t)length);/' 'stack-buffer-overflow'
    asan_control "a shim whose sum overflows is found" overflow mapping.c \
        's/return sysconf(_SC_PAGESIZE);/return sysconf(_SC_PAGESIZE) + INT64_MAX;/' 'signed integer overflow'
    asan_control "a shim that calls the JVM with an exception pending is found" pending device.c \
        's/^\tcopy\[length\] = .*/&(*env)->GetByteArrayRegion(env, path, length, 1, (jbyte *)copy); \
            (void)(*env)->GetArrayLength(env, path); (*env)->ExceptionClear(env);/' 'JNI call made with exception pending'
}

# races_run FOLDER CLASSES OPTION...: by jcstress, in target/jcstress/run-FOLDER, with CLASSES, a folder or a jar. Few states at a
# time, so that the actors meet, and few descriptors, so that one which is never given back is missed soon. Absolute paths:
# jcstress looks for its classes by the class path's text. In English, for jcstress.awk.
races_run() {
    local out=$top/target/jcstress work=$top/target/jcstress/run-$1 classes=$2
    shift 2
    rm -rf "$work"
    mkdir -p "$work"
    host_give_back "$out"
    cd "$work" && ulimit -n 4096 && as_caller "$(jdk_folder)/bin/java" \
        -Duser.language=en -Duser.country=US -cp "$out/test-classes:$classes:$out/test-lib/*" org.openjdk.jcstress.Main -v -r results \
        -f 1 -iters 2 -time 200 -sc false -strideSize 2 -strideCount 8 \
        -jvmArgs "-Xmn16m --enable-native-access=ALL-UNNAMED" "$@"
}

# races SECTION FOLDER CLASSES PATTERN: those whose name it fits
races() {
    local section=$1 folder=$2 classes=$3 pattern=$4 status=0 tests output=$log/races-$2.log
    tests=$(find "$top/target/jcstress/test-classes" -name '*_jcstress.class' -printf '%f\n' |
        sed 's/_jcstress.class$//; s/_/./' | grep "$pattern" | sort)
    step "$output" "racing close against everything else ($folder)" races_run "$folder" "$classes" -t "$pattern" || status=$?
    awk -v section="$section" -v tests="$(tr '\n' ' ' <<<"$tests")" -f "$here/jcstress.awk" "$output" >>"$results/races.tsv"
    if [ "$status" -ne 0 ] && ! grep -qF "fail	$section	" "$results/races.tsv"; then
        tests_result races fail "$section" "jcstress" "exited with $status: $(tail -n 5 "$output")"
    fi
}

# No JVM sees the classes for newer Java but in the jar, and that one sees no others.
tests_races() {
    local section="host: close races" out=$top/target/jcstress
    tests_step races "$section" "the races build" races-build maven -Pjcstress package || return
    races "$section" classes "$out/classes" Races
    [ "$(host_jdk | cut -d ' ' -f 1)" -lt 22 ] || races "$section, of the jar" jar "$(echo "$out"/ashmem-*.jar)" MappingRaces
}

# They are run by ./run bench java alone.
tests_benchmarks() {
    tests_step benchmarks "host: benchmarks" "the benchmarks build" benchmarks maven -Pjmh package || true
}
