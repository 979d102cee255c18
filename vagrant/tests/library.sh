# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# Tests of the library on the host, besides Maven's own: the jar on each JDK, the shim under musl and under sanitizers,
# close races under jcstress, and the build of the benchmarks. Sourced by tests.sh.

: "${lab:?}" "${top:?}" "${log:?}" "${results:?}"
# shellcheck source=../report/junit.sh
. "$lab/report/junit.sh"
asan_out=$top/target/asan
races_out=$top/target/races-and-benchmarks

# jar_options OUT: prints the options of a JVM that runs the jar's tests and writes their coverage to OUT
jar_options() {
    printf '%s\n' "${junit_launcher[@]}" -Dorg.ashmem.backend=memfd -Dorg.ashmem.purgeOnPressure=false \
        "-javaagent:$top/target/jacoco/org.jacoco.agent-runtime.jar=destfile=$1/jacoco.exec,includes=org.ashmem.*"
}

# jar_tests OUT TESTS [PATTERN]: prints JUnit's arguments for the same tests as in Maven's build, from TESTS, with reports in OUT
jar_tests() {
    printf '%s\n' "${junit_execute[@]}" --reports-dir "$1" --scan-classpath "$2" \
        --include-classname "${3:-.*(Test|IT)$}" --exclude-tag device
}

# jar_part FILE SECTION PROJECT MAJOR JDK [PATTERN]: runs the tests of a Maven project on its jar
jar_part() {
    local file=$1 section="$2 on JDK $4" project=$3 name=$1-$4 jdk=$5 status=0 options arguments
    mkdir -p "$results/$name"
    host_give_back "$results"
    mapfile -t options < <(jar_options "$results/$name")
    mapfile -t arguments < <(jar_tests "$results/$name" "$project/target/test-classes" "${@:6}")
    step "$log/$name.log" "running the unit tests of ${section#host: }" as_caller "$jdk/bin/java" "${options[@]}" \
        -cp "$(junit_path "$project")" "${arguments[@]}" || status=$?
    junit_results "$section" "$log/$name.log" "$results/$name" "$([ "$status" -eq 0 ] || echo "exited with $status")" \
        >>"$results/$file.tsv"
}

# newer_build JDK OUT: compiles the tests of the classes for newer Java against the jar
newer_build() {
    local jdk=$1 out=$2
    rm -rf "$out"
    mkdir -p "$out"
    host_give_back "$out"
    as_caller "$jdk/bin/javac" --release 22 -Xlint:all,-processing,-classfile,-try -Werror -d "$out" \
        -cp "$(junit_path "$top")" "$top"/src/test/java22/org/ashmem/*.java
}

# One JDK of each version, except the JDK that part_asan uses.
part_jar() {
    local major jdk
    while read -r major jdk; do
        [[ $jdk = "$(jdk_folder)" || $jdk = "$(jdk_oldest)" ]] || jar_part jar "host: the jar" "$top" "$major" "$jdk"
    done < <(host_jdks | awk '!seen[$1]++')
}

# android_compare OUT: writes the list of Android's signatures to OUT, and compares it with the one that Maven's tests use
android_compare() {
    as_caller env JAVA_HOME="$(jdk_folder)" "$lab/tests/android.sh" >"$1" && diff "$top/src/test/resources/android-signatures.txt" "$1"
}

part_android() {
    tests_step android "host: Android's classes" "the list of signatures is that of Android's jars" android \
        android_compare "$results/android-signatures.txt" || true
}

# musl_run FOLDER: loads the jar's shim. Debian has no JVM for musl, but a shim that loads finds every function it calls
musl_run() {
    local folder=$1
    rm -rf "$folder"
    mkdir -p "$folder"
    host_give_back "$folder"
    (cd "$folder" && as_caller "$(jdk_folder)/bin/jar" xf "$top"/target/ashmem-*.jar org/ashmem/native) &&
        as_caller musl-gcc -std=gnu11 -Wall -Wextra -Werror "$top/src/test/c/load.c" -o "$folder/load" &&
        as_caller "$folder/load" "$folder/org/ashmem/native/linux-x86_64/libashmem.so"
}

part_musl() {
    tests_step musl "host: shim under musl" "it loads, and its calls work" musl musl_run "$top/target/musl" || true
}

# arm64_build FOLDER: puts there the jar's arm64 shim, a program that loads it, and their libraries, for a guest without
# a JVM
arm64_build() {
    local folder=$1 library
    rm -rf "$folder"
    mkdir -p "$folder"
    host_give_back "$folder"
    (cd "$folder" && as_caller "$(jdk_folder)/bin/jar" xf "$top"/target/ashmem-*.jar org/ashmem/native/linux-aarch64) &&
        as_caller aarch64-linux-gnu-gcc -std=gnu11 -Wall -Wextra -Werror "$top/src/test/c/load.c" -o "$folder/load" || return
    for library in ld-linux-aarch64.so.1 libc.so.6; do
        cp "$(aarch64-linux-gnu-gcc -print-file-name=$library)" "$folder/" || return
    done
}

part_arm64() {
    tests_step musl "host: shim for arm64" "it is there with what loads it" arm64-shim arm64_build "$top/target/arm64" || true
}

# asan_build SOURCES OUT: builds the shim from the C files in SOURCES. With OUT first in the class path, each JVM finds
# this shim before the one in the jar, also a JVM that a test starts
asan_build() {
    local jdk version folder=$2/org/ashmem/native/linux-x86_64
    jdk=$(jdk_folder)
    version=$(sed -n 's|^  <version>\(.*\)</version>|\1|p' "$top/parent.xml" | head -n 1)
    mkdir -p "$folder"
    gcc -shared -fPIC -std=gnu11 -g -O1 -fno-omit-frame-pointer -fvisibility=hidden -Wall -Werror -Wl,-z,noexecstack \
        -fsanitize=address,undefined -fno-sanitize-recover=undefined -D_GNU_SOURCE "-DASHMEM_VERSION=\"$version\"" \
        -I"$top/target/generated-jni" -I"$top/kernel/include/uapi" -I"$jdk/include" -I"$jdk/include/linux" \
        "$1"/*.c -o "$folder/libashmem.so"
}

# asan_run OUT REPORTS TESTS ARGUMENT...: runs java with the shim in OUT, and with ARGUMENT... for JUnit
asan_run() {
    local out=$1 reports=$2 tests=$3 environment options
    shift 3
    rm -rf "$reports"
    mkdir -p "$reports"
    host_give_back "$asan_out"
    host_give_back "$reports"
    mapfile -t environment < <(sanitizer_environment "$(gcc -print-file-name=libasan.so)")
    mapfile -t options < <(jar_options "$reports")
    # without C2, which the races have on this JDK
    options+=(-XX:TieredStopAtLevel=1 -XX:+UseSerialGC)
    as_caller env "${environment[@]}" "$(jdk_folder)/bin/java" "${options[@]}" -cp "$out:$(junit_path "$top" "$tests")" "$@"
}

# asan_results SECTION LOG REPORTS STATUS: prints the results of JUnit and of the sanitizers
asan_results() {
    junit_results "$1" "$2" "$3" "$([ "$4" -eq 0 ] || echo "exited with $4")"
    sanitizer_results "$1" "$2"
}

# asan_control NAME FOLDER FILE CHANGE WANTED: breaks the shim by sed's CHANGE to FILE. A failure must contain WANTED
asan_control() {
    local name=$1 out=$asan_out/$2 file=$3 change=$4 wanted=$5 section="host: shim under AddressSanitizer" status=0 said
    rm -rf "$out"
    mkdir -p "$out"
    cp -r "$top/native" "$out/native"
    sed -i "$change" "$out/native/$file"
    if cmp -s "$top/native/$file" "$out/native/$file"; then
        tests_result asan fail "$section" "$name" "the change to $file no longer matches anything"
    elif asan_build "$out/native" "$out/classes" >"$log/asan-$2.log" 2>&1; then
        asan_run "$out/classes" "$out/reports" "$top/target/test-classes" "${junit_execute[@]}" --reports-dir "$out/reports" \
            --select-method 'org.ashmem.AshmemRegionTest#pageSizeIsAPowerOfTwo' \
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

# The jar's unit tests, on the JDK that built it, with the shim under sanitizers. The guest of um runs the
# integration tests with the shim in target/asan/.
part_asan() {
    local section="host: shim under AddressSanitizer" status=0 newer=$top/target/test-classes-22 tests=$top/target/test-classes
    local reports=$results/asan arguments
    rm -rf "$asan_out"
    tests_step asan "$section" "the shim builds with sanitizers" asan-build asan_build "$top/native" "$asan_out/classes" || return
    if host_jdk_is_new &&
        tests_step asan "$section" "the tests of src/main/java22 build" asan-newer newer_build "$(jdk_folder)" "$newer"; then
        tests=$newer:$tests
    fi
    mapfile -t arguments < <(jar_tests "$reports" "$tests")
    step "$log/asan.log" "running the unit tests of the jar on JDK $(host_jdk | cut -d ' ' -f 1), its shim under AddressSanitizer" \
        asan_run "$asan_out/classes" "$reports" "$tests" "${arguments[@]}" --exclude-tag unsanitized || status=$?
    asan_results "$section" "$log/asan.log" "$reports" "$status" >>"$results/asan.tsv"
    say "breaking the shim, to check that the tests notice"
    asan_control "a shim that writes past an array is found" overrun device.c \
        's/^\tcopy\[length\] = .*/&__builtin_memset(copy, 0, sizeof(copy) + (size_t)length);/' 'stack-buffer-overflow'
    asan_control "a shim whose sum overflows is found" overflow mapping.c \
        's/return sysconf(_SC_PAGESIZE);/return sysconf(_SC_PAGESIZE) + INT64_MAX;/' 'signed integer overflow'
    asan_control "a shim that calls the JVM with an exception pending is found" pending device.c \
        's/^\tcopy\[length\] = .*/&(*env)->GetByteArrayRegion(env, path, length, 1, (jbyte *)copy); \
            (void)(*env)->GetArrayLength(env, path); (*env)->ExceptionClear(env);/' 'JNI call made with exception pending'
}

# races_run FOLDER CLASSES OPTION...: runs jcstress in a folder of its own on CLASSES, a folder or a jar. With few
# states at a time, so that the actors meet; few descriptors, so that a leak of them fails soon; absolute paths, as
# jcstress looks for its classes in the text of the class path; English output, for jcstress.awk
races_run() {
    local out=$races_out work=$races_out/run-$1 classes=$2
    shift 2
    rm -rf "$work"
    mkdir -p "$work"
    host_give_back "$out"
    cd "$work" && ulimit -n 4096 && as_caller "$(jdk_folder)/bin/java" \
        -Duser.language=en -Duser.country=US -cp "$out/test-classes:$classes:$out/test-lib/*" org.openjdk.jcstress.Main -v -r results \
        -f 1 -iters 2 -time 200 -sc false -strideSize 2 -strideCount 8 \
        -jvmArgs "-Xmn16m --enable-native-access=ALL-UNNAMED" "$@"
}

# races SECTION FOLDER CLASSES PATTERN: runs the races whose name matches PATTERN
races() {
    local section=$1 folder=$2 classes=$3 pattern=$4 status=0 tests output=$log/races-$2.log
    tests=$(find "$races_out/test-classes" -name '*_jcstress.class' -printf '%f\n' |
        sed 's/_jcstress.class$//; s/_/./' | grep "$pattern" | sort)
    step "$output" "racing close against everything else ($folder)" races_run "$folder" "$classes" -t "$pattern" || status=$?
    awk -v section="$section" -v tests="$(tr '\n' ' ' <<<"$tests")" -f "$lab/report/jcstress.awk" "$output" >>"$results/races.tsv"
    if [ "$status" -ne 0 ] && ! grep -qF "fail	$section	" "$results/races.tsv"; then
        tests_result races fail "$section" "jcstress" "exited with $status: $(tail -n 5 "$output")"
    fi
}

# tombstones OUT: compiles the class that the one for newer Java has replaced
tombstones() {
    rm -rf "$1"
    mkdir -p "$1"
    host_give_back "$races_out"
    as_caller "$(jdk_folder)/bin/javac" --release 17 -d "$1" -cp "$races_out/classes:$races_out/test-lib/*" \
        "$top/src/main/java/org/ashmem/ArenaMemory.java"
}

# Only ./run bench java runs the benchmarks.
part_races() {
    local section="host: close races"
    rm -f "$races_out/test-classes/META-INF/BenchmarkList"
    tests_step races "$section" "the races build" races-build maven -Praces-and-benchmarks package || return
    tests_result races "$([ -e "$races_out/test-classes/META-INF/BenchmarkList" ] && echo ok || echo fail)" "host: benchmarks" \
        "the benchmarks build" "target/log/races-build.log shows what Maven did"
    races "$section" classes "$races_out/classes" Races
    host_jdk_is_new || return 0
    tests_step races "$section" "the class before Java 22 builds" races-tombstones tombstones "$races_out/tombstones" || return
    races "$section, before Java 22" tombstones "$races_out/tombstones:$races_out/classes" MappingRaces
}
