// SPDX-License-Identifier: Apache-2.0
package org.ashmem;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.ashmem.Protection.EXECUTE;
import static org.ashmem.Protection.READ;
import static org.ashmem.Protection.WRITE;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.ByteBuffer;
import java.nio.ReadOnlyBufferException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Name, size, protection, mappings and descriptors of a region on the device or on memfd. */
class AshmemRegionIT {
  private static final Path DEVICE = Path.of(AshmemRegion.DEVICE);
  private static final int PAGE = (int) AshmemRegion.pageSize();

  @ParameterizedTest
  @ValueSource(longs = {1, 4095, 4096, 4097, 1 << 20, Integer.MAX_VALUE})
  void sizeIsKeptAsItWasGiven(long size) throws Exception {
    try (AshmemRegion region = AshmemRegion.create("size", size);
        AshmemRegion other = AshmemRegion.fromFileDescriptor(region.dup())) {
      assertEquals(size, region.size());
      assertEquals(size, other.size());
    }
  }

  @Test
  @Tag("device")
  void nameIsShownInMaps() throws Exception {
    try (AshmemRegion region = AshmemRegion.create("shown in maps", PAGE);
        Mapping mapping = region.map()) {
      List<String> lines = Maps.lines("/dev/ashmem/shown in maps");
      assertEquals(1, lines.size());
      assertTrue(lines.get(0).endsWith(" /dev/ashmem/shown in maps (deleted)"), lines.get(0));
      assertTrue(lines.get(0).contains(" rw-s 00000000 "), lines.get(0));
      assertTrue(lines.get(0).contains(" " + region.fileId() + " "), lines.get(0));
      mapping.close();
      assertEquals(List.of(), Maps.lines("/dev/ashmem/shown in maps"));
    }
  }

  @Test
  @Tag("device")
  void nameIsKept() {
    String longest = "\u00e9".repeat(127) + "!";
    try (AshmemRegion region = AshmemRegion.create(longest, PAGE);
        AshmemRegion other = AshmemRegion.fromFileDescriptor(region.dup())) {
      assertEquals(longest, region.name());
      assertEquals(longest, other.name());
    }
  }

  @Test
  @Tag("device")
  void regionWithoutANameHasTheDefault() throws Exception {
    try (AshmemRegion region = AshmemRegion.builder().size(PAGE).create();
        AshmemRegion other = AshmemRegion.fromFileDescriptor(region.dup());
        Mapping mapping = region.map()) {
      assertEquals("dev/ashmem", region.name());
      assertEquals("dev/ashmem", other.name());
      assertEquals(PAGE, mapping.length());
      assertEquals(1, Maps.lines(" " + region.fileId() + " ").size());
      assertTrue(Maps.lines(" " + region.fileId() + " ").get(0).endsWith(" /dev/ashmem (deleted)"));
    }
  }

  @Test
  @Tag("device")
  void nameAndSizeAreFixedFromCreationOn() {
    try (AshmemRegion region = AshmemRegion.create("fixed", PAGE)) {
      int fd = region.dup().detach();
      assertEquals(-Errno.EINVAL, Shim.setName(fd, "other".getBytes(UTF_8)));
      assertEquals(-Errno.EINVAL, Shim.setSize(fd, 2L * PAGE));
      assertEquals(0, Shim.close(fd));
    }
  }

  @Test
  void allIsAllowedAtFirst() {
    try (AshmemRegion region = AshmemRegion.create("all", PAGE)) {
      assertEquals(EnumSet.allOf(Protection.class), region.protection());
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 1, 2, 3, 4, 5, 6, 7})
  void protectionIsWhatTheBuilderWasTold(int mask) {
    Set<Protection> protection = Protection.of(mask);
    try (AshmemRegion region =
        AshmemRegion.builder().name("mask").size(PAGE).protection(protection).create()) {
      assertEquals(protection, region.protection());
      assertEquals(PinResult.NOT_PURGED, region.pin());
    }
  }

  @Test
  void protectionCanOnlyBeRemoved() {
    try (AshmemRegion region = AshmemRegion.create("removed", PAGE)) {
      region.setProtection(EnumSet.of(READ, WRITE));
      assertEquals(Set.of(READ, WRITE), region.protection());
      assertThrows(
          IllegalArgumentException.class, () -> region.setProtection(EnumSet.of(READ, EXECUTE)));
      assertEquals(Set.of(READ, WRITE), region.protection());
      region.setProtection(EnumSet.of(READ));
      region.setProtection(EnumSet.of(READ));
      assertThrows(IllegalArgumentException.class, () -> region.setProtection(Set.of(WRITE)));
      assertEquals(Set.of(READ), region.protection());
      region.setProtection(Set.of());
      assertEquals(Set.of(), region.protection());
    }
  }

  @Test
  void regionThatLostWriteIsMappedReadOnly() {
    try (AshmemRegion region = AshmemRegion.create("read-only", PAGE);
        Mapping writer = region.map()) {
      writer.buffer().put(17, (byte) 42);
      region.setProtection(Set.of(READ));

      try (Mapping reader = region.map()) {
        assertTrue(reader.isReadOnly());
        assertEquals(42, reader.buffer().get(17));
        assertThrows(ReadOnlyBufferException.class, () -> reader.buffer().put(0, (byte) 1));
        // An existing mapping keeps its protection.
        writer.buffer().put(17, (byte) 43);
        assertEquals(43, reader.buffer().get(17));
      }
      AshmemException.PermissionDenied e =
          assertThrows(
              AshmemException.PermissionDenied.class,
              () -> region.map(MapMode.READ_WRITE, 0, PAGE));
      assertEquals("mmap", e.call());
      assertEquals("read-only", e.regionName());
      assertEquals("EPERM", e.errnoName());
      assertThrows(
          AshmemException.PermissionDenied.class, () -> region.map(MapMode.PRIVATE, 0, PAGE));
    }
  }

  @ParameterizedTest
  @CsvSource({"WRITE", "EXECUTE"})
  void regionWithoutReadIsNotMapped(Protection protection) {
    try (AshmemRegion region =
        AshmemRegion.builder().size(PAGE).protection(Set.of(protection)).create()) {
      assertThrows(AshmemException.PermissionDenied.class, region::map);
      assertThrows(
          AshmemException.PermissionDenied.class, () -> region.map(MapMode.READ_ONLY, 0, PAGE));
    }
  }

  @Test
  void newRegionIsZeros() {
    try (AshmemRegion region = AshmemRegion.create("zeros", 16L * PAGE);
        Mapping mapping = region.map()) {
      assertEquals(ByteBuffer.allocate(16 * PAGE), mapping.buffer());
    }
  }

  @Test
  void partsShareTheBytesOfTheWhole() {
    try (AshmemRegion region = AshmemRegion.create("parts", 4L * PAGE + 100);
        Mapping whole = region.map();
        Mapping part = region.map(PAGE + 1L, 2L * PAGE);
        Mapping end = region.map(MapMode.READ_ONLY, 4L * PAGE + 99, 1)) {
      for (int i = 0; i < whole.length(); i++) {
        whole.buffer().put(i, (byte) (i % 251));
      }
      assertEquals(whole.buffer().slice(PAGE + 1, 2 * PAGE), part.buffer());
      assertEquals(whole.buffer().get(4 * PAGE + 99), end.buffer().get());
      part.buffer().putLong(0, -1);
      assertEquals(-1, whole.buffer().getLong(PAGE + 1));
    }
  }

  @Test
  void everyByteOfAPartialLastPageCanBeUsed() {
    try (AshmemRegion region = AshmemRegion.create("partial", PAGE + 1L);
        Mapping mapping = region.map()) {
      mapping.buffer().put(PAGE, (byte) 7);
      assertEquals(7, mapping.buffer().get(PAGE));
      assertEquals(PAGE + 1, mapping.buffer().capacity());
    }
  }

  @Test
  void privateMappingIsZerosOfItsOwn() {
    try (AshmemRegion region = AshmemRegion.create("private", PAGE);
        Mapping shared = region.map()) {
      shared.buffer().put(0, (byte) 1);
      try (Mapping own = region.map(MapMode.PRIVATE, 0, PAGE)) {
        assertEquals(ByteBuffer.allocate(PAGE), own.buffer());
        own.buffer().put(0, (byte) 2);
        assertEquals(2, own.buffer().get(0));
        assertEquals(1, shared.buffer().get(0));
      }
    }
  }

  @Test
  void mappingOutlivesTheRegion() throws Exception {
    AshmemRegion region = AshmemRegion.create("outlived", PAGE);
    Mapping mapping = region.map();
    mapping.buffer().put(0, (byte) 5);
    region.close();
    assertThrows(ClosedException.class, region::pin);
    assertEquals(5, mapping.buffer().get(0));
    assertEquals(1, Maps.lines("outlived (deleted)").size());
    mapping.close();
    assertEquals(List.of(), Maps.lines("outlived (deleted)"));
  }

  @Test
  void viewReachesNothingAfterClose() {
    try (AshmemRegion region = AshmemRegion.create("tombstone", 4L * PAGE);
        Mapping witness = region.map()) {
      Mapping mapping = region.map();
      ByteBuffer view = mapping.buffer();
      view.putLong(PAGE, -1);
      mapping.close();
      if (Views.end()) {
        assertThrows(IllegalStateException.class, () -> view.getLong(PAGE));
        assertThrows(IllegalStateException.class, () -> view.putLong(0, 1));
      } else {
        assertEquals(0, view.getLong(PAGE));
        view.putLong(0, 1);
      }
      assertEquals(0, witness.buffer().getLong(0));
      assertEquals(-1, witness.buffer().getLong(PAGE));
    }
  }

  @Test
  void twoRegionsAreTwo() {
    try (AshmemRegion one = AshmemRegion.create("same name", PAGE);
        AshmemRegion two = AshmemRegion.create("same name", PAGE);
        AshmemRegion again = AshmemRegion.fromFileDescriptor(one.dup());
        Mapping first = one.map();
        Mapping second = two.map();
        Mapping third = again.map(MapMode.READ_ONLY, 0, PAGE)) {
      first.buffer().put(0, (byte) 1);
      assertEquals(0, second.buffer().get(0));
      assertEquals(1, third.buffer().get(0));
      assertNotEquals(one.fileId(), two.fileId());
      assertEquals(one.fileId(), again.fileId());
    }
  }

  @Test
  void adoptedRegionClosesItsOwnDescriptorOnly() throws Exception {
    AshmemRegion region = AshmemRegion.create("adopted", PAGE);
    RegionDescriptor copy = region.dup();
    int fd = copy.fd();
    Path file = Path.of(OpenFile.target(fd));
    long open = OpenFile.count(file);
    AshmemRegion adopted = AshmemRegion.fromFileDescriptor(copy);
    assertEquals(open, OpenFile.count(file));
    adopted.close();
    assertFalse(OpenFile.isOpen(fd));
    assertTrue(region.isOpen());
    assertEquals(PinResult.NOT_PURGED, region.pin());
    region.close();
    assertEquals(open - 2, OpenFile.count(file));
  }

  @Test
  @Tag("device")
  void regionWithoutASizeIsNotAdopted() throws Exception {
    int fd = OpenFile.open(DEVICE);
    assertEquals(-Errno.EINVAL, Shim.back(fd));
    assertEquals(-Errno.EINVAL, Shim.fileId(fd));
    assertEquals(-Errno.EINVAL, Shim.pin(fd, 0, 0));
    RegionDescriptor given = RegionDescriptor.of(fd);
    AshmemException.NotRegion e =
        assertThrows(AshmemException.NotRegion.class, () -> AshmemRegion.fromFileDescriptor(given));
    assertTrue(e.getMessage().contains("not given a size"), e.getMessage());
    assertEquals(DEVICE.toString(), OpenFile.target(fd));

    // The descriptor is unchanged, so it can still get a size.
    assertEquals(0, Shim.setSize(fd, PAGE));
    assertEquals(0, Shim.setName(fd, "late".getBytes(UTF_8)));
    try (AshmemRegion region = AshmemRegion.fromFileDescriptor(given)) {
      assertEquals("late", region.name());
      assertEquals(PAGE, region.size());
      assertEquals(PinResult.NOT_PURGED, region.pin());
    }
    assertFalse(OpenFile.isOpen(fd));
  }

  @Test
  @Tag("device")
  void otherDeviceOfTheSameKindIsNotAdopted() throws Exception {
    // Miscellaneous devices share a major number. The kernel names them in /sys and /proc/misc.
    int fd = OpenFile.open(Path.of("/dev/fuse"));
    RegionDescriptor given = RegionDescriptor.of(fd);
    AshmemException.NotRegion e =
        assertThrows(AshmemException.NotRegion.class, () -> AshmemRegion.fromFileDescriptor(given));
    assertEquals("statx", e.call());
    given.close();
  }

  @Test
  void sparseRegionMayBeAsLargeAsAnyFile() throws Exception {
    long before = OpenFile.count(DEVICE);
    try (AshmemRegion region = AshmemRegion.create("huge", Long.MAX_VALUE)) {
      assertEquals(Long.MAX_VALUE, region.size());
    }
    assertEquals(before, OpenFile.count(DEVICE));
  }

  @Test
  @Tag("device")
  void missingDeviceSaysHowToLoadTheModule() throws Exception {
    Path away = Path.of("/dev/ashmem-away");
    Files.move(DEVICE, away);
    try {
      RegionBuilder builder =
          AshmemRegion.builder().name("none").size(PAGE).backend(Backend.DEVICE);
      AshmemException.DeviceMissing e =
          assertThrows(AshmemException.DeviceMissing.class, builder::create);
      assertTrue(e.getMessage().contains("modprobe ashmem"), e.getMessage());
      try (AshmemRegion instead = AshmemRegion.create("none", PAGE)) {
        assertEquals(Backend.MEMFD, instead.backend());
        instead.unpin();
        assertEquals(1, AshmemRegion.purgeAllCaches());
      }
    } finally {
      Files.move(away, DEVICE);
    }
  }

  @Test
  void largeRegionIsMappedInParts() throws Exception {
    long size = 5L << 30;
    try (AshmemRegion region = AshmemRegion.create("large", size)) {
      if (Memory.maxLength() < size) {
        assertThrows(IllegalArgumentException.class, region::map);
      } else {
        try (Mapping whole = region.map()) {
          assertEquals(size, whole.length());
          assertThrows(UnsupportedOperationException.class, whole::buffer);
        }
      }
      try (Mapping end = region.map(size - 8, 8);
          Mapping beyond = region.map((4L << 30) - 4, 8)) {
        end.buffer().putLong(0, 0x0102030405060708L);
        beyond.buffer().putLong(0, -2);
        try (Mapping again = region.map(MapMode.READ_ONLY, size - PAGE, PAGE)) {
          assertEquals(0x0102030405060708L, again.buffer().getLong(PAGE - 8));
        }
      }

      region.unpin();
      assertEquals(PinStatus.UNPINNED, region.pinStatus());
      assertEquals(PinResult.NOT_PURGED, region.pin(3L << 30, PAGE));
      assertEquals(PinStatus.PINNED, region.pinStatus(3L << 30, PAGE));
      assertEquals(PinResult.NOT_PURGED, region.pin(3L << 30, 2L << 30));
      assertEquals(PinStatus.UNPINNED, region.pinStatus(0, 3L << 30));
      assertEquals(PinResult.NOT_PURGED, region.pin());
      assertEquals(PinStatus.PINNED, region.pinStatus());

      // None of these offsets fits into 32 bits.
      region.unpin((4L << 30) + PAGE, 2L * PAGE);
      assertEquals(PinStatus.PINNED, region.pinStatus(0, (4L << 30) + PAGE));
      assertEquals(PinStatus.UNPINNED, region.pinStatus((4L << 30) + PAGE, PAGE));
      assertEquals(PinResult.NOT_PURGED, region.pin(4L << 30, 1L << 30));
      assertEquals(PinStatus.PINNED, region.pinStatus());

      try (AshmemRegion other = AshmemRegion.fromFileDescriptor(region.dup())) {
        assertEquals(size, other.size());
      }
    }
  }
}
