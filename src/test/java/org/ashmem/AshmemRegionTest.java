// SPDX-License-Identifier: Apache-2.0
package org.ashmem;

import static org.junit.jupiter.api.Assertions.assertDoesNotThrow;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.reflect.Proxy;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Named;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Behaviour that needs no device: arguments, closing, and descriptors that are no regions. */
class AshmemRegionTest {
  private static final long PAGE = AshmemRegion.pageSize();

  /** A region object on /dev/null, which supports no request of regions. */
  private final AshmemRegion notReally =
      new AshmemRegion(OpenFile.open(Path.of("/dev/null")), "cache", 3L << 30);

  @AfterEach
  void close() {
    notReally.close();
  }

  @Test
  void pageSizeIsAPowerOfTwo() {
    assertEquals(1, Long.bitCount(PAGE));
    assertTrue(PAGE >= 4096);
  }

  @Test
  void missingDeviceSaysHowToLoadTheModule(@TempDir Path directory) {
    String path = directory.resolve("ashmem").toString();
    AshmemException.DeviceMissing e =
        assertThrows(AshmemException.DeviceMissing.class, () -> DeviceDriver.open(path));
    assertEquals("open", e.call());
    assertEquals("ENOENT", e.errnoName());
    assertTrue(e.getMessage().contains(path), e.getMessage());
    assertTrue(e.getMessage().contains("modprobe ashmem"), e.getMessage());
  }

  @Test
  void pathThatIsTooLongIsRefused() {
    AshmemException e =
        assertThrows(AshmemException.class, () -> DeviceDriver.open("/".repeat(5000)));
    assertEquals("ENAMETOOLONG", e.errnoName());
  }

  @ParameterizedTest
  @ValueSource(longs = {0, -1, Long.MIN_VALUE})
  void sizeMustBeGreaterThanZero(long size) {
    assertThrows(IllegalArgumentException.class, () -> AshmemRegion.builder().size(size));
    assertThrows(IllegalArgumentException.class, () -> AshmemRegion.create("cache", size));
  }

  @Test
  void sizeMustBeGiven() {
    assertThrows(IllegalStateException.class, () -> AshmemRegion.builder().create());
  }

  static Stream<Named<String>> badNames() {
    return Stream.of(
        Named.of("empty", ""),
        Named.of("256 bytes", "a".repeat(256)),
        Named.of("256 bytes of UTF-8", "\u00e9".repeat(128)),
        Named.of("with NUL", "a\0b"));
  }

  @ParameterizedTest
  @MethodSource("badNames")
  void nameMustBeOneThatTheKernelCanHold(String name) {
    assertThrows(IllegalArgumentException.class, () -> AshmemRegion.builder().name(name));
  }

  static Stream<String> goodNames() {
    return Stream.of("a", "a".repeat(255), "\u00e9".repeat(127), "dev/ashmem", "a b\n");
  }

  @ParameterizedTest
  @MethodSource("goodNames")
  void nameMayBeAnythingElse(String name) {
    assertDoesNotThrow(() -> AshmemRegion.builder().name(name));
  }

  @ParameterizedTest
  @CsvSource({
    "-1, 1",
    "0, 0",
    "0, -1",
    "3221225472, 1",
    "3221225471, 2",
    "9223372036854775807, 1",
    "1, 9223372036854775807"
  })
  void partMustLieWithinTheRegion(long offset, long length) {
    assertThrows(IllegalArgumentException.class, () -> notReally.map(offset, length));
    assertThrows(
        IllegalArgumentException.class, () -> notReally.map(MapMode.PRIVATE, offset, length));
  }

  @Test
  void partOverTwoGibibytesIsRefusedBeforeJava22() {
    if (Memory.maxLength() > Integer.MAX_VALUE) {
      // The library passes this length, and the kernel refuses to map /dev/null.
      assertThrows(AshmemException.class, () -> notReally.map(0, 1L << 31));
      return;
    }
    IllegalArgumentException e =
        assertThrows(IllegalArgumentException.class, () -> notReally.map(0, 1L << 31));
    assertTrue(e.getMessage().contains("at most 2147483647 bytes"), e.getMessage());
    assertThrows(IllegalArgumentException.class, notReally::map);
  }

  @Test
  void rangeIsCheckedBeforeTheKernelIsAsked() {
    assertThrows(IllegalArgumentException.class, () -> notReally.pin(1, PAGE));
    assertThrows(IllegalArgumentException.class, () -> notReally.unpin(0, PAGE - 1));
    assertThrows(IllegalArgumentException.class, () -> notReally.pinStatus(-PAGE, PAGE));
    assertThrows(IllegalArgumentException.class, () -> notReally.pinned(0, 4L << 30));
  }

  @Test
  void refusalCarriesCallAndRegion() {
    AshmemException e = assertThrows(AshmemException.class, () -> notReally.pin(0, PAGE));
    assertEquals("ASHMEM_PIN", e.call());
    assertEquals("cache", e.regionName());
    assertEquals("ENOTTY", e.errnoName());
  }

  static Stream<Named<CallOnRegion>> calls() {
    return Stream.of(
        Named.of("protection", AshmemRegion::protection),
        Named.of("setProtection", region -> region.setProtection(Set.of())),
        Named.of("map", region -> region.map(0, PAGE)),
        Named.of("map mode", region -> region.map(MapMode.PRIVATE, 0, PAGE)),
        Named.of("pin", AshmemRegion::pin),
        Named.of("pin range", region -> region.pin(0, PAGE)),
        Named.of("unpin", AshmemRegion::unpin),
        Named.of("unpin range", region -> region.unpin(0, PAGE)),
        Named.of("pinned", AshmemRegion::pinned),
        Named.of("pinned range", region -> region.pinned(0, PAGE)),
        Named.of("pinStatus", AshmemRegion::pinStatus),
        Named.of("pinStatus range", region -> region.pinStatus(0, PAGE)),
        Named.of("fileId", AshmemRegion::fileId),
        Named.of("dup", AshmemRegion::dup));
  }

  interface CallOnRegion {
    void on(AshmemRegion region);
  }

  @ParameterizedTest
  @MethodSource("calls")
  void callOnAClosedRegionIsRefused(CallOnRegion call) {
    assertTrue(notReally.isOpen());
    notReally.close();
    notReally.close();
    assertFalse(notReally.isOpen());

    Executable afterClose = () -> call.on(notReally);
    ClosedException e = assertThrows(ClosedException.class, afterClose);
    assertTrue(e.getMessage().contains("'cache'"), e.getMessage());
  }

  @Test
  void nameAndSizeStayKnown() {
    notReally.close();
    assertEquals("cache", notReally.name());
    assertEquals(3L << 30, notReally.size());
    assertEquals("region 'cache' of 3221225472 bytes", notReally.toString());
  }

  /** A driver that answers each pin with a purge, and refuses each unpin. */
  private static final Driver PINS_ONLY =
      (Driver)
          Proxy.newProxyInstance(
              Driver.class.getClassLoader(),
              new Class<?>[] {Driver.class},
              (proxy, method, arguments) -> method.getName().equals("pin") ? 1 : -Errno.EINVAL);

  @Test
  void scopeOfAClosedRegionEndsQuietly() {
    Pin pin = new Pins(notReally, PINS_ONLY).begin(0, PAGE);
    assertTrue(pin.wasPurged());
    notReally.close();
    assertDoesNotThrow(pin::close);
  }

  @Test
  void scopeUnpinsOnce() {
    Pin pin = new Pins(notReally, PINS_ONLY).begin(0, PAGE);
    assertThrows(AshmemException.class, pin::close);
    assertDoesNotThrow(pin::close);
  }

  @Test
  void scopeThatIsRefusedHoldsNothing() {
    Pins pins = new Pins(notReally, PINS_ONLY);
    // The kernel refuses every pin of /dev/null.
    assertThrows(AshmemException.class, () -> notReally.pinned(0, PAGE));
    assertThrows(AshmemException.class, () -> notReally.unpin(0, PAGE));
    // With a scope, there is nothing to unpin that could be refused.
    Pin pin = pins.begin(0, PAGE);
    assertDoesNotThrow(() -> pins.unpin(0, PAGE));
    assertThrows(AshmemException.class, pin::close);
  }

  @ParameterizedTest
  @ValueSource(ints = {-1, Integer.MIN_VALUE})
  void negativeDescriptorIsRefused(int fd) {
    assertThrows(IllegalArgumentException.class, () -> RegionDescriptor.of(fd));
  }

  @Test
  void descriptorThatIsNotOpenIsRefused() {
    RegionDescriptor given = RegionDescriptor.of(Integer.MAX_VALUE);
    AshmemException.NotRegion e =
        assertThrows(AshmemException.NotRegion.class, () -> AshmemRegion.fromFileDescriptor(given));
    assertEquals("EBADF", e.errnoName());
  }

  @ParameterizedTest
  @ValueSource(strings = {"/dev/null", "/dev/zero", "a file"})
  void descriptorThatIsNoRegionIsRefusedAndLeftOpen(String path, @TempDir Path directory)
      throws Exception {
    Path file =
        path.startsWith("/") ? Path.of(path) : Files.createFile(directory.resolve("some-file"));
    int fd = OpenFile.open(file);

    RegionDescriptor given = RegionDescriptor.of(fd);
    AshmemException.NotRegion e =
        assertThrows(AshmemException.NotRegion.class, () -> AshmemRegion.fromFileDescriptor(given));

    assertEquals("ENOTTY", e.errnoName());
    assertTrue(e.getMessage().contains("not a region"), e.getMessage());
    assertEquals(file.toString(), OpenFile.target(fd));
    assertTrue(given.isOpen());
    given.close();
    assertFalse(OpenFile.isOpen(fd));
  }

  @Test
  void duplicateIsANumberOfItsOwn() throws Exception {
    int fd = notReally.dup().detach();
    notReally.close();
    assertEquals("/dev/null", OpenFile.target(fd));
    assertEquals(0, Shim.close(fd));
  }

  @Test
  void duplicateClosesItsDescriptorOnce() throws Exception {
    RegionDescriptor copy = notReally.dup();
    int fd = copy.fd();
    assertTrue(copy.isOpen());
    copy.close();
    assertFalse(copy.isOpen());
    assertFalse(OpenFile.isOpen(fd));
    int other = OpenFile.open(Path.of("/dev/zero"));
    copy.close();
    assertEquals("/dev/zero", OpenFile.target(other));
    assertEquals(0, Shim.close(other));
    assertThrows(ClosedException.class, copy::fd);
    assertThrows(ClosedException.class, copy::detach);
    assertThrows(ClosedException.class, () -> AshmemRegion.fromFileDescriptor(copy));
  }

  @Test
  void duplicateThatIsDetachedBelongsToTheCaller() throws Exception {
    RegionDescriptor copy = notReally.dup();
    int fd = copy.detach();
    copy.close();
    assertThrows(ClosedException.class, copy::detach);
    assertEquals("/dev/null", OpenFile.target(fd));
    assertEquals(0, Shim.close(fd));
  }

  @Test
  void duplicateThatIsForgottenIsClosed() throws Exception {
    int fd = notReally.dup().fd();
    Await.collection(() -> !OpenFile.isOpen(fd));
  }

  @Test
  void forgottenRegionIsClosed(@TempDir Path directory) throws Exception {
    Path file = Files.createFile(directory.resolve("forgotten"));
    for (int i = 0; i < 10; i++) {
      assertTrue(new AshmemRegion(OpenFile.open(file), "forgotten", 1).isOpen());
    }
    Await.collection(() -> OpenFile.count(file) == 0);
  }
}
