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

/** Loading the library where nothing may be executed: only root can make such a directory. */
@Tag("device") // where root's own machine is at hand
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
      // The loader keeps what it mapped of the file before it was refused.
      run("umount", "--lazy", noexec.toString());
    }
  }

  private static void run(String... command) throws Exception {
    ChildJvm.Result result = ChildJvm.run(List.of(command));
    assertEquals(0, result.status(), result.output());
  }
}
