// SPDX-License-Identifier: Apache-2.0
package org.ashmem;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class BackendTest {
  @ParameterizedTest
  @CsvSource({
    "auto, AUTO",
    "device, DEVICE",
    "memfd, MEMFD",
    "MEMFD, MEMFD",
    "Device, DEVICE",
    "DEVICE, DEVICE"
  })
  void propertyNamesItInAnyCase(String name, Backend backend) {
    Locale before = Locale.getDefault();
    // In Turkish, the capital of i is not I.
    Locale.setDefault(Locale.forLanguageTag("tr"));
    try {
      assertEquals(backend, Backend.of(name));
    } finally {
      Locale.setDefault(before);
    }
  }

  @Test
  void itIsAutomaticWithoutTheProperty() {
    assertEquals(Backend.AUTO, Backend.of(null));
  }

  @ParameterizedTest
  @CsvSource({"''", "mem fd", "ashmem"})
  void anythingElseIsRefused(String name) {
    IllegalArgumentException e =
        assertThrows(IllegalArgumentException.class, () -> Backend.of(name));
    assertTrue(e.getMessage().contains("org.ashmem.backend is '" + name + "'"), e.getMessage());
  }

  /** A program that selects no backend. */
  static final class Careless {
    private Careless() {}

    public static void main(String[] args) {
      for (int i = 0; i < 3; i++) {
        AshmemRegion.create("anywhere", 1).close();
      }
    }
  }

  @Test
  void itSaysNothingUnlessAsked() throws Exception {
    assertEquals(
        new ChildJvm.Result(0, ""),
        ChildJvm.run(ChildJvm.command(List.of("-Dorg.ashmem.backend=auto"), Careless.class)));
  }

  @Test
  void atTheLevelOfDebuggingItTellsOnceWhichItTook(@TempDir Path directory) throws Exception {
    Path logging = directory.resolve("logging.properties");
    Files.writeString(
        logging,
        """
        handlers = java.util.logging.ConsoleHandler
        java.util.logging.ConsoleHandler.level = ALL
        org.ashmem.level = FINE
        """);
    ChildJvm.Result result =
        ChildJvm.run(
            ChildJvm.command(
                List.of("-Dorg.ashmem.backend=auto", "-Djava.util.logging.config.file=" + logging),
                Careless.class));
    assertEquals(0, result.status(), result.output());
    String told =
        Files.exists(Path.of(AshmemRegion.DEVICE))
            ? ": regions are on /dev/ashmem"
            : ": there is no /dev/ashmem: regions are on memfd";
    assertEquals(
        1, result.output().lines().filter(line -> line.endsWith(told)).count(), result.output());
  }

  @ParameterizedTest
  @CsvSource({
    "7, regions are on /dev/ashmem",
    "-2, there is no /dev/ashmem: regions are on memfd",
    "-25, /dev/ashmem is not the ashmem device: regions are on memfd",
    "-19, /dev/ashmem has no driver: regions are on memfd",
  })
  void whatItTellsIsTrue(int device, String told) {
    assertEquals(told, Backend.choice(device));
  }
}
