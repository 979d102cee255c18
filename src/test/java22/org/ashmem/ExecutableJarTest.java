// SPDX-License-Identifier: Apache-2.0
package org.ashmem;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.apache.commons.lang3.Validate;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The library's jar as a program: {@code java -jar}. */
class ExecutableJarTest {
  @TempDir Path directory;

  private static Path jar(Class<?> type) {
    return Path.of(type.getProtectionDomain().getCodeSource().getLocation().getPath());
  }

  private static ChildJvm.Result run(Path jar, String... arguments) throws Exception {
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.addAll(List.of("-Dorg.ashmem.backend=memfd", "-jar", jar.toString()));
    command.addAll(List.of(arguments));
    return ChildJvm.run(command);
  }

  private static Path copy(Path file, Path to) throws Exception {
    Files.createDirectories(to.getParent());
    return Files.copy(file, to);
  }

  /** Where a person, vagrant/provision.sh, the build and Maven put what the jar needs. */
  @ParameterizedTest
  @ValueSource(
      strings = {"", "ashmem/", "test-lib/", "../../../apache/commons/commons-lang3/VERSION/"})
  void commonsLangIsFound(String folder) throws Exception {
    Path library = jar(Validate.class);
    String name = library.getFileName().toString();
    String version = name.replaceAll("commons-lang3-|\\.jar", "");
    Path repository = directory.resolve("org/ashmem/ashmem/1");
    Path jar = copy(jar(AshmemRegion.class), repository.resolve("a b.jar"));
    copy(library, repository.resolve(folder.replace("VERSION", version)).resolve(name).normalize());

    ChildJvm.Result result = run(jar);

    assertEquals(0, result.status(), result.output());
    assertTrue(result.output().contains("with the classes for this Java"), result.output());
    assertTrue(result.output().contains("pinned it again: WAS_PURGED"), result.output());
    assertTrue(!result.output().contains("WARNING"), result.output());
  }

  @Test
  void missingCommonsLangIsToldOf() throws Exception {
    Path jar = copy(jar(AshmemRegion.class), directory.resolve("ashmem.jar"));
    ChildJvm.Result result = run(jar, "--json");
    assertEquals(1, result.status(), result.output());
    assertTrue(
        result.output().contains("\"commons-lang3\": {\"state\": \"broken\""), result.output());
    assertTrue(result.output().contains("put commons-lang3-"), result.output());
    assertTrue(result.output().contains("\"memory limit\": {\"state\""), result.output());
    assertEquals(2, run(jar, "--what").status());
    assertEquals(0, run(jar, "--help").status());
  }
}
