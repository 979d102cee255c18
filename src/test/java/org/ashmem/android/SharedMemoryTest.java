// SPDX-License-Identifier: Apache-2.0
package org.ashmem.android;

import static org.ashmem.android.OsConstants.PROT_EXEC;
import static org.ashmem.android.OsConstants.PROT_NONE;
import static org.ashmem.android.OsConstants.PROT_READ;
import static org.ashmem.android.OsConstants.PROT_WRITE;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNotSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.ReadOnlyBufferException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.ashmem.AshmemException;
import org.ashmem.AshmemRegion;
import org.ashmem.Await;
import org.ashmem.Mapping;
import org.ashmem.Maps;
import org.ashmem.OpenFile;
import org.ashmem.RegionDescriptor;
import org.ashmem.Views;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Named;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Arguments, and mappings of an ordinary file: behaviour that needs no region. */
class SharedMemoryTest {
  private static final int PAGE = (int) AshmemRegion.pageSize();
  private static final int SIZE = 4 * PAGE;

  private Path file;
  private SharedMemory memory;

  @BeforeEach
  void createFile(@TempDir Path directory) throws Exception {
    byte[] content = new byte[SIZE];
    for (int i = 0; i < SIZE; i++) {
      content[i] = (byte) (i / PAGE * 31 + i);
    }
    file = Files.write(directory.resolve("shared-memory"), content);
    memory = new SharedMemory(OpenFile.asRegion(file, SIZE));
  }

  @AfterEach
  void closeMemory() {
    memory.close();
  }

  @ParameterizedTest
  @ValueSource(ints = {0, -1, Integer.MIN_VALUE})
  void sizeMustBeGreaterThanZero(int size) {
    assertThrows(IllegalArgumentException.class, () -> SharedMemory.create("size", size));
    assertThrows(IllegalArgumentException.class, () -> SharedMemory.create(null, size));
  }

  @Test
  void descriptorMustBeOpen() {
    RegionDescriptor never = RegionDescriptor.of(Integer.MAX_VALUE);
    assertThrows(IllegalArgumentException.class, () -> SharedMemory.fromFileDescriptor(never));
    RegionDescriptor closed = RegionDescriptor.of(Integer.MAX_VALUE);
    closed.close();
    assertThrows(IllegalStateException.class, () -> SharedMemory.fromFileDescriptor(closed));
  }

  @Test
  void descriptorThatIsNotOfSharedMemoryIsLeftOpen() throws Exception {
    int fd = OpenFile.open(Path.of("/dev/zero"));
    try (RegionDescriptor descriptor = RegionDescriptor.of(fd)) {
      IllegalArgumentException e =
          assertThrows(
              IllegalArgumentException.class, () -> SharedMemory.fromFileDescriptor(descriptor));
      assertInstanceOf(AshmemException.NotRegion.class, e.getCause());
      assertEquals("/dev/zero", OpenFile.target(fd));
      assertTrue(descriptor.isOpen());
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {8, 16, -1, Integer.MIN_VALUE, PROT_READ | 0x01000000})
  void unknownProtectionIsRefused(int prot) {
    assertThrows(IllegalArgumentException.class, () -> memory.setProtect(prot));
    assertThrows(IllegalArgumentException.class, () -> memory.map(prot, 0, PAGE));
  }

  @ParameterizedTest
  @ValueSource(ints = {PROT_NONE, PROT_EXEC})
  void bufferThatCouldNotBeReadIsRefused(int prot) {
    assertThrows(IllegalArgumentException.class, () -> memory.map(prot, 0, PAGE));
  }

  @ParameterizedTest
  @CsvSource({
    "-1, 1",
    "-4096, 4096",
    "0, 0",
    "0, -1",
    "0, 16385",
    "4096, 12289",
    "16384, 1",
    "16383, 2",
    "4096, 2147483647",
    "2147483647, 2147483647",
    "2147479552, 4096"
  })
  void partMustLieWithinTheMemory(int offset, int length) {
    assertThrows(IllegalArgumentException.class, () -> memory.map(PROT_READ, offset, length));
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 4095, 4097})
  void partBeginsAtAPage(int offset) {
    ErrnoException e =
        assertThrows(ErrnoException.class, () -> memory.map(PROT_READ, offset, PAGE));
    assertEquals("mmap", e.functionName);
    assertEquals(OsConstants.EINVAL, e.errno);
  }

  @ParameterizedTest
  @CsvSource({"0, 1", "0, 16384", "4096, 100", "12288, 4096", "8192, 8192"})
  void partIsMapped(int offset, int length) throws Exception {
    ByteBuffer buffer = memory.map(PROT_READ, offset, length);
    assertTrue(buffer.isDirect());
    assertEquals(ByteOrder.BIG_ENDIAN, buffer.order());
    assertEquals(0, buffer.position());
    assertEquals(ByteBuffer.wrap(Files.readAllBytes(file), offset, length), buffer);
  }

  @Test
  void onlyProtWriteIsWritable() throws Exception {
    for (ByteBuffer buffer : List.of(memory.map(PROT_READ, 0, PAGE), memory.mapReadOnly())) {
      assertTrue(buffer.isReadOnly());
      assertThrows(ReadOnlyBufferException.class, () -> buffer.put(0, (byte) 1));
    }
    byte value = 7;
    for (ByteBuffer buffer :
        List.of(
            memory.map(PROT_READ | PROT_WRITE, 0, PAGE),
            memory.map(PROT_WRITE, 0, PAGE),
            memory.mapReadWrite())) {
      assertFalse(buffer.isReadOnly());
      buffer.put(5, ++value);
      assertEquals(value, buffer.get(5));
      assertEquals(value, Files.readAllBytes(file)[5]);
    }
  }

  @Test
  void eachBufferIsNew() throws Exception {
    ByteBuffer one = memory.mapReadWrite();
    ByteBuffer two = memory.mapReadWrite();
    assertNotSame(one, two);
    SharedMemory.unmap(one);
    Views.assertEnded(one);
    assertEquals(1, two.get(1));
  }

  @Test
  void unmappedBufferReachesNothing() throws Exception {
    byte[] content = Files.readAllBytes(file);
    ByteBuffer buffer = memory.mapReadWrite();
    ByteBuffer slice = buffer.slice(PAGE, 8);
    ByteBuffer readOnly = memory.mapReadOnly();

    SharedMemory.unmap(buffer);
    SharedMemory.unmap(readOnly);
    SharedMemory.unmap(buffer);

    for (ByteBuffer each : List.of(buffer, slice, readOnly)) {
      Views.assertEnded(each);
    }
    if (!Views.end()) {
      slice.putLong(0, -1);
    }
    assertEquals(ByteBuffer.wrap(content), ByteBuffer.wrap(Files.readAllBytes(file)));
    assertEquals(List.of(), Maps.lines(file.toString()));
  }

  @Test
  void bufferIsFoundWhateverItsPosition() throws Exception {
    ByteBuffer buffer = memory.mapReadWrite();
    buffer.put(new byte[100]).limit(200).order(ByteOrder.LITTLE_ENDIAN);
    SharedMemory.unmap(buffer);
    assertEquals(List.of(), Maps.lines(file.toString()));
  }

  static Stream<Named<ByteBuffer>> otherBuffers() {
    return Stream.of(
        Named.of("heap", ByteBuffer.allocate(SIZE)),
        Named.of("direct", ByteBuffer.allocateDirect(SIZE)),
        Named.of("none", null));
  }

  /** Android would free the memory of the direct buffer, which others may use. */
  @ParameterizedTest
  @MethodSource("otherBuffers")
  void otherBufferIsNotUnmapped(ByteBuffer buffer) {
    assertThrows(IllegalArgumentException.class, () -> SharedMemory.unmap(buffer));
    if (buffer != null) {
      buffer.put(0, (byte) 1);
      assertEquals(1, buffer.get(0));
    }
  }

  @Test
  void bufferOfARegionIsNotUnmapped() {
    try (AshmemRegion region = OpenFile.asRegion(file, SIZE);
        Mapping mapping = region.map()) {
      ByteBuffer buffer = mapping.buffer();
      assertThrows(IllegalArgumentException.class, () -> SharedMemory.unmap(buffer));
      assertEquals(1, buffer.get(1));
    }
  }

  @Test
  void viewIsNotUnmapped() throws Exception {
    ByteBuffer buffer = memory.mapReadWrite();
    for (ByteBuffer view : List.of(buffer.duplicate(), buffer.slice(), buffer.slice(0, 1))) {
      assertThrows(IllegalArgumentException.class, () -> SharedMemory.unmap(view));
    }
    assertEquals(1, buffer.get(1));
  }

  @Test
  void mappingOutlivesTheMemory() throws Exception {
    ByteBuffer buffer = memory.mapReadWrite();
    memory.close();
    assertEquals(ByteBuffer.wrap(Files.readAllBytes(file)), buffer);
    SharedMemory.unmap(buffer);
    assertEquals(List.of(), Maps.lines(file.toString()));
  }

  @Test
  void sliceKeepsTheMapping() throws Exception {
    ByteBuffer slice = memory.mapReadOnly().slice(PAGE, 8);
    Await.cleaner();
    assertEquals(1, Maps.lines(file.toString()).size());
    assertEquals(Files.readAllBytes(file)[PAGE], slice.get(0));

    slice = null;
    Maps.awaitNone(file.toString());
  }

  @Test
  void forgottenBuffersAreUnmapped() throws Exception {
    for (int i = 0; i < 10; i++) {
      assertEquals(SIZE, memory.mapReadWrite().capacity());
    }
    Maps.awaitNone(file.toString());
  }

  @Test
  void refusalCarriesTheErrorNumber() {
    try (SharedMemory device = new SharedMemory(OpenFile.asRegion(Path.of("/dev/null"), PAGE))) {
      ErrnoException e = assertThrows(ErrnoException.class, device::mapReadWrite);
      assertEquals("mmap", e.functionName);
      assertEquals(OsConstants.ENODEV, e.errno);
      assertInstanceOf(AshmemException.class, e.getCause());
      // /dev/null has no protection mask.
      assertFalse(device.setProtect(PROT_READ));
      assertThrows(IllegalStateException.class, device::isRegionReadOnly);
    }
  }

  interface Call {
    void on(SharedMemory memory) throws Exception;
  }

  static Stream<Named<Call>> calls() {
    return Stream.of(
        Named.of("getSize", SharedMemory::getSize),
        Named.of("setProtect", memory -> memory.setProtect(PROT_READ)),
        Named.of("isRegionReadOnly", SharedMemory::isRegionReadOnly),
        Named.of("getFdDup", SharedMemory::getFdDup),
        Named.of("mapReadWrite", SharedMemory::mapReadWrite),
        Named.of("mapReadOnly", SharedMemory::mapReadOnly),
        Named.of("map", memory -> memory.map(PROT_READ, 0, 1)),
        Named.of("map nothing", memory -> memory.map(-1, -1, -1)));
  }

  @ParameterizedTest
  @MethodSource("calls")
  void callOnClosedMemoryIsRefused(Call call) {
    memory.close();
    memory.close();
    Executable afterClose = () -> call.on(memory);
    assertThrows(IllegalStateException.class, afterClose);
  }
}
