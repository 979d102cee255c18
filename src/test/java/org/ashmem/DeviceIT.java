// SPDX-License-Identifier: Apache-2.0
package org.ashmem;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Other files at the device's path. Only root can put one there. */
@Tag("device")
class DeviceIT {
  private static final Path DEVICE = Path.of(AshmemRegion.DEVICE);
  private static final long PAGE = AshmemRegion.pageSize();

  @ParameterizedTest
  @ValueSource(strings = {"/dev/null", "/dev/fuse", "/etc/passwd", "/tmp", "/dev/nowhere"})
  void strangerAtTheDevicesPathIsLeftAlone(Path other) throws Exception {
    Path away = Path.of("/dev/ashmem-away");
    Files.move(DEVICE, away);
    try {
      Files.createSymbolicLink(DEVICE, other);
      long before = OpenFile.count(other);
      RegionBuilder builder = AshmemRegion.builder().name("nowhere").size(PAGE);
      AshmemException.DeviceMissing e =
          assertThrows(
              AshmemException.DeviceMissing.class, () -> builder.backend(Backend.DEVICE).create());
      assertEquals(AshmemRegion.DEVICE, e.regionName());
      try (AshmemRegion instead = builder.backend(Backend.AUTO).create()) {
        assertEquals(Backend.MEMFD, instead.backend());
      }
      assertEquals(before, OpenFile.count(other));
    } finally {
      Files.deleteIfExists(DEVICE);
      Files.move(away, DEVICE);
    }
  }
}
