// SPDX-License-Identifier: Apache-2.0
package org.ashmem;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Properties;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Loading the library from a directory without execution. Only root can create one. */
@Tag("device") // the tests on the device run as root on a machine of their own
class NativeLibraryIT {
  @Test
  void directoryWithoutExecutionSaysWhatToDo(@TempDir Path directory) throws Exception {
    Path noexec = Files.createDirectory(directory.resolve("noexec"));
    Properties properties = new Properties();
    properties.putAll(System.getProperties());
    properties.setProperty("java.io.tmpdir", noexec.toString());
    run("mount", "-t", "tmpfs", "-o", "noexec", "none", noexec.toString());
    try {
      UnsatisfiedLinkError e =
          assertThrows(UnsatisfiedLinkError.class, () -> NativeLibrary.load(properties));
      assertTrue(e.getMessage().contains("unpacked to " + noexec), e.getMessage());
      assertTrue(e.getMessage().contains("failed to map segment"), e.getMessage());
      assertTrue(e.getMessage().contains("-Dorg.ashmem.tmpdir=DIRECTORY"), e.getMessage());
      try (var left = Files.list(noexec)) {
        assertEquals(List.of(), left.toList());
      }

      properties.setProperty("org.ashmem.tmpdir", directory.toString());
      NativeLibrary.load(properties);
    } finally {
      // The loader keeps the part of the file that it mapped before the refusal.
      run("umount", "--lazy", noexec.toString());
    }
  }

  private static void run(String... command) throws Exception {
    ChildJvm.Result result = ChildJvm.run(List.of(command));
    assertEquals(0, result.status(), result.output());
  }
}
