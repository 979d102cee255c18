#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Tests that need no guest and are not part of Maven's: the scripts that judge results, the jar, a release, and rules for
# the whole repository.
# usage: repository.sh RESULTS      writes RESULTS/repository.tsv, for report.awk
# JAVA_HOME: the JDK that built the jar; ASHMEM_OLDEST: the oldest JDK of this machine; ASHMEM_COMPILER: Maven's options for a
# newer compiler than that of JAVA_HOME
set -uo pipefail
lab=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
top=${lab%/*}
report=$lab/report
# shellcheck source=../report/junit.sh
. "$report/junit.sh"
results=$1
work=$(mktemp -d)
export GNUPGHOME=$work/gnupg
trap 'gpgconf --kill gpg-agent 2>/dev/null; rm -rf "$work"' EXIT
cd "$top" || exit
# Maven finds it there for all projects in $work
cp -r .mvn "$work/"
mkdir -p "$results/repository"
version=$(sed -n 's|^  <version>\(.*\)</version>|\1|p' parent.xml | head -n 1)
url=https://example.org/ashmem

files() {
    git -c safe.directory="$top" ls-files
}

# check NAME FUNCTION...: a test that passes if FUNCTION succeeds; otherwise its output is the reason
check() {
    local name=$1 said began=$SECONDS
    shift
    if said=$("$@" 2>&1); then
        printf 'ok\thost: repository\t%s\t\n' "$name"
    else
        printf 'fail\thost: repository\t%s\t%s\n' "$name" "$(tr '\t\n' '  ' <<<"$said" | cut -c1-500)"
    fi >>"$results/repository.tsv"
    [ "$((SECONDS - began))" -lt 2 ] || printf '%d\trepository: %s\n' "$((SECONDS - began))" "$name" >>"$results/repository/times"
}

# says_nothing FUNCTION...: fails if FUNCTION prints anything
says_nothing() {
    local said
    said=$("$@")
    [ -z "$said" ] || { echo "$said"; false; }
}

# paragraphs SAMPLE: writes each paragraph of SAMPLE to a file, and prints the files' names. A paragraph is one log, and
# its first line says what the log shows
paragraphs() {
    awk -v RS= -v work="$work" 'NR > 1 { file = work "/" NR ".log"; print > file; close(file) }' "$1"
    find "$work" -name '*.log' | sort -V
}

complained_about() {
    ! "$report/complaints" "$1" >/dev/null || { echo "nothing found in: $(cat "$1")"; false; }
}

expected() {
    grep -v '^# SPDX' "$1"
}

counted_as_expected() {
    awk -v section=S -v program=p -v ended="$(sed -n 's/^# ended: //p' "$1")" -f "$report/ktap.awk" "$1" |
        diff - <(expected "${1%.ktap}.tsv")
}

reports_counted_as_expected() {
    junit_cases S "$1" | diff - <(expected "${1%.xml}.tsv")
}

races_counted_as_expected() {
    awk -v section=S -v tests="$(sed -n 's/^# tests: //p' "$1")" -f "$report/jcstress.awk" "$1" |
        diff - <(expected "${1%.jcstress}.tsv")
}

totals_are_right() {
    local status=0 last
    last=$(printf 'ok\ta\tx\t\nfail\tb\ty\twhy\nok\tb\tz\t\n' | awk -f "$report/report.awk" | tail -n 1) || status=$?
    [ "$last" = "2 passed, 1 failed" ] && [ "$status" -ne 0 ] || { echo "a failure: '$last', status $status"; return 1; }
    status=0
    last=$(awk -f "$report/report.awk" </dev/null | tail -n 1) || status=$?
    [ "$last" = "0 passed, 0 failed" ] && [ "$status" -ne 0 ] || { echo "nothing ran: '$last', status $status"; return 1; }
    last=$(printf 'ok\ta\tx\t\n' | awk -f "$report/report.awk" | tail -n 1) || { echo "fails, but no test failed"; return 1; }
    [ "$last" = "1 passed, 0 failed" ] || { echo "'$last'"; return 1; }
}

# The licence texts need no such line, and neither do three files whose format has no comments.
without_spdx() {
    files | grep -vE '^LICENSES/|^kernel/debian/(changelog|copyright)$|^\.mvn/jvm\.config$' | while read -r file; do
        [ ! -f "$file" ] || [[ $file = *.png ]] || head -n 5 "$file" | grep -q 'SPDX-License-Identifier: ' || echo "$file"
    done
}

# The words are split, so that the search finds only kernel/compat.h.
version_checks() {
    git -c safe.directory="$top" grep -lE 'LINUX_VERSION_''CODE|KERNEL_''VERSION' | grep -vx kernel/compat.h
}

# Prints the defects without a test, out of the twenty that existing drivers have or had.
defects_without_a_test() {
    local number
    for number in {01..20}; do
        grep -qE "^CASE(_LIMIT)?\(defect_${number}_[a-z]" kernel/tests/*.c || echo "defect $number"
    done
}

# Documents name a test as `PROGRAM: CASE`.
named_tests_that_are_not_there() {
    local document program name
    for document in kernel/SECURITY.md kernel/DIFFERENCES.md; do
        while IFS=': ' read -r program name; do
            grep -qE "^CASE(_LIMIT)?\\(${name}[,)]" "kernel/tests/$program.c" || echo "$document: $program: $name"
        done < <(grep -oE '`[a-z0-9]+: [a-z0-9_]+`' "$document" | tr -d '`' | sort -u)
        grep -qE '`[a-z0-9]+: [a-z0-9_]+`' "$document" || echo "$document names no test"
    done
}

wrong_in_the_description_for_syzkaller() {
    awk -f kernel/tests/syzkaller/check.awk kernel/include/uapi/linux/ashmem.h kernel/tests/syzkaller/ashmem.txt 2>&1
}

# Finds a bug whose patch no longer applies, or that names no kernel to look for it.
wrong_with_the_bugs() {
    local bug field
    for bug in kernel/tests/bugs/*.patch; do
        git apply --check "$bug" 2>&1
        for field in 'Bug: .' 'Kernels: (debug|kcsan)( |$)' 'Program: [a-z]+ ' 'Seen: .'; do
            grep -qE "^$field" "$bug" || echo "$bug has no line $field"
        done
    done
}

scripts_are_clean() {
    local script
    shellcheck -x run .ci/run vagrant/*.sh vagrant/*/*.sh vagrant/machines/*/*.sh vagrant/machines/init || return
    for script in kernel/probes/decide.sh kernel/debian/*.{postinst,prerm}; do
        sh -n "$script" || return
    done
}

one_version() {
    grep -qF "PACKAGE_VERSION=\"$version\"" kernel/dkms.conf || echo "kernel/dkms.conf is not $version"
    head -n 1 kernel/debian/changelog | grep -qF " ($version) " || echo "kernel/debian/changelog does not begin with $version"
}

# make_says ONE_LINE ARGUMENT...: does make -C kernel fail with no other line than this?
make_says() {
    local said line=$1
    shift
    ! said=$(LC_ALL=C make -s -C "${folder:-kernel}" "$@" 2>&1) || { echo "the module was built"; return 1; }
    [[ $said = "Makefile:"+([0-9])": *** $line.  Stop." ]] ||
        { printf 'expected: %s\nsaid: %s\n' "$line" "$said"; return 1; }
}

missing_headers_are_named() {
    local kernel package distribution
    while IFS='|' read -r kernel package distribution; do
        printf '%b\n' "$distribution" >"$work/os-release"
        make_says "the headers of kernel $kernel are missing: install $package" \
            KDIR="/lib/modules/$kernel/build" OS_RELEASE="$work/os-release" || return
    done <<'END'
0-0-cloud-amd64|linux-headers-0-0-cloud-amd64|ID=debian
0-0-generic|linux-headers-0-0-generic|ID=linuxmint\nID_LIKE="ubuntu debian"
0-0.fc0.x86_64|kernel-devel-0-0.fc0.x86_64|ID=fedora
0-0.el0.x86_64|kernel-devel-0-0.el0.x86_64|ID="rocky"\nID_LIKE="rhel centos fedora"
0-0-default|kernel-default-devel|ID="opensuse-leap"\nID_LIKE="suse opensuse"
0.0-arch0-0|linux-headers|ID=arch
0.0-0-lts|linux-lts-headers|ID=manjaro\nID_LIKE=arch
0-0-virt|linux-virt-dev|ID=alpine
0|the package that has them|ID=unknown
END
    make_says "the headers of kernel 0 are missing: install the package that has them" \
        KDIR=/lib/modules/0/build OS_RELEASE="$work/nothing" &&
        make_says "$work has no kernel to build for: KDIR= names the headers of a kernel, or its built source" KDIR="$work"
}

spaces_are_refused() {
    local folder="$work/a folder"
    mkdir "$folder" && cp kernel/Makefile parent.xml pom.xml "$folder" || return
    make_says "kbuild cannot build in a folder with a space in its path: build in a copy of $folder elsewhere" || return
    (cd "$folder" && ! mvn -B -q -ntp validate) >"$work/spaced" 2>&1 ||
        { echo "Maven builds in a folder with a space"; return 1; }
    grep -F "cannot link the shim in a folder with a space in its path: build in a copy of $folder elsewhere." \
        "$work/spaced" || { cat "$work/spaced"; return 1; }
}

# built_with LLVM CLANG... -- CONFIG...: does make call kbuild with this LLVM, on a machine with these clangs, for a kernel
# with this configuration? CLANG is PROGRAM=VERSION.
built_with() {
    local wanted=$1 headers=$work/headers clangs=$work/clangs said
    shift
    rm -rf "$headers" "$clangs"
    mkdir -p "$headers/include/config" "$clangs"
    while [ "$1" != -- ]; do
        printf '#!/bin/sh\necho "clang version %s"\n' "${1#*=}" >"$clangs/${1%%=*}"
        chmod +x "$clangs/${1%%=*}"
        shift
    done
    shift
    echo 'modules: ; @echo "LLVM is $(LLVM)"' >"$headers/Makefile"
    printf '%s\n' "$@" >"$headers/${config:-include/config/auto.conf}"
    ln -s "$(command -v grep)" "$(command -v sed)" "$(command -v make)" "$(command -v uname)" "$clangs/"
    said=$(PATH=$clangs make -s --no-print-directory -C kernel KDIR="$headers" ${llvm:+"$llvm"} 2>&1)
    [ "$said" = "LLVM is $wanted" ] || { echo "expected $wanted for $*; said: $said"; return 1; }
}

kernels_compiler_is_taken() {
    local clang=(CONFIG_CC_IS_CLANG=y CONFIG_CLANG_VERSION=190107) both=(clang=14.0.6 clang-19=19.1.7)
    built_with '' "${both[@]}" -- CONFIG_CC_IS_GCC=y CONFIG_CLANG_VERSION=0 &&
        built_with 1 clang=19.1.7 clang-19=19.1.7 -- "${clang[@]}" &&
        built_with -19 "${both[@]}" -- "${clang[@]}" &&
        built_with -19 clang-19=19.1.7 -- "${clang[@]}" &&
        built_with 1 clang=14.0.6 -- "${clang[@]}" &&
        built_with 1 -- "${clang[@]}" &&
        config=.config built_with 1 clang=19.1.7 -- "${clang[@]}" '# CONFIG_CC_IS_GCC is not set' &&
        config=.config built_with '' clang=19.1.7 -- '# CONFIG_CC_IS_CLANG is not set' CONFIG_CLANG_VERSION=0 &&
        llvm=LLVM=-18 built_with -18 "${both[@]}" -- "${clang[@]}" &&
        llvm=LLVM= built_with '' "${both[@]}" -- "${clang[@]}"
}

# jdk TOOL...: runs a tool of the JDK that built the jar
jdk() {
    local tool=$1
    shift
    "${JAVA_HOME:+$JAVA_HOME/bin/}$tool" "$@"
}

wrong_with_the_jar() {
    local machine
    mkdir "$work/jar"
    (cd "$work/jar" && jdk jar --extract --file "$(echo "$top/target/ashmem-$version"*.jar)") 2>&1
    for machine in 'linux-x86_64 Advanced Micro Devices X86-64' 'linux-aarch64 AArch64'; do
        LC_ALL=C readelf -h "$work/jar/org/ashmem/native/${machine%% *}/libashmem.so" 2>&1 |
            grep -q "Machine: *${machine#* }$" || echo "no shim in ${machine%% *} is for ${machine#* }"
    done
    jdk jar --validate --file "$(echo "$top/target/ashmem-$version"*.jar)" 2>&1
    # these classes have their places, in files that older Java can load, and not those of src/main/java
    (cd src/main/java22 && find . -name '*.java') | while read -r file; do
        file=$work/jar/${file%.java}.class
        grep -q java/lang/foreign/ "$file" && [ "$(od -An -j 7 -N 1 -t u1 "$file")" -eq 61 ] ||
            echo "${file##*/} is not the class for newer Java"
    done
}

# copy_of_the_sources FOLDER: makes it, with what Maven builds from
copy_of_the_sources() {
    mkdir "$1" && cp -r --parents parent.xml pom.xml src native kernel/include cache/pom.xml cache/src "$1"
}

# Uses the README's own command. The newest JDK builds everything else. The jar's name says which classes it lacks. The cache finds
# the library where part_cache has put it.
builds_with_the_oldest_jdk() {
    copy_of_the_sources "$work/oldest" && cd "$work/oldest" &&
        JAVA_HOME=$ASHMEM_OLDEST mvn -B -q -ntp -Dmaven.test.skip package &&
        JAVA_HOME=$ASHMEM_OLDEST mvn -B -q -ntp -Dmaven.test.skip -f cache/pom.xml package &&
        if [ "$("$ASHMEM_OLDEST/bin/javac" -version 2>&1 | tr -cd '0-9.' | cut -d . -f 1)" -lt 22 ]; then
            [ "$(echo target/ashmem-*.jar)" = "target/ashmem-$version-java17.jar" ]
        else
            [ "$(echo target/ashmem-*.jar)" = "target/ashmem-$version.jar" ]
        fi
}

# Makes a release with another Maven, in another folder, with a throwaway key. Leaves its files in $work/release.
jar_is_the_same_from_elsewhere() {
    local maven=3.9.16 compiler=() project
    [ -z "$ASHMEM_COMPILER" ] || mapfile -t compiler <<<"$ASHMEM_COMPILER"
    mkdir -m 700 "$work/gnupg"
    copy_of_the_sources "$work/release" && cd "$work/release" || return
    mvn -B -q -ntp dependency:copy -Dartifact=org.apache.maven:apache-maven:$maven:tar.gz:bin -DoutputDirectory="$work" &&
        tar -xzf "$work/apache-maven-$maven-bin.tar.gz" -C "$work" || return
    gpg --batch --quiet --passphrase '' --quick-generate-key throwaway default default never || return
    for project in . cache; do
        "$work/apache-maven-$maven/bin/mvn" -B -q -ntp -Prelease,aarch64 "${compiler[@]}" -Drelease.url="$url" \
            -Denforcer.skip -DskipTests -Dmaven.test.skip -f "$project/pom.xml" verify || return
    done
    cmp "target/release/ashmem-$version.jar" "$top/target/ashmem-$version.jar" &&
        cmp "cache/target/release/ashmem-cache-$version.jar" "$top/cache/target/ashmem-cache-$version.jar"
}

missing_in_the_release() {
    local project name parts file
    while read -r project name parts; do
        cd "$work/release/$project/target/release" || return
        for file in "$name-$version"{.jar,-sources.jar,-javadoc.jar,.pom} bom.{xml,json}; do
            gpg --quiet --verify "$file.asc" "$file" 2>/dev/null || echo "$name: $file is not signed"
        done
        diff <(cd "$top/$project/src/main" && find java* -name '*.java' |
            sed 's|^java/||; s|^java22/|META-INF/versions/22/|' | LC_ALL=C sort) \
            <(jdk jar --list --file "$name-$version-sources.jar" | grep '\.java$' | LC_ALL=C sort)
        grep -q "<url>$url</url>" "$name-$version.pom" || echo "the POM of $name does not name its project"
        ! grep '<parent>' "$name-$version.pom" || echo "the POM of $name has a parent, which no registry has"
        for file in $parts; do
            grep -qF "pkg:maven/$file@" bom.json || echo "$file is not in the bill of materials of $name"
        done
    done <<'END'
. ashmem org.ashmem/ashmem org.apache.commons/commons-lang3 org.jspecify/jspecify
cache ashmem-cache org.ashmem/ashmem-cache org.ashmem/ashmem com.github.ben-manes.caffeine/caffeine
END
}

release_needs_an_address() {
    ! mvn -B -ntp -Prelease,aarch64 validate >"$work/refused" || { echo "released without -Drelease.url"; return 1; }
    grep -F -e '-Drelease.url=' "$work/refused" || { cat "$work/refused"; return 1; }
}

# A project of someone else: a <dependency> gives it the jar, and nothing else of this project.
consumer_has_the_jar_alone() {
    local jars project=$work/consumer
    jars=$work/jars/org/ashmem/ashmem/$version
    mkdir -p "$jars" "$project/src/main/java/consumer"
    cp "target/ashmem-$version"*.jar "$jars/ashmem-$version.jar"
    cp target/.flattened-pom.xml "$jars/ashmem-$version.pom"
    cat >"$project/pom.xml" <<END
<project>
  <modelVersion>4.0.0</modelVersion>
  <groupId>example</groupId>
  <artifactId>consumer</artifactId>
  <version>1</version>
  <properties>
    <maven.compiler.release>17</maven.compiler.release>
    <project.build.sourceEncoding>UTF-8</project.build.sourceEncoding>
  </properties>
  <repositories>
    <repository>
      <id>jars</id>
      <url>file://$work/jars</url>
    </repository>
  </repositories>
  <dependencies>
    <dependency>
      <groupId>org.ashmem</groupId>
      <artifactId>ashmem</artifactId>
      <version>$version</version>
    </dependency>
  </dependencies>
  <build>
    <plugins>
      <plugin><artifactId>maven-resources-plugin</artifactId><version>$(plugin resources)</version></plugin>
      <plugin><artifactId>maven-compiler-plugin</artifactId><version>$(plugin compiler)</version></plugin>
      <plugin><artifactId>maven-dependency-plugin</artifactId><version>$(plugin dependency)</version></plugin>
    </plugins>
  </build>
</project>
END
    echo 'module consumer { requires org.ashmem; }' >"$project/src/main/java/module-info.java"
    cat >"$project/src/main/java/consumer/Consumer.java" <<'END'
package consumer;

import org.ashmem.AshmemException;
import org.ashmem.AshmemRegion;
import org.ashmem.Mapping;

public class Consumer {
  public static void main(String[] args) {
    try (AshmemRegion region = AshmemRegion.create("consumer", 4096);
        Mapping mapping = region.map()) {
      System.out.println("created " + region.size());
    } catch (AshmemException.DeviceMissing e) {
      System.out.println("refused " + e.getMessage());
    }
  }
}
END
    # a throwaway local repository, filled from the one that the build filled
    cat >"$work/settings.xml" <<END
<settings>
  <localRepository>$work/repository</localRepository>
  <mirrors>
    <mirror>
      <id>filled</id>
      <mirrorOf>central</mirrorOf>
      <url>file://$(junit_repository .)</url>
    </mirror>
  </mirrors>
</settings>
END
    (cd "$project" && mvn -B -q -ntp -s "$work/settings.xml" compile dependency:build-classpath \
        -Dmdep.outputFile="$work/classpath") || return
    consumer_says 'created 4096' -Dorg.ashmem.backend=memfd \
        -cp "$project/target/classes:$(cat "$work/classpath")" consumer.Consumer &&
        consumer_says 'created 4096' -p "$project/target/classes:$(cat "$work/classpath")" -m consumer/consumer.Consumer || return
    # without the module, a program that asks for the device is refused
    [ ! -e /dev/ashmem ] || return 0
    consumer_says 'refused .*modprobe ashmem.*' -Dorg.ashmem.backend=device \
        -cp "$project/target/classes:$(cat "$work/classpath")" consumer.Consumer &&
        consumer_says 'refused .*modprobe ashmem.*' -Dorg.ashmem.backend=device -p "$project/target/classes:$(cat "$work/classpath")" -m consumer/consumer.Consumer
}

# The same project as one jar, with the library in a package of its own: alone, and in two class loaders of one process.
consumer_shades_the_jar() {
    local shade=3.6.2 project=$work/consumer java program said
    mvn -B -q -ntp dependency:get -Dartifact="org.apache.maven.plugins:maven-shade-plugin:$shade" || return
    rm -r "$project/target" "$project/src/main/java/module-info.java"
    cat >"$project/src/main/java/consumer/Server.java" <<'END'
package consumer;

import java.net.URL;
import java.net.URLClassLoader;

public class Server {
  public static void main(String[] args) throws Exception {
    URL[] jar = {Server.class.getProtectionDomain().getCodeSource().getLocation()};
    for (int i = 0; i < 2; i++) {
      ClassLoader loader = new URLClassLoader(jar, ClassLoader.getPlatformClassLoader());
      loader.loadClass("consumer.Consumer").getMethod("main", String[].class).invoke(null, (Object) args);
    }
    System.out.println("both ran");
  }
}
END
    sed -i "s|<plugins>|&\
      <plugin><artifactId>maven-surefire-plugin</artifactId><version>$(plugin surefire)</version></plugin>\
      <plugin><artifactId>maven-jar-plugin</artifactId><version>$(plugin jar)</version></plugin>\
      <plugin>\
        <artifactId>maven-shade-plugin</artifactId>\
        <version>$shade</version>\
        <executions><execution><phase>package</phase><goals><goal>shade</goal></goals></execution></executions>\
        <configuration><relocations><relocation>\
          <pattern>org.ashmem</pattern><shadedPattern>consumer.shaded</shadedPattern>\
        </relocation></relocations></configuration>\
      </plugin>|" "$project/pom.xml"
    (cd "$project" && mvn -B -q -ntp -s "$work/settings.xml" -Dmaven.test.skip package) || return
    for java in "$JAVA_HOME" "$ASHMEM_OLDEST"; do
        while read -r program said; do
            JAVA_HOME=$java consumer_says "$said" --enable-native-access=ALL-UNNAMED \
                -Dconsumer.shaded.backend=memfd -cp "$project/target/consumer-1.jar" "consumer.$program" || return
            ! grep . "$work/stderr" || return
        done <<'END'
Consumer created 4096
Server both ran
END
    done
}

# consumer_says WHAT OPTION...: does java with these options print a line that matches WHAT?
consumer_says() {
    local what=$1
    shift
    jdk java "$@" >"$work/said" 2>"$work/stderr" && grep -qx "$what" "$work/said" || {
        cat "$work/said" "$work/stderr"
        return 1
    }
}

# The model of reading without a pin: Alloy finds no wrong read, and one for each thing that is left out.
model_of_reading_holds() {
    local alloy=6.2.0
    mvn -B -q -ntp dependency:copy -Dartifact="org.alloytools:org.alloytools.alloy.dist:$alloy" -DoutputDirectory="$work" || return
    jdk java -jar "$work/org.alloytools.alloy.dist-$alloy.jar" exec -c '*' -o "$work/alloy" cache/src/test/alloy/reading.als \
        >"$work/said" 2>&1
    awk '$2 == "check" || $2 == "run" { print $2, $3, $NF }' "$work/said" | diff - <(cat <<'END'
check intact UNSAT
run found_beside_the_next_use SAT
run lost SAT
run wrong_without_the_fence_of_the_reader SAT
run wrong_without_the_fences_of_the_writers SAT
run wrong_without_the_lock SAT
END
    )
}

plugin() {
    awk -v wanted="<artifactId>maven-$1-plugin</artifactId>" 'index($0, wanted) { found = 1 }
        found && match($0, /<version>[^<]*/) { print substr($0, RSTART + 9, RLENGTH - 9); exit }' parent.xml
}

for sample in "$report"/samples/boot-*.log; do
    check "complaints: none in ${sample##*/}" "$report/complaints" "$sample"
done
while read -r sample; do
    check "complaints: none about $(head -n 1 "$sample" | cut -c3-)" "$report/complaints" "$sample"
done < <(paragraphs "$report/samples/good.log")
rm -f "$work"/*.log
while read -r sample; do
    check "complaints: about $(head -n 1 "$sample" | cut -c3-)" complained_about "$sample"
done < <(paragraphs "$report/samples/bad.log")
for sample in "$report"/samples/*.ktap; do
    check "KTAP: ${sample##*/} is counted as expected" counted_as_expected "$sample"
done
for sample in "$report"/samples/*.xml; do
    check "JUnit: ${sample##*/} is counted as expected" reports_counted_as_expected "$sample"
done
for sample in "$report"/samples/*.jcstress; do
    check "jcstress: ${sample##*/} is counted as expected" races_counted_as_expected "$sample"
done
check "report: totals and exit status follow the results" totals_are_right
check "every file has an SPDX line" says_nothing without_spdx
check "no kernel version is asked for outside kernel/compat.h" says_nothing version_checks
check "each of the twenty known defects has a test named after it" says_nothing defects_without_a_test
check "each test that SECURITY.md and DIFFERENCES.md name is there" says_nothing named_tests_that_are_not_there
check "the description for syzkaller has what the header has" says_nothing wrong_in_the_description_for_syzkaller
check "each bug fits, and tells what is to be seen of it" says_nothing wrong_with_the_bugs
check "scripts are valid" scripts_are_clean
check "a value that is read without a pin is right, in the memory model of Armv8" model_of_reading_holds
check "a build without the kernel's headers names their package" missing_headers_are_named
check "a build in a folder with a space says that it cannot work, with make and with Maven" spaces_are_refused
check "a kernel that was built by clang gets a module by clang, of its version if that is there" kernels_compiler_is_taken
check "the Debian package has the version of the library" says_nothing one_version
check "the jar has a shim for each machine, and the classes for newer Java" says_nothing wrong_with_the_jar
check "the oldest JDK there is, $(basename "$ASHMEM_OLDEST"), builds the library and the cache, too" builds_with_the_oldest_jdk
check "Maven 3.9 makes the same jars in another folder" jar_is_the_same_from_elsewhere
check "a release has sources, documentation and bill of materials, all of it signed" says_nothing missing_in_the_release
check "a release is refused that does not say where the project is" release_needs_an_address
check "a project with the jar alone, on the class path or as a module, has regions, and is told to load the module if it asks for the device" consumer_has_the_jar_alone
check "a project that has the jar in its own, in another package, has regions, also in two class loaders, and no warning" consumer_shades_the_jar
