// SPDX-License-Identifier: Apache-2.0
package org.ashmem.android;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import org.ashmem.AshmemException;
import org.ashmem.AshmemRegion;
import org.ashmem.Await;
import org.ashmem.Maps;
import org.ashmem.OpenFile;
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

/** Arguments, reading and writing on an ordinary file: behaviour that needs no region. */
@SuppressWarnings("deprecation") // purging, as on Android
class MemoryFileTest {
  private static final int LENGTH = 1000;

  private Path path;
  private AshmemRegion region;
  private MemoryFile file;

  @BeforeEach
  void createFile(@TempDir Path directory) throws Exception {
    path = Files.write(directory.resolve("memory-file"), content());
    region = OpenFile.asRegion(path, LENGTH);
    file = new MemoryFile(region);
  }

  @AfterEach
  void closeFile() {
    file.close();
  }

  private static byte[] content() {
    byte[] content = new byte[LENGTH];
    for (int i = 0; i < LENGTH; i++) {
      content[i] = (byte) i;
    }
    return content;
  }

  @ParameterizedTest
  @ValueSource(ints = {0, -1, Integer.MIN_VALUE})
  void lengthMustBeGreaterThanZero(int length) {
    assertThrows(IllegalArgumentException.class, () -> new MemoryFile("length", length));
  }

  @Test
  void lengthIsTheRegions() {
    assertEquals(LENGTH, file.length());
  }

  @Test
  void partIsRead() throws Exception {
    byte[] buffer = new byte[10];
    assertEquals(3, file.readBytes(buffer, 997, 5, 3));
    assertArrayEquals(new byte[] {0, 0, 0, 0, 0, (byte) 229, (byte) 230, (byte) 231, 0, 0}, buffer);
    assertEquals(0, file.readBytes(buffer, LENGTH, 10, 0));
  }

  @Test
  void partIsWritten() throws Exception {
    byte[] expected = content();
    file.writeBytes(new byte[] {9, 8, 7, 6}, 1, 500, 2);
    file.writeBytes(new byte[] {5}, 0, 999, 1);
    file.writeBytes(new byte[0], 0, LENGTH, 0);
    expected[500] = 8;
    expected[501] = 7;
    expected[999] = 5;
    assertArrayEquals(expected, Files.readAllBytes(path));
  }

  /** The offset in the file, the offset in a buffer of 10 bytes, and the number of bytes. */
  @ParameterizedTest
  @CsvSource({
    "-1, 0, 1",
    "1000, 0, 1",
    "999, 0, 2",
    "1001, 0, 0",
    "2147483647, 0, 2",
    "0, -1, 1",
    "0, 10, 1",
    "0, 9, 2",
    "0, 11, 0",
    "0, 2147483647, 2",
    "0, 0, -1",
    "0, 0, 11",
    "5, 5, 2147483647"
  })
  void partMustLieWithinFileAndBuffer(int inFile, int inBuffer, int count) throws Exception {
    byte[] buffer = new byte[10];
    assertThrows(
        IndexOutOfBoundsException.class, () -> file.readBytes(buffer, inFile, inBuffer, count));
    assertArrayEquals(new byte[10], buffer);
    assertThrows(
        IndexOutOfBoundsException.class, () -> file.writeBytes(buffer, inBuffer, inFile, count));
    assertArrayEquals(content(), Files.readAllBytes(path));
  }

  @Test
  void streamReadsUnsignedBytesToTheEnd() throws Exception {
    InputStream in = file.getInputStream();
    for (int i = 0; i < LENGTH; i++) {
      assertEquals(LENGTH - i, in.available());
      assertEquals(i & 0xff, in.read());
    }
    assertEquals(0, in.available());
    assertEquals(-1, in.read());
    assertEquals(-1, in.read(new byte[10]));
    assertEquals(0, in.read(new byte[0]));
    assertArrayEquals(content(), file.getInputStream().readAllBytes());
  }

  @Test
  void streamReadsPartsOfABuffer() throws Exception {
    InputStream in = file.getInputStream();
    byte[] buffer = new byte[10];
    assertEquals(4, in.read(buffer, 3, 4));
    assertArrayEquals(new byte[] {0, 0, 0, 0, 1, 2, 3, 0, 0, 0}, buffer);
    assertEquals(994, in.skip(994));
    assertEquals(2, in.read(buffer, 0, 10));
    assertEquals((byte) 999, buffer[1]);
    assertThrows(IndexOutOfBoundsException.class, () -> in.read(buffer, 5, 6));
    assertThrows(IndexOutOfBoundsException.class, () -> in.read(buffer, 2, Integer.MAX_VALUE));
  }

  @Test
  void streamSkipsAndGoesBackToItsMark() throws Exception {
    InputStream in = file.getInputStream();
    assertTrue(in.markSupported());
    assertEquals(100, in.skip(100));
    in.mark(0);
    assertEquals(0, in.skip(-5));
    assertEquals(100, in.read());
    assertEquals(899, in.skip(Long.MAX_VALUE));
    assertEquals(-1, in.read());
    in.reset();
    assertEquals(100, in.read());

    InputStream unmarked = file.getInputStream();
    assertEquals(1, unmarked.skip(1));
    unmarked.reset();
    assertEquals(0, unmarked.read());
  }

  @Test
  void eachStreamHasItsOwnPosition() throws Exception {
    InputStream one = file.getInputStream();
    InputStream two = file.getInputStream();
    OutputStream out = file.getOutputStream();
    assertEquals(0, one.read());
    assertEquals(1, one.read());
    out.write(42);
    assertEquals(42, two.read());
    assertEquals(2, one.read());
    out.write(0xff43);
    assertEquals(0x43, two.read());
  }

  @Test
  void streamWritesToTheEndAndNoFurther() throws Exception {
    OutputStream out = file.getOutputStream();
    byte[] most = new byte[LENGTH - 1];
    Arrays.fill(most, (byte) 3);
    out.write(most);
    assertThrows(IndexOutOfBoundsException.class, () -> out.write(new byte[2]));
    out.write(4);
    assertThrows(IndexOutOfBoundsException.class, () -> out.write(5));
    out.close();

    byte[] expected = Arrays.copyOf(most, LENGTH);
    expected[LENGTH - 1] = 4;
    assertArrayEquals(expected, Files.readAllBytes(path));
    assertEquals(LENGTH, file.length());
  }

  @Test
  void purgingThatTheKernelRefusesIsNotAllowed() throws Exception {
    IOException e = assertThrows(IOException.class, () -> file.allowPurging(true));
    assertRefused("ASHMEM_UNPIN", OsConstants.ENOTTY, e);
    assertFalse(file.isPurgingAllowed());
    assertFalse(file.allowPurging(false));
    assertEquals(1, file.readBytes(new byte[1], 0, 0, 1));
  }

  interface Call {
    void on(MemoryFile file) throws IOException;
  }

  static Stream<Named<Call>> calls() {
    byte[] buffer = new byte[1];
    return Stream.of(
        Named.of("readBytes", file -> file.readBytes(buffer, 0, 0, 1)),
        Named.of("readBytes nothing", file -> file.readBytes(buffer, -1, -1, -1)),
        Named.of("writeBytes", file -> file.writeBytes(buffer, 0, 0, 1)),
        Named.of("allowPurging", file -> file.allowPurging(true)),
        Named.of("write", file -> file.getOutputStream().write(1)),
        Named.of("write array", file -> file.getOutputStream().write(buffer)));
  }

  @ParameterizedTest
  @MethodSource("calls")
  void callOnAClosedFileIsRefused(Call call) throws Exception {
    file.close();
    file.close();
    Executable afterClose = () -> call.on(file);
    IOException e = assertThrows(IOException.class, afterClose);
    assertTrue(e.getMessage().contains("is closed"), e.getMessage());
    assertArrayEquals(content(), Files.readAllBytes(path));
  }

  /** What Android's class asks its SharedMemory for: the length, and the reads that need it. */
  static Stream<Named<Call>> callsThatNeedTheLength() {
    byte[] buffer = new byte[1];
    return Stream.of(
        Named.of("length", MemoryFile::length),
        Named.of("read", file -> file.getInputStream().read()),
        Named.of("read array", file -> file.getInputStream().read(buffer)),
        Named.of("read nothing", file -> file.getInputStream().read(buffer, 0, 0)),
        Named.of("skip", file -> file.getInputStream().skip(1)),
        Named.of("available", file -> file.getInputStream().available()));
  }

  @ParameterizedTest
  @MethodSource("callsThatNeedTheLength")
  void lengthOfAClosedFileIsRefused(Call call) {
    file.close();
    Executable afterClose = () -> call.on(file);
    IllegalStateException e = assertThrows(IllegalStateException.class, afterClose);
    assertTrue(e.getMessage().contains("is closed"), e.getMessage());
  }

  @Test
  void whatNeedsNoMemoryWorksAfterClose() throws Exception {
    InputStream in = file.getInputStream();
    file.close();
    assertFalse(file.isPurgingAllowed());
    assertFalse(file.allowPurging(false));
    in.mark(1);
    in.reset();
    assertTrue(in.markSupported());
    assertThrows(IndexOutOfBoundsException.class, () -> in.read(new byte[1], 0, 2));
  }

  @Test
  void closeGivesBackDescriptorAndMapping() throws Exception {
    assertEquals(1, OpenFile.count(path));
    assertEquals(1, Maps.lines(path.toString()).size());
    file.close();
    assertEquals(0, OpenFile.count(path));
    assertEquals(List.of(), Maps.lines(path.toString()));
  }

  @Test
  void fileThatCannotBeMappedIsClosed() {
    AshmemRegion device = OpenFile.asRegion(Path.of("/dev/null"), LENGTH);
    IOException e = assertThrows(IOException.class, () -> new MemoryFile(device));
    assertRefused("mmap", OsConstants.ENODEV, e);
    assertFalse(device.isOpen());
  }

  private static void assertRefused(String call, int errno, IOException e) {
    ErrnoException cause = assertInstanceOf(ErrnoException.class, e.getCause());
    assertEquals(cause.getMessage(), e.getMessage());
    assertEquals(call, cause.functionName);
    assertEquals(errno, cause.errno);
    assertInstanceOf(AshmemException.class, cause.getCause());
  }

  @Test
  void forgottenFileIsClosed() throws Exception {
    file = new MemoryFile(OpenFile.asRegion(Path.of("/dev/zero"), LENGTH));
    region = null;
    Await.collection(() -> OpenFile.count(path) == 0);
    Maps.awaitNone(path.toString());
  }
}
