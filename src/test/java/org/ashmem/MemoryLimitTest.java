// SPDX-License-Identifier: Apache-2.0
package org.ashmem;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.ashmem.MemoryLimit.Room;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class MemoryLimitTest {
  private static final long MIB = 1 << 20;

  @TempDir Path directory;

  private void write(String file, long number) throws IOException {
    write(file, number + "\n");
  }

  private void write(String file, String content) throws IOException {
    Files.writeString(directory.resolve(file), content);
  }

  private MemoryLimit version2() throws IOException {
    write("memory.max", 160 * MIB);
    write("memory.high", "max\n");
    write("memory.current", 40 * MIB);
    write("memory.stat", "anon 1\n");
    return MemoryLimit.ofVersion2(directory);
  }

  @Test
  void roomIsWhatIsLeftBelowTheLimit() throws Exception {
    try (MemoryLimit limit = version2()) {
      assertEquals(new Room(120 * MIB, 10 * MIB), limit.room());
      write("memory.current", 170 * MIB);
      assertEquals(new Room(-10 * MIB, 10 * MIB), limit.room());
    }
  }

  /** A process may change the limits. Above memory.high the kernel slows the processes down. */
  @Test
  void lowerLimitCounts() throws Exception {
    try (MemoryLimit limit = version2()) {
      write("memory.high", 80 * MIB);
      assertEquals(new Room(40 * MIB, 5 * MIB), limit.room());
      write("memory.max", 48 * MIB);
      assertEquals(new Room(8 * MIB, 4 * MIB), limit.room());
      write("memory.max", "max\n");
      write("memory.high", 1L << 40);
      assertEquals(64 * MIB, limit.room().margin());
    }
  }

  @Test
  void withoutALimitThereIsAlwaysRoom() throws Exception {
    try (MemoryLimit limit = version2()) {
      write("memory.max", "max\n");
      assertFalse(limit.room().isShort(Long.MAX_VALUE));
      assertFalse(limit.isAmpleMachine());
    }
  }

  /** The kernel drops clean pages of files that were not used for long, before it kills. */
  @Test
  void pagesThatTheKernelCanDropAreRoom() throws Exception {
    try (MemoryLimit limit = version2()) {
      write("memory.current", 155 * MIB);
      write(
          "memory.stat",
          "file_dirty %d%nfile_writeback %d%nactive_file %d%ninactive_file %d%n"
              .formatted(3 * MIB, 2 * MIB, 50 * MIB, 30 * MIB));
      assertEquals(30 * MIB, limit.room().room());
      write("memory.stat", "inactive_file 1\nfile_dirty 4096\n");
      assertEquals(5 * MIB, limit.room().room());
    }
  }

  @Test
  void version1HasOtherNames() throws Exception {
    write("memory.limit_in_bytes", 320 * MIB);
    write("memory.usage_in_bytes", 300 * MIB);
    write(
        "memory.stat",
        "inactive_file 5\ntotal_dirty %d%ntotal_writeback 0%ntotal_inactive_file %d%n"
            .formatted(MIB, 10 * MIB));
    try (MemoryLimit limit = MemoryLimit.ofVersion1(directory)) {
      assertEquals(new Room(29 * MIB, 20 * MIB), limit.room());
      write("memory.limit_in_bytes", "9223372036854771712\n");
      assertFalse(limit.room().isShort(Long.MAX_VALUE));
    }
  }

  @Test
  void machineTellsWhatIsAvailable() throws Exception {
    write("meminfo", "MemTotal:  2097152 kB\nMemFree: 1024 kB\nMemAvailable:  1048576 kB\n");
    try (MemoryLimit machine = MemoryLimit.ofMachine(directory)) {
      assertEquals(new Room(1024 * MIB, 64 * MIB), machine.room());
      assertTrue(machine.isAmpleMachine());
    }
    write("meminfo", "MemTotal:  2097152 kB\nMemFree: 1024 kB\nMemAvailable:  1048000 kB\n");
    try (MemoryLimit machine = MemoryLimit.ofMachine(directory)) {
      assertFalse(machine.isAmpleMachine());
    }
    try (MemoryLimit machine = MemoryLimit.ofMachine(Path.of("/proc"))) {
      assertTrue(machine.room().room() > 0);
    }
  }

  /** New memory is expected up to the margin: it may be that it is never used. */
  @Test
  void roomIsShortIfTheMarginIsUsed() {
    assertFalse(new Room(10, 10).isShort(0));
    assertTrue(new Room(9, 10).isShort(0));
    assertTrue(new Room(12, 10).isShort(3));
    assertFalse(new Room(13, 10).isShort(3));
    assertTrue(new Room(19, 10).isShort(Long.MAX_VALUE));
    assertFalse(new Room(20, 10).isShort(Long.MAX_VALUE));
  }

  @Test
  void whatCannotBeReadIsNoLimit() throws Exception {
    assertThrows(IOException.class, () -> MemoryLimit.ofVersion2(directory));
    assertThrows(IOException.class, () -> MemoryLimit.ofVersion1(directory));
    assertThrows(IOException.class, () -> MemoryLimit.ofMachine(directory));
    write("meminfo", "");
    assertThrows(IOException.class, () -> MemoryLimit.ofMachine(directory));
    write("meminfo", "MemTotal: much kB\n");
    assertThrows(IOException.class, () -> MemoryLimit.ofMachine(directory));
    assertEquals(0, OpenFile.count(directory.resolve("meminfo")));
    MemoryLimit limit = version2();
    write("memory.current", "nonsense\n");
    assertFalse(limit.room().isShort(Long.MAX_VALUE));
    limit.close();
    assertFalse(limit.room().isShort(Long.MAX_VALUE));
    assertEquals(0, OpenFile.count(directory.resolve("memory.max")));
  }
}
