// SPDX-License-Identifier: Apache-2.0
package org.ashmem;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** Pinning and unpinning many ranges, and what is counted of them, on the device or on memfd. */
class PinManyIT {
  private static final int PAGE = (int) AshmemRegion.pageSize();

  /** More than the native library and the kernel take in one piece. */
  private static final int PAGES = 300;

  /** The last page ends with the region. */
  private static final long SIZE = (long) PAGES * PAGE - 100;

  /** Sends SIGUSR2 to a thread of a process, again and again, until the thread ends. */
  private static final String SIGNALS =
      "1 until syscall($ARGV[2] + 0, $ARGV[0] + 0, $ARGV[1] + 0, 12) < 0";

  /** The number of tgkill. Newer architectures than x86 have the same numbers. */
  private static final int TGKILL = System.getProperty("os.arch").equals("amd64") ? 234 : 131;

  private AshmemRegion region;

  @BeforeEach
  void createAndFill() {
    region = AshmemRegion.create("many", SIZE);
    try (Mapping mapping = region.map()) {
      ByteBuffer bytes = mapping.buffer();
      for (int page = 0; page < PAGES; page++) {
        bytes.put(page * PAGE, (byte) 1);
      }
    }
  }

  @AfterEach
  void close() {
    region.close();
  }

  private static PinRange page(int page) {
    long offset = (long) page * PAGE;
    return new PinRange(offset, Math.min(PAGE, SIZE - offset));
  }

  /** Returns the pages from the first on, each step-th of them. */
  private static PinRange[] pages(int first, int step) {
    return IntStream.iterate(first, page -> page < PAGES, page -> page + step)
        .mapToObj(PinManyIT::page)
        .toArray(PinRange[]::new);
  }

  private PinStatus status(int page) {
    return region.pinStatus(page(page).offset(), page(page).length());
  }

  @Test
  void eachRangeHasItsResult() {
    region.unpinAll(pages(1, 2));
    for (int page = 0; page < PAGES; page++) {
      assertEquals(page % 2 == 0 ? PinStatus.PINNED : PinStatus.UNPINNED, status(page));
    }
    assertTrue(AshmemRegion.purgeAllCaches() >= PAGES / 2);

    PinResults results = region.pinAll(pages(0, 1));

    assertEquals(PAGES, results.count());
    for (int page = 0; page < PAGES; page++) {
      assertEquals(
          page % 2 == 0 ? PinResult.NOT_PURGED : PinResult.WAS_PURGED, results.result(page));
    }
    assertEquals(Arrays.asList(pages(1, 2)), results.purged());
    assertEquals(PinStatus.PINNED, region.pinStatus());
    assertFalse(region.pinAll(pages(0, 1)).wasPurged());
  }

  @Test
  void firstOfTwoRangesWithAPageHasItsPurge() {
    PinRange four = new PinRange(0, 4L * PAGE);
    region.unpinAll(page(3));
    AshmemRegion.purgeAllCaches();

    PinResults results = region.pinAll(page(2), four, page(3), four);

    assertEquals(List.of(four), results.purged());
    assertEquals(PinResult.WAS_PURGED, results.result(1));
    assertEquals(PinResult.NOT_PURGED, results.result(3));
  }

  @Test
  void nothingIsNothing() {
    assertEquals(0, region.pinAll().count());
    region.unpinAll();
    assertEquals(PinStatus.PINNED, region.pinStatus());
    region.close();
    assertThrows(ClosedException.class, () -> region.pinAll());
    assertThrows(ClosedException.class, () -> region.unpinAll());
  }

  @Test
  void wrongRangeChangesNothing() {
    PinRange wrong = new PinRange(1, PAGE);
    assertThrows(IllegalArgumentException.class, () -> region.unpinAll(page(0), wrong));
    assertEquals(PinStatus.PINNED, region.pinStatus());
    region.unpin();
    assertThrows(IllegalArgumentException.class, () -> region.pinAll(page(0), wrong));
    assertThrows(NullPointerException.class, () -> region.pinAll(page(0), null));
    assertEquals(PinStatus.UNPINNED, status(0));
  }

  @Test
  void whatAScopeHoldsStaysPinned() {
    try (Pin one = region.pinned(0, PAGE);
        Pin two = region.pinned(2L * PAGE, 2L * PAGE)) {
      region.unpinAll(page(0), new PinRange(PAGE, 4L * PAGE), page(9));
      List<PinStatus> expected =
          List.of(
              PinStatus.PINNED,
              PinStatus.UNPINNED,
              PinStatus.PINNED,
              PinStatus.PINNED,
              PinStatus.UNPINNED,
              PinStatus.PINNED);
      assertEquals(expected, IntStream.range(0, 6).mapToObj(this::status).toList());
      assertEquals(PinStatus.UNPINNED, status(9));
      region.unpinAll(page(0), page(3));
      assertEquals(PinStatus.PINNED, status(0));
      assertEquals(PinStatus.PINNED, status(3));
    }
    // A call of pinAll is no scope: the end of the last scope unpins.
    assertEquals(PinStatus.UNPINNED, status(0));
    assertEquals(PinStatus.UNPINNED, status(3));
  }

  @Test
  void pinsAreCounted() {
    long rounded = (long) PAGES * PAGE;
    assertEquals(new RegionUsage(rounded, 0, 0), RegionUsage.of(region));

    region.unpinAll(page(0), page(5), page(PAGES - 1));
    assertEquals(new RegionUsage(rounded - 3L * PAGE, 3L * PAGE, 0), RegionUsage.of(region));

    AshmemRegion.purgeAllCaches();
    assertEquals(new RegionUsage(rounded - 3L * PAGE, 0, 3L * PAGE), RegionUsage.of(region));

    // A page that is unpinned again after its purge is both.
    region.unpinAll(page(5));
    assertEquals(new RegionUsage(rounded - 3L * PAGE, PAGE, 3L * PAGE), RegionUsage.of(region));

    // To count is not to pin.
    assertEquals(List.of(page(0), page(5)), region.pinAll(page(0), page(4), page(5)).purged());
    assertEquals(new RegionUsage(rounded - PAGE, 0, PAGE), RegionUsage.of(region));
    region.close();
    assertThrows(ClosedException.class, () -> RegionUsage.of(region));
  }

  /**
   * The kernel reports a purge to a process that polls the region, until somebody asks for its
   * state.
   */
  @Test
  @Tag("device")
  void countingLeavesTheNewsOfAPurge() {
    int fd = region.dup().detach();
    region.unpinAll(page(0));
    assertEquals(Shim.NO_PRESSURE, Shim.waitForPressure(fd, 0));
    AshmemRegion.purgeAllCaches();
    assertEquals(PAGE, RegionUsage.of(region).purgedBytes());
    assertEquals(0, Shim.waitForPressure(fd, 0));
    assertEquals(0, Shim.close(fd));
  }

  /** Counts when no descriptor is free. */
  static final class NoDescriptor {
    private NoDescriptor() {}

    public static void main(String[] arguments) {
      try (AshmemRegion region =
          AshmemRegion.builder().name("full").size(PAGE).backend(Backend.DEVICE).create()) {
        System.out.println(RegionUsage.of(region).pinnedBytes() == PAGE);
        byte[] path = "/dev/null".getBytes(UTF_8);
        int last = 0;
        while (last >= 0) {
          last = Shim.openFile(path);
        }
        try {
          System.out.println(RegionUsage.of(region));
        } catch (AshmemException e) {
          System.out.println(Errno.name(e.errno()));
        }
      }
    }
  }

  @Test
  @Tag("device")
  void countingWithoutAFreeDescriptorSaysSo() throws Exception {
    List<String> command = new ArrayList<>(List.of("prlimit", "--nofile=200:200"));
    command.addAll(ChildJvm.command(List.of(), NoDescriptor.class));
    assertEquals("true\nEMFILE\n", ChildJvm.run(command).output());
  }

  @Test
  @Tag("device")
  void kernelRefusesABadRangeAndTakesTheOthers() {
    int fd = region.dup().detach();
    long[] ranges = {0, PAGE, 0, 1, PAGE, 0, 3L * PAGE, 0, 0};
    assertEquals(0, Shim.pinVector(fd, Shim.UNPIN, ranges));
    assertArrayEquals(new long[] {0, PAGE, 0, 1, PAGE, -Errno.EINVAL, 3L * PAGE, 0, 0}, ranges);
    assertEquals(0, Shim.close(fd));
    assertEquals(PinStatus.UNPINNED, status(0));
    assertEquals(PinStatus.PINNED, status(1));
    assertEquals(PinStatus.UNPINNED, status(PAGES - 1));
  }

  /** A signal ends the request of the kernel after a few ranges. */
  @Test
  void signalsLoseNoResult() throws Exception {
    // The JVM has a handler for SIGUSR2, which does nothing unless the JVM waits for it.
    Path thread = Files.readSymbolicLink(Path.of("/proc/thread-self"));
    Process sender =
        ChildJvm.start(
            List.of(
                "perl",
                "-e",
                SIGNALS,
                thread.getName(0).toString(),
                thread.getFileName().toString(),
                Integer.toString(TGKILL)));
    try {
      for (int round = 0; round < 100; round++) {
        region.unpinAll(pages(1, 2));
        AshmemRegion.purgeAllCaches();
        assertEquals(Arrays.asList(pages(1, 2)), region.pinAll(pages(0, 1)).purged());
        assertEquals(PinStatus.PINNED, region.pinStatus());
      }
      assertTrue(sender.isAlive());
    } finally {
      ChildJvm.kill(sender);
    }
  }

  @Test
  void residentIsWhatHasMemory() {
    assertEquals((long) PAGES * PAGE, RegionUsage.residentBytes(region));
    region.unpinAll(pages(0, 3));
    assertEquals((long) PAGES * PAGE, RegionUsage.residentBytes(region));
    AshmemRegion.purgeAllCaches();
    assertEquals((long) PAGES / 3 * 2 * PAGE, RegionUsage.residentBytes(region));

    try (AshmemRegion sparse = AshmemRegion.create("sparse", (3L << 30) + 1);
        Mapping mapping = sparse.map((2L << 30) - PAGE, 2L * PAGE)) {
      assertEquals(0, RegionUsage.residentBytes(sparse));
      mapping.buffer().put(0, (byte) 1).put(PAGE, (byte) 1);
      long resident = RegionUsage.residentBytes(sparse);
      // Huge pages may be larger than what was touched.
      assertTrue(resident >= 2L * PAGE, () -> resident + " bytes");
    }
    region.close();
    assertThrows(ClosedException.class, () -> RegionUsage.residentBytes(region));
  }

  @Test
  void residentIsToldWithoutTheRightToRead() {
    region.setProtection(EnumSet.noneOf(Protection.class));
    assertEquals((long) PAGES * PAGE, RegionUsage.residentBytes(region));
  }
}
