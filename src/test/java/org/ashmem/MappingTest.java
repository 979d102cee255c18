// SPDX-License-Identifier: Apache-2.0
package org.ashmem;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.ReadOnlyBufferException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Mappings of an ordinary file, because the behaviour does not depend on the device. */
class MappingTest {
  private static final int PAGE = (int) AshmemRegion.pageSize();
  private static final int SIZE = 4 * PAGE;
  private static final int LARGE = 1 << 30;

  private Path file;
  private AshmemRegion region;

  @BeforeEach
  void createFile(@TempDir Path directory) throws Exception {
    byte[] content = new byte[SIZE];
    for (int i = 0; i < SIZE; i++) {
      content[i] = (byte) (i / PAGE * 31 + i);
    }
    file = Files.write(directory.resolve("backing-file"), content);
    region = new AshmemRegion(OpenFile.open(file), "test", SIZE);
  }

  @AfterEach
  void closeRegion() {
    region.close();
  }

  @Test
  void wholeIsMapped() throws Exception {
    try (Mapping mapping = region.map(MapMode.READ_WRITE, 0, SIZE)) {
      assertEquals(0, mapping.offset());
      assertEquals(SIZE, mapping.length());
      assertFalse(mapping.isReadOnly());
      ByteBuffer buffer = mapping.buffer();
      assertTrue(buffer.isDirect());
      assertEquals(ByteOrder.BIG_ENDIAN, buffer.order());
      assertEquals(ByteBuffer.wrap(Files.readAllBytes(file)), buffer);
      buffer.put(5, (byte) 99);
      assertEquals(99, Files.readAllBytes(file)[5]);
    }
  }

  @ParameterizedTest
  @CsvSource({"0, 1", "1, 1", "1, 4096", "4095, 2", "4096, 4096", "8191, 8193", "16383, 1"})
  void partBeginsAtAnyByte(int offset, int length) throws Exception {
    byte[] content = Files.readAllBytes(file);
    try (Mapping mapping = region.map(MapMode.READ_ONLY, offset, length)) {
      assertEquals(offset, mapping.offset());
      assertEquals(length, mapping.length());
      assertEquals(ByteBuffer.wrap(content, offset, length), mapping.buffer());
    }
  }

  @Test
  void mappingsShareTheirBytes() {
    try (Mapping one = region.map(MapMode.READ_WRITE, 0, SIZE);
        Mapping two = region.map(MapMode.READ_ONLY, PAGE, PAGE)) {
      one.buffer().putLong(PAGE + 8, 0x0123456789abcdefL);
      assertEquals(0x0123456789abcdefL, two.buffer().getLong(8));
    }
  }

  @Test
  void readOnlyIsReadOnlyToJava() {
    try (Mapping mapping = region.map(MapMode.READ_ONLY, 0, SIZE)) {
      assertTrue(mapping.isReadOnly());
      ByteBuffer buffer = mapping.buffer();
      assertThrows(ReadOnlyBufferException.class, () -> buffer.put(0, (byte) 1));
      assertThrows(ReadOnlyBufferException.class, () -> buffer.duplicate().put((byte) 1));
    }
  }

  @Test
  void eachViewHasItsOwnPosition() {
    try (Mapping mapping = region.map(MapMode.READ_WRITE, 0, SIZE)) {
      ByteBuffer one = mapping.buffer();
      one.position(10).limit(20).order(ByteOrder.LITTLE_ENDIAN);
      ByteBuffer two = mapping.buffer();
      assertEquals(0, two.position());
      assertEquals(SIZE, two.limit());
      assertEquals(ByteOrder.BIG_ENDIAN, two.order());
    }
  }

  /** A thread that wants the first view has the memory when another thread closes the mapping. */
  @Test
  void firstViewReachesNothingAfterClose() {
    Mapping mapping = region.map();
    Memory memory = mapping.memory();
    mapping.close();
    // The kernel uses the free address again.
    try (Mapping other = region.map()) {
      ByteBuffer bytes = other.buffer();
      byte first = bytes.get(0);
      for (int i = 0; i < 2; i++) {
        ByteBuffer late = memory.buffer();
        if (Views.end()) {
          assertThrows(IllegalStateException.class, () -> late.get(0));
        } else {
          assertNull(late);
        }
      }
      assertEquals(first, bytes.get(0));
    }
  }

  @ParameterizedTest
  @CsvSource({"READ_WRITE", "READ_ONLY"})
  void viewReachesNothingAfterClose(MapMode mode) throws Exception {
    byte[] content = Files.readAllBytes(file);
    Mapping mapping = region.map(mode, PAGE + 1, 2L * PAGE);
    ByteBuffer view = mapping.buffer();
    ByteBuffer slice = mapping.buffer().slice(100, 50);
    assertTrue(mapping.isOpen());

    mapping.close();
    mapping.close();

    assertFalse(mapping.isOpen());
    assertThrows(ClosedException.class, mapping::buffer);
    if (Views.end()) {
      assertThrows(IllegalStateException.class, () -> view.get(0));
      assertThrows(IllegalStateException.class, () -> slice.get(0));
      return;
    }
    assertEquals(ByteBuffer.allocate(2 * PAGE), view);
    assertEquals(ByteBuffer.allocate(50), slice);
    if (mode == MapMode.READ_WRITE) {
      view.put(7, (byte) 1);
      slice.put(7, (byte) 1);
    }
    assertEquals(ByteBuffer.wrap(content), ByteBuffer.wrap(Files.readAllBytes(file)));
  }

  @Test
  void outlivesTheRegion() throws Exception {
    Mapping mapping = region.map(MapMode.READ_WRITE, 0, SIZE);
    region.close();
    assertEquals(ByteBuffer.wrap(Files.readAllBytes(file)), mapping.buffer());
    mapping.close();
  }

  @Test
  void addressSpaceStaysAsLongAsOneView() throws Exception {
    ByteBuffer slice = region.map(MapMode.READ_WRITE, 0, SIZE).buffer().slice(PAGE, 8);
    byte expected = Files.readAllBytes(file)[PAGE];

    Await.cleaner();
    assertEquals(1, Maps.lines(file.toString()).size());
    assertEquals(expected, slice.get(0));

    slice = null;
    Maps.awaitNone(file.toString());
  }

  @Test
  void mappingThatIsForgottenIsUnmapped() throws Exception {
    for (int i = 0; i < 10; i++) {
      assertEquals(SIZE, region.map(MapMode.READ_WRITE, 0, SIZE).length());
    }
    Maps.awaitNone(file.toString());
  }

  @Test
  void closedMappingHoldsNoAddressSpace(@TempDir Path directory) throws Exception {
    try (AshmemRegion large = largeRegion(directory)) {
      Mapping mapping = large.map(MapMode.READ_ONLY, 0, LARGE);
      long most = Limit.addressSpace() - LARGE / 2;
      mapping.close();
      Await.collection(() -> Limit.addressSpace() <= most);
      assertFalse(mapping.isOpen());
    }
  }

  /** Maps often, with a limit of address space and without collections, and then forgets. */
  static final class NoCollections {
    private NoCollections() {}

    public static void main(String[] arguments) throws Exception {
      try (AshmemRegion large =
              AshmemRegion.builder().name("large").size(LARGE).backend(Backend.MEMFD).create();
          Limit limit = new Limit(LARGE + LARGE / 2)) {
        for (int i = 0; i < 100; i++) {
          large.map().close();
        }
        Mapping held = large.map();
        try {
          large.map().close();
        } catch (AshmemException.OutOfMemory e) {
          System.out.println(e.getMessage());
        }
        held.close();
      }
    }
  }

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  @Tag("um")
  void mappingWithoutABufferLeavesNothing(boolean collections) throws Exception {
    List<String> options =
        List.of(collections ? "-XX:-DisableExplicitGC" : "-XX:+DisableExplicitGC");
    ChildJvm.Result result = ChildJvm.run(ChildJvm.command(options, NoCollections.class));
    assertEquals(0, result.status(), result.output());
    assertTrue(result.output().contains("'large': ENOMEM"), result.output());
    assertEquals(!collections, result.output().contains("-XX:+DisableExplicitGC"), result.output());
  }

  /** Closing takes the memory away from the views, and a forgotten view from the address space. */
  @Test
  void bufferThatIsMadeLateOutlivesItsMapping() throws Exception {
    Mapping mapping = region.map(MapMode.READ_ONLY, 0, SIZE);
    Await.cleaner();
    byte[] content = Files.readAllBytes(file);
    ByteBuffer view = mapping.buffer();
    mapping = null;
    Await.cleaner();
    assertEquals(ByteBuffer.wrap(content), view);
    assertEquals(1, Maps.lines(file.toString()).size());
    view = null;
    Maps.awaitNone(file.toString());
  }

  @Test
  void refusedMappingThrowsWhatTheKernelSaid() {
    try (AshmemRegion device = new AshmemRegion(OpenFile.open(Path.of("/dev/null")), "null", 10)) {
      AshmemException e =
          assertThrows(AshmemException.class, () -> device.map(MapMode.READ_ONLY, 0, 1));
      assertEquals("mmap", e.call());
      assertEquals("null", e.regionName());
      assertEquals("ENODEV", e.errnoName());
    }
  }

  @Test
  void privateMappingKeepsItsWritesToItself() throws Exception {
    byte[] content = Files.readAllBytes(file);
    try (Mapping mapping = region.map(MapMode.PRIVATE, 0, SIZE)) {
      assertFalse(mapping.isReadOnly());
      mapping.buffer().put(0, (byte) (content[0] + 1));
      assertEquals(content[0] + 1, mapping.buffer().get(0));
    }
    assertEquals(ByteBuffer.wrap(content), ByteBuffer.wrap(Files.readAllBytes(file)));
  }

  @Test
  void mappingThatFindsNoRoomWaitsForTheCollector(@TempDir Path directory) throws Exception {
    try (AshmemRegion large = largeRegion(directory);
        Limit limit = new Limit(LARGE + LARGE / 2)) {
      Mapping held = large.map(MapMode.READ_ONLY, 0, LARGE);
      AshmemException e =
          assertThrows(
              AshmemException.OutOfMemory.class, () -> large.map(MapMode.READ_ONLY, 0, LARGE));
      assertEquals("mmap", e.call());
      assertEquals("large", e.regionName());
      assertTrue(held.isOpen());

      held = null;
      Await.until(
          () -> {
            try (Mapping next = large.map(MapMode.READ_ONLY, 0, LARGE)) {
              return next.length() == LARGE;
            } catch (AshmemException.OutOfMemory late) {
              // The cleaner has not unmapped it yet.
              return false;
            }
          });
    }
  }

  @Test
  void interruptIsKeptWhileWaitingForTheCollector(@TempDir Path directory) throws Exception {
    try (AshmemRegion large = largeRegion(directory);
        Limit limit = new Limit(LARGE / 2)) {
      Thread.currentThread().interrupt();
      assertThrows(AshmemException.OutOfMemory.class, () -> large.map(MapMode.READ_ONLY, 0, LARGE));
      assertTrue(Thread.interrupted());
    }
  }

  /** Creates a region object on a sparse file. */
  private static AshmemRegion largeRegion(Path directory) throws IOException {
    Path file = directory.resolve("large");
    try (FileChannel channel =
        FileChannel.open(file, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE)) {
      assertEquals(1, channel.write(ByteBuffer.allocate(1), LARGE - 1));
    }
    return new AshmemRegion(OpenFile.open(file), "large", LARGE);
  }

  /** Limits how many bytes of address space this process can add. Closing removes the limit. */
  static final class Limit implements AutoCloseable {
    Limit(long more) throws Exception {
      set(Long.toString(addressSpace() + more));
    }

    @Override
    public void close() throws Exception {
      set("unlimited");
    }

    private static void set(String soft) throws Exception {
      ChildJvm.Result result =
          ChildJvm.run(
              List.of(
                  "prlimit",
                  "--pid",
                  Long.toString(ProcessHandle.current().pid()),
                  "--as=" + soft + ":"));
      assertEquals(0, result.status(), result.output());
    }

    static long addressSpace() throws IOException {
      try (var lines = Files.lines(Path.of("/proc/self/status"))) {
        return lines
            .filter(line -> line.startsWith("VmSize:"))
            .mapToLong(line -> 1024 * Long.parseLong(line.replaceAll("[^0-9]", "")))
            .sum();
      }
    }
  }
}
