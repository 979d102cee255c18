// SPDX-License-Identifier: Apache-2.0
package org.ashmem;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Other files at the device's path. */
class DeviceTest {
  @ParameterizedTest
  @ValueSource(strings = {"directory", "file", "fifo", "link", "/dev/null", "/dev/tty"})
  void strangerIsNotOpened(String kind, @TempDir Path directory) throws Exception {
    Path path = directory.resolve(kind);
    switch (kind) {
      case "directory" -> Files.createDirectory(path);
      case "file" -> Files.createFile(path);
      case "fifo" -> assertEquals(0, ChildJvm.run(List.of("mkfifo", path.toString())).status());
      case "link" -> Files.createSymbolicLink(path, Path.of("/dev/zero"));
      default -> assertTrue(Files.exists(path), kind);
    }
    long open = OpenFile.count(path);

    AshmemException.DeviceMissing e =
        assertThrows(AshmemException.DeviceMissing.class, () -> DeviceDriver.open(path.toString()));

    assertEquals("ENOTTY", e.errnoName());
    assertTrue(e.getMessage().contains("is not the ashmem device"), e.getMessage());
    assertTrue(e.getMessage().contains("--device " + path), e.getMessage());
    assertEquals(open, OpenFile.count(path));
  }

  /** Miscellaneous devices share a major number with the ashmem device. */
  @Test
  void otherMiscDeviceIsNotOpened() throws Exception {
    for (String path : List.of("/dev/fuse", "/dev/loop-control", "/dev/hwrng", "/dev/kvm")) {
      // A container has few of them. A device whose driver is missing is ENODEV.
      if (Files.exists(Path.of(path))) {
        assertThrows(AshmemException.DeviceMissing.class, () -> DeviceDriver.open(path), path);
      }
    }
  }
}
