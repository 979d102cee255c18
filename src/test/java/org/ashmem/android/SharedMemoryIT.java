// SPDX-License-Identifier: Apache-2.0
package org.ashmem.android;

import static org.ashmem.android.OsConstants.PROT_EXEC;
import static org.ashmem.android.OsConstants.PROT_NONE;
import static org.ashmem.android.OsConstants.PROT_READ;
import static org.ashmem.android.OsConstants.PROT_WRITE;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.ByteBuffer;
import java.util.stream.Stream;
import org.ashmem.AshmemRegion;
import org.ashmem.OpenFile;
import org.ashmem.RegionDescriptor;
import org.ashmem.Views;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Shared memory on a region of the device or of memfd. */
class SharedMemoryIT {
  private static final int PAGE = (int) AshmemRegion.pageSize();

  @ParameterizedTest
  @ValueSource(ints = {1, 4096, 10_000_000})
  void newMemoryIsZeros(int size) throws Exception {
    try (SharedMemory memory = SharedMemory.create("zeros", size)) {
      assertEquals(size, memory.getSize());
      assertEquals(ByteBuffer.allocate(size), memory.mapReadWrite());
    }
  }

  static Stream<Arguments> names() {
    return Stream.of(
        Arguments.of("tiles", "tiles"),
        Arguments.of("a".repeat(255), "a".repeat(255)),
        Arguments.of("a".repeat(1000), "a".repeat(255)),
        Arguments.of("\u00e9".repeat(128), "\u00e9".repeat(127)),
        Arguments.of("abc" + "\ud83d\ude00".repeat(64), "abc" + "\ud83d\ude00".repeat(63)),
        Arguments.of("a\0b", "a"),
        Arguments.of("\0", "dev/ashmem"),
        Arguments.of("", "dev/ashmem"),
        Arguments.of(null, "dev/ashmem"));
  }

  @ParameterizedTest
  @MethodSource("names")
  void anyNameWillDo(String name, String shown) throws Exception {
    try (AshmemRegion region = SharedMemory.createRegion(name, PAGE)) {
      assertEquals(shown, region.name());
    }
  }

  @Test
  void halfACharacterWillDo() throws Exception {
    anyNameWillDo("half \ud83d", "half ?");
  }

  @Test
  void descriptorSharesTheBytes() throws Exception {
    try (SharedMemory one = SharedMemory.create("shared", 3 * PAGE + 1);
        SharedMemory two = SharedMemory.fromFileDescriptor(one.getFdDup())) {
      assertEquals(3 * PAGE + 1, two.getSize());
      ByteBuffer all = one.mapReadWrite();
      ByteBuffer last = two.map(PROT_READ, 3 * PAGE, 1);
      all.put(3 * PAGE, (byte) 42);
      assertEquals(42, last.get(0));
      ByteBuffer middle = two.map(PROT_READ | PROT_WRITE, PAGE, PAGE);
      middle.putLong(8, -2);
      assertEquals(-2, all.getLong(PAGE + 8));

      SharedMemory.unmap(middle);
      Views.assertEnded(middle);
      assertEquals(-2, all.getLong(PAGE + 8));
    }
  }

  @Test
  void descriptorIsTakenOver() throws Exception {
    try (SharedMemory memory = SharedMemory.create("taken over", PAGE)) {
      RegionDescriptor descriptor = memory.getFdDup();
      int fd = descriptor.fd();
      SharedMemory other = SharedMemory.fromFileDescriptor(descriptor);
      assertFalse(descriptor.isOpen());
      assertTrue(OpenFile.isOpen(fd));
      other.close();
      assertFalse(OpenFile.isOpen(fd));
      assertEquals(PAGE, memory.getSize());
    }
  }

  @Test
  void mappingOutlivesTheMemory() throws Exception {
    SharedMemory memory = SharedMemory.create("outlived", PAGE);
    ByteBuffer one = memory.mapReadWrite();
    ByteBuffer two = memory.mapReadOnly();
    memory.close();
    one.put(0, (byte) 5);
    assertEquals(5, two.get(0));
    SharedMemory.unmap(one);
    assertEquals(5, two.get(0));
    Views.assertEnded(one);
  }

  @Test
  void writingCanBeTakenAwayForAll() throws Exception {
    try (SharedMemory memory = SharedMemory.create("read-only", PAGE);
        SharedMemory other = SharedMemory.fromFileDescriptor(memory.getFdDup())) {
      ByteBuffer writer = memory.mapReadWrite();
      assertFalse(memory.isRegionReadOnly());
      assertFalse(other.isRegionReadOnly());
      assertTrue(memory.setProtect(PROT_READ));
      assertTrue(other.isRegionReadOnly());
      assertTrue(memory.isRegionReadOnly());

      for (SharedMemory each : new SharedMemory[] {memory, other}) {
        ErrnoException e = assertThrows(ErrnoException.class, each::mapReadWrite);
        assertEquals("mmap", e.functionName);
        assertEquals(OsConstants.EPERM, e.errno);
        assertThrows(ErrnoException.class, () -> each.map(PROT_WRITE, 0, 1));
        assertTrue(each.setProtect(PROT_READ));
      }
      assertFalse(memory.setProtect(PROT_READ | PROT_WRITE));
      // An existing mapping keeps its protection.
      writer.put(1, (byte) 6);
      assertEquals(6, other.mapReadOnly().get(1));
    }
  }

  @Test
  void everythingIsAllowedAtFirst() throws Exception {
    try (SharedMemory memory = SharedMemory.create("all", PAGE)) {
      assertTrue(memory.setProtect(PROT_READ | PROT_WRITE | PROT_EXEC));
      assertTrue(memory.map(PROT_READ | PROT_EXEC, 0, PAGE).isReadOnly());
    }
  }

  @Test
  void protectionCanOnlyBeRemoved() throws Exception {
    try (SharedMemory memory = SharedMemory.create("removed", PAGE)) {
      assertTrue(memory.setProtect(PROT_READ | PROT_WRITE));
      assertFalse(memory.isRegionReadOnly());
      assertFalse(memory.map(PROT_READ | PROT_WRITE, 0, PAGE).isReadOnly());
      assertRefused(() -> memory.map(PROT_READ | PROT_EXEC, 0, PAGE));
      assertFalse(memory.setProtect(PROT_READ | PROT_EXEC));
      assertTrue(memory.map(PROT_WRITE, 0, PAGE).put(0, (byte) 1).get(0) == 1);

      assertTrue(memory.setProtect(PROT_NONE));
      assertTrue(memory.isRegionReadOnly());
      assertRefused(memory::mapReadOnly);
      assertRefused(memory::mapReadWrite);
      assertFalse(memory.setProtect(PROT_READ));
      assertTrue(memory.setProtect(PROT_NONE));
    }
  }

  private static void assertRefused(Executable map) {
    ErrnoException e = assertThrows(ErrnoException.class, map);
    assertEquals("mmap", e.functionName);
    assertEquals(OsConstants.EPERM, e.errno);
  }
}
