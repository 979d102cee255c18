// SPDX-License-Identifier: Apache-2.0
package org.ashmem;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.sun.management.ThreadMXBean;
import java.lang.management.ManagementFactory;
import java.nio.ByteBuffer;
import java.nio.LongBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.ashmem.example.Pattern;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;

/** Pinning, unpinning and purging on the device or on memfd. */
class PinIT {
  private static final int PAGE = (int) AshmemRegion.pageSize();
  private static final int WORDS = PAGE / Long.BYTES;
  private static final int PAGES = 16;

  /** Ways to purge every unpinned page. */
  enum Purge {
    REQUEST {
      @Override
      void run() {
        AshmemRegion.purgeAllCaches();
        assertEquals(0, AshmemRegion.purgeAllCaches(), "pages were left to purge");
      }
    },
    DROP_CACHES {
      @Override
      void run() throws Exception {
        Files.writeString(Path.of("/proc/sys/vm/drop_caches"), "2");
      }
    };

    /** The kernel purges only regions on the device. */
    static List<Purge> ways() {
      return Files.exists(Path.of(AshmemRegion.DEVICE)) ? List.of(values()) : List.of(REQUEST);
    }

    abstract void run() throws Exception;
  }

  private AshmemRegion region;
  private Mapping mapping;

  @BeforeEach
  void createAndFill() {
    region = AshmemRegion.create("pins", (long) PAGES * PAGE);
    mapping = region.map();
    for (int page = 0; page < PAGES; page++) {
      Pattern.fill(page(page), (long) page * WORDS);
    }
  }

  @AfterEach
  void close() {
    mapping.close();
    region.close();
  }

  @Test
  void allIsPinnedAtFirst() throws Exception {
    assertEquals(PinStatus.PINNED, region.pinStatus());
    Purge.REQUEST.run();
    assertEquals(PinResult.NOT_PURGED, region.pin());
    assertContent("IIIIIIIIIIIIIIII");
  }

  @Test
  void unpinnedIsIntactUntilItIsPurged() {
    region.unpin();
    assertEquals(PinStatus.UNPINNED, region.pinStatus());
    assertContent("IIIIIIIIIIIIIIII");
    assertEquals(PinResult.NOT_PURGED, region.pin());
    assertEquals(PinStatus.PINNED, region.pinStatus());
    assertContent("IIIIIIIIIIIIIIII");
  }

  @ParameterizedTest
  @MethodSource("org.ashmem.PinIT$Purge#ways")
  void purgeTakesWhatIsUnpinnedAndNothingElse(Purge purge) throws Exception {
    unpin(4, 4);
    unpin(10, 2);

    purge.run();

    assertEquals(PinResult.NOT_PURGED, pin(0, 4));
    assertEquals(PinResult.NOT_PURGED, pin(8, 2));
    assertEquals(PinResult.NOT_PURGED, pin(12, 4));
    assertContent("IIII0000II00IIII");
    assertEquals(PinResult.WAS_PURGED, pin(0, 8));
    assertEquals(PinResult.NOT_PURGED, pin(0, 8));
    assertEquals(PinResult.WAS_PURGED, region.pin());
    assertEquals(PinResult.NOT_PURGED, region.pin());
    assertEquals(PinStatus.PINNED, region.pinStatus());
  }

  @ParameterizedTest
  @MethodSource("org.ashmem.PinIT$Purge#ways")
  void purgedPartIsToldByPartialPins(Purge purge) throws Exception {
    unpin(2, 12);
    assertEquals(PinResult.NOT_PURGED, pin(6, 4));
    purge.run();

    assertContent("II0000IIII0000II");
    assertEquals(PinResult.NOT_PURGED, pin(0, 2));
    assertEquals(PinResult.NOT_PURGED, pin(6, 4));
    assertEquals(PinResult.WAS_PURGED, pin(5, 1));
    assertEquals(PinStatus.UNPINNED, status(2, 3));
    assertEquals(PinStatus.PINNED, status(5, 5));
    assertEquals(PinResult.WAS_PURGED, pin(2, 3));
    assertEquals(PinResult.WAS_PURGED, pin(9, 2));
    assertEquals(PinStatus.UNPINNED, status(11, 1));
  }

  @Test
  void whatIsWrittenAfterThePurgeDoesNotHideIt() throws Exception {
    unpin(0, 2);
    Purge.REQUEST.run();
    Pattern.fill(page(0), 0);
    Pattern.fill(page(1), WORDS);
    assertEquals(PinResult.WAS_PURGED, pin(0, 2));
    assertContent("IIIIIIIIIIIIIIII");
  }

  @Test
  void purgeTellsHowManyPagesWereUnpinned() throws Exception {
    Purge.REQUEST.run();
    unpin(1, 3);
    unpin(8, 4);
    unpin(9, 2);
    assertEquals(7, AshmemRegion.purgeAllCaches());
    assertEquals(0, AshmemRegion.purgeAllCaches());
  }

  @ParameterizedTest
  @CsvSource({
    "0, 16, UNPINNED",
    "0, 4, PINNED",
    "3, 2, UNPINNED",
    "4, 1, UNPINNED",
    "8, 8, PINNED",
    "7, 2, UNPINNED"
  })
  void statusIsOfTheRange(int first, int pages, PinStatus status) {
    unpin(4, 4);
    assertEquals(status, status(first, pages));
    assertEquals(PinStatus.UNPINNED, status(4, 4), "the query changed the status");
  }

  @Test
  void rangesMeetAndOverlap() throws Exception {
    unpin(0, 4);
    unpin(4, 4);
    unpin(2, 4);
    pin(3, 2);
    unpin(12, 4);
    Purge.REQUEST.run();
    assertContent("000II000IIII0000");
  }

  @Test
  void scopeUnpinsWhenItEnds() throws Exception {
    region.unpin();
    try (Pin pin = region.pinned()) {
      assertFalse(pin.wasPurged());
      assertEquals(PinResult.NOT_PURGED, pin.result());
      assertEquals(PinStatus.PINNED, region.pinStatus());
      Purge.REQUEST.run();
      assertContent("IIIIIIIIIIIIIIII");
    }
    assertEquals(PinStatus.UNPINNED, region.pinStatus());

    Purge.REQUEST.run();
    try (Pin pin = region.pinned(4L * PAGE, 4L * PAGE)) {
      assertTrue(pin.wasPurged());
      assertEquals(4L * PAGE, pin.offset());
      assertEquals(4L * PAGE, pin.length());
      assertEquals(PinStatus.PINNED, status(4, 4));
      assertEquals(PinStatus.UNPINNED, status(0, 4));
    }
    assertEquals(PinStatus.UNPINNED, status(4, 4));
  }

  @Test
  void secondCloseOfAScopeLeavesTheNextScopeAlone() {
    Pin first = region.pinned();
    first.close();
    try (Pin second = region.pinned()) {
      first.close();
      assertEquals(PinStatus.PINNED, region.pinStatus());
      assertFalse(second.wasPurged());
    }
  }

  @Test
  void rangeIsPinnedUntilItsLastScopeEnds() throws Exception {
    Pin first = region.pinned();
    Pin second = region.pinned();
    second.close();
    second.close();
    assertEquals(PinStatus.PINNED, region.pinStatus());
    Purge.REQUEST.run();
    assertContent("IIIIIIIIIIIIIIII");
    first.close();
    Purge.REQUEST.run();
    assertContent("0000000000000000");
  }

  @Test
  void overlapOfScopesIsPinnedUntilTheLastEnds() throws Exception {
    Pin left = scope(2, 6);
    Pin right = scope(6, 6);
    try (Pin inner = scope(4, 1)) {
      assertEquals(PinStatus.PINNED, status(4, 1));
    }
    assertEquals(PinStatus.PINNED, region.pinStatus());
    left.close();
    assertEquals(PinStatus.UNPINNED, status(2, 4));
    assertEquals(PinStatus.PINNED, status(6, 6));
    Purge.REQUEST.run();
    assertContent("II0000IIIIIIIIII");
    right.close();
    Purge.REQUEST.run();
    assertContent("II0000000000IIII");
  }

  @Test
  void unpinLeavesWhatAScopeHolds() throws Exception {
    Pin first = scope(2, 2);
    Pin last = scope(14, 2);
    region.unpin();
    Purge.REQUEST.run();
    assertContent("00II0000000000II");
    first.close();
    last.close();
    assertEquals(PinResult.WAS_PURGED, pin(0, 2));
    assertEquals(PinResult.NOT_PURGED, pin(2, 2));
    assertEquals(PinResult.NOT_PURGED, pin(14, 2));
    // A pin that fails holds nothing.
    assertThrows(IllegalArgumentException.class, () -> region.pinned(1, PAGE));
    region.unpin();
    Purge.REQUEST.run();
    assertContent("0000000000000000");
  }

  @Test
  void scopeThatOutlivesTheRegionEndsQuietly() {
    Pin pin = region.pinned();
    region.close();
    pin.close();
    assertThrows(ClosedException.class, () -> region.pinned());
  }

  @Test
  void threadsNeverUnpinTheScopesOfOthers() throws Exception {
    ExecutorService threads = Executors.newFixedThreadPool(3);
    try {
      List<Callable<Void>> workers = new ArrayList<>();
      for (int seed = 0; seed < 3; seed++) {
        Random random = new Random(seed);
        workers.add(
            () -> {
              for (int round = 0; round < 3000; round++) {
                int first = random.nextInt(PAGES);
                int pages = 1 + random.nextInt(PAGES - first);
                try (Pin pin = scope(first, pages)) {
                  assertEquals(PinStatus.PINNED, status(first, pages));
                  if (round % 3 == 0) {
                    region.unpin();
                    assertEquals(PinStatus.PINNED, status(first, pages));
                  }
                }
              }
              return null;
            });
      }
      for (Future<Void> worker : threads.invokeAll(workers)) {
        worker.get();
      }
    } finally {
      threads.shutdownNow();
    }
    for (int page = 0; page < PAGES; page++) {
      assertEquals(PinStatus.UNPINNED, status(page, 1));
    }
  }

  @Test
  @Tag("device")
  void scopesOfAnotherObjectAreNotCounted() {
    try (AshmemRegion other = AshmemRegion.fromFileDescriptor(region.dup());
        Pin mine = region.pinned()) {
      other.pinned().close();
      assertEquals(PinStatus.UNPINNED, region.pinStatus());
      assertFalse(mine.wasPurged());
    }
  }

  @Test
  @Tag("device")
  void pinsBelongToTheRegionNotToTheDescriptor() throws Exception {
    try (AshmemRegion other = AshmemRegion.fromFileDescriptor(region.dup())) {
      other.unpin(0, PAGE);
      assertEquals(PinStatus.UNPINNED, region.pinStatus());
      Purge.REQUEST.run();
      assertEquals(PinResult.WAS_PURGED, region.pin());
      assertEquals(PinStatus.PINNED, other.pinStatus());
    }
  }

  @Test
  void closingTheLastDescriptorPinsForGood() throws Exception {
    region.unpin();
    region.close();
    for (Purge purge : Purge.ways()) {
      purge.run();
    }
    assertContent("IIIIIIIIIIIIIIII");
  }

  @Test
  void rangeMayEndWithTheRegion() throws Exception {
    try (AshmemRegion odd = AshmemRegion.create("odd", 2L * PAGE + 1);
        Mapping bytes = odd.map()) {
      ByteBuffer last = bytes.buffer().slice(2 * PAGE, 1);
      last.put(0, (byte) 1);
      odd.unpin(2L * PAGE, 1);
      assertEquals(PinStatus.UNPINNED, odd.pinStatus(PAGE, PAGE + 1L));
      assertEquals(PinStatus.PINNED, odd.pinStatus(0, 2L * PAGE));
      Purge.REQUEST.run();
      assertEquals(PinResult.WAS_PURGED, odd.pin());
      assertEquals(0, last.get(0));
    }
  }

  @Test
  @Tag("device")
  void pinAllocatesNothing() {
    ThreadMXBean thread = (ThreadMXBean) ManagementFactory.getThreadMXBean();
    long allocated = Long.MAX_VALUE;
    // The first rounds are a warm-up for linking and compiling.
    for (int round = 0; round < 5; round++) {
      long before = thread.getCurrentThreadAllocatedBytes();
      for (int i = 0; i < 1000; i++) {
        region.unpin(0, PAGE);
        assertSame(PinResult.NOT_PURGED, region.pin(0, PAGE));
        assertSame(PinStatus.PINNED, region.pinStatus(0, PAGE));
      }
      allocated = thread.getCurrentThreadAllocatedBytes() - before;
    }
    assertTrue(allocated < 1000, "1000 rounds of pin and unpin allocated " + allocated + " bytes");
  }

  /** The kernel refuses the ranges that Java refuses, and changes nothing. */
  @Test
  @Tag("device")
  void kernelRefusesBadRanges() {
    int fd = region.dup().detach();
    int size = PAGES * PAGE;
    int[][] ranges = {
      {1, 0},
      {0, 1},
      {PAGE, PAGE + 1},
      {size, PAGE},
      {size + PAGE, 0},
      {0, size + PAGE},
      {PAGE, size},
      {-PAGE, PAGE},
      {-PAGE, 0},
      {PAGE, -PAGE},
      {0, -PAGE}
    };
    for (int[] range : ranges) {
      assertEquals(-Errno.EINVAL, Shim.unpin(fd, range[0], range[1]));
      assertEquals(-Errno.EINVAL, Shim.pin(fd, range[0], range[1]));
      assertEquals(-Errno.EINVAL, Shim.pinStatus(fd, range[0], range[1]));
    }
    // as for Android's driver, this range has no page
    assertEquals(0, Shim.unpin(fd, size, 0));
    assertEquals(0, Shim.close(fd));
    assertEquals(PinStatus.PINNED, region.pinStatus());
    assertThrows(IllegalArgumentException.class, () -> region.pin(size, PAGE));
  }

  private void unpin(int first, int pages) {
    region.unpin((long) first * PAGE, (long) pages * PAGE);
  }

  private PinResult pin(int first, int pages) {
    return region.pin((long) first * PAGE, (long) pages * PAGE);
  }

  private Pin scope(int first, int pages) {
    return region.pinned((long) first * PAGE, (long) pages * PAGE);
  }

  private PinStatus status(int first, int pages) {
    return region.pinStatus((long) first * PAGE, (long) pages * PAGE);
  }

  private LongBuffer page(int page) {
    return mapping.buffer().slice(page * PAGE, PAGE).asLongBuffer();
  }

  /** Compares the content, with one character for each page: I is intact, 0 is zeros. */
  private void assertContent(String expected) {
    StringBuilder found = new StringBuilder();
    for (int page = 0; page < PAGES; page++) {
      if (Pattern.mismatch(page(page), (long) page * WORDS) < 0) {
        found.append('I');
      } else {
        found.append(page(page).equals(LongBuffer.allocate(WORDS)) ? '0' : '?');
      }
    }
    assertEquals(expected, found.toString());
  }
}
