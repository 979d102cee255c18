// SPDX-License-Identifier: Apache-2.0
package org.ashmem;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.EnumSet;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.IntUnaryOperator;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Behaviour of regions on memfd only. */
class MemfdTest {
  private static final int PAGE = (int) AshmemRegion.pageSize();

  private static AshmemRegion region(String name, long size) {
    return AshmemRegion.builder().name(name).size(size).backend(Backend.MEMFD).create();
  }

  @Test
  void regionSaysSo() {
    try (AshmemRegion region = region("backend", PAGE);
        AshmemRegion other = AshmemRegion.fromFileDescriptor(region.dup())) {
      assertEquals(Backend.MEMFD, region.backend());
      assertEquals(Backend.MEMFD, other.backend());
      assertEquals("backend", other.name());
      assertEquals(region.fileId(), other.fileId());
    }
  }

  @Test
  void sizeCannotBeChangedByAnybody() {
    try (AshmemRegion region = region("sealed", 3L * PAGE)) {
      int fd = region.dup().detach();
      assertEquals(-Errno.EPERM, Shim.resize(fd, PAGE));
      assertEquals(-Errno.EPERM, Shim.resize(fd, 4L * PAGE));
      assertEquals(0, Shim.close(fd));
    }
  }

  @Test
  void nameThatMemfdCannotTakeIsCutThere() {
    String name = "n".repeat(255);
    try (AshmemRegion region = region(name, PAGE);
        AshmemRegion other = AshmemRegion.fromFileDescriptor(region.dup())) {
      assertEquals(name, region.name());
      assertEquals(name.substring(0, 249), other.name());
    }
  }

  @Test
  void nameIsCutBetweenCharacters() {
    // One byte, then characters of 3 bytes: the limit of 249 bytes is inside a character.
    String name = "x" + "\u20ac".repeat(84);
    try (AshmemRegion region = region(name, PAGE);
        AshmemRegion other = AshmemRegion.fromFileDescriptor(region.dup())) {
      assertEquals("x" + "\u20ac".repeat(82), other.name());
    }
  }

  /** A sender can open its memory read-only by its path in /proc, and send that descriptor. */
  @Test
  void descriptorThatCannotBeWrittenHasNoWrite() throws Exception {
    try (AshmemRegion region = region("read-only descriptor", PAGE);
        Mapping writer = region.map()) {
      writer.buffer().put(0, (byte) 7);
      int copy = region.dup().detach();
      int fd = OpenFile.openToRead(Path.of("/proc/self/fd/" + copy));
      assertEquals(0, Shim.close(copy));
      try (AshmemRegion other = AshmemRegion.fromFileDescriptor(RegionDescriptor.of(fd));
          Mapping reader = other.map();
          Mapping own = other.map(MapMode.PRIVATE, 0, PAGE)) {
        assertEquals(EnumSet.of(Protection.READ, Protection.EXECUTE), other.protection());
        assertTrue(reader.isReadOnly());
        assertEquals(7, reader.buffer().get(0));
        assertEquals(1, own.buffer().put(0, (byte) 1).get(0));
        other.setProtection(Set.of(Protection.READ));
        assertEquals(Set.of(Protection.READ), other.protection());
      }
    }
  }

  @Test
  void refusalNamesTheCall() {
    try (AshmemRegion region = region("sealed for good", PAGE)) {
      int fd = region.dup().detach();
      // F_SEAL_SEAL
      assertEquals(0, Shim.seal(fd, 1));
      assertEquals(0, Shim.close(fd));
      AshmemException e =
          assertThrows(AshmemException.class, () -> region.setProtection(Set.of(Protection.READ)));
      assertEquals("fcntl", e.call());
      assertEquals("EPERM", e.errnoName());
    }
  }

  @Test
  void receiverCannotWriteWhatLostWrite() {
    try (AshmemRegion region = region("read-only", PAGE);
        Mapping writer = region.map()) {
      region.setProtection(Set.of(Protection.READ));
      writer.buffer().put(0, (byte) 7);
      try (AshmemRegion other = AshmemRegion.fromFileDescriptor(region.dup());
          Mapping reader = other.map()) {
        assertEquals(EnumSet.of(Protection.READ, Protection.EXECUTE), other.protection());
        assertTrue(reader.isReadOnly());
        assertEquals(7, reader.buffer().get(0));
        assertThrows(
            AshmemException.PermissionDenied.class, () -> other.map(MapMode.READ_WRITE, 0, PAGE));
        // The kernel itself refuses a writable mapping.
        int fd = other.dup().detach();
        assertEquals(-Errno.EPERM, Shim.map(fd, Shim.READ | Shim.WRITE, true, 0, PAGE));
        assertEquals(0, Shim.close(fd));
      }
    }
  }

  @Test
  void memfdThatCanStillShrinkIsNoRegion() {
    int fd = Shim.memfd("open".getBytes(UTF_8));
    assertEquals(0, Shim.resize(fd, PAGE));
    assertEquals(0, Shim.seal(fd, Shim.SEAL_GROW));
    RegionDescriptor given = RegionDescriptor.of(fd);
    AshmemException.NotRegion e =
        assertThrows(AshmemException.NotRegion.class, () -> AshmemRegion.fromFileDescriptor(given));
    assertTrue(e.getMessage().contains("memfd of fixed size"), e.getMessage());
    assertEquals(0, Shim.seal(fd, Shim.SEAL_SHRINK));
    AshmemRegion.fromFileDescriptor(given).close();
    assertThrows(ClosedException.class, () -> AshmemRegion.fromFileDescriptor(given));
  }

  @Test
  void emptyMemfdIsNoRegion() {
    int fd = Shim.memfd("empty".getBytes(UTF_8));
    assertEquals(0, Shim.seal(fd, Shim.SEAL_GROW | Shim.SEAL_SHRINK));
    RegionDescriptor given = RegionDescriptor.of(fd);
    assertThrows(AshmemException.NotRegion.class, () -> AshmemRegion.fromFileDescriptor(given));
    given.close();
  }

  /** The other holder of a descriptor has its own pins, and this region does not know them. */
  @Test
  void whatWasHandedOnIsNotPurged() {
    try (AshmemRegion region = region("handed on", PAGE);
        Mapping mapping = region.map()) {
      mapping.buffer().put(0, (byte) 1);
      region.unpin();
      try (AshmemRegion other = AshmemRegion.fromFileDescriptor(region.dup())) {
        other.unpin();
        assertEquals(0, Purge.all());
        assertEquals(PinResult.NOT_PURGED, region.pin());
        assertEquals(PinResult.NOT_PURGED, other.pin());
        assertEquals(1, mapping.buffer().get(0));
      }
    }
  }

  /** Otherwise the receiver would get NOT_PURGED although content is lost. */
  @Test
  void whatWasPurgedIsPinnedBeforeItIsHandedOn() {
    try (AshmemRegion region = region("purged", 2L * PAGE)) {
      region.unpin(PAGE, PAGE);
      assertEquals(1, Purge.all());
      IllegalStateException e = assertThrows(IllegalStateException.class, region::dup);
      assertTrue(e.getMessage().contains("'purged'"), e.getMessage());
      assertEquals(PinResult.NOT_PURGED, region.pin(0, PAGE));
      assertThrows(IllegalStateException.class, region::dup);
      assertEquals(PinResult.WAS_PURGED, region.pin(PAGE, PAGE));
      region.dup().close();
    }
  }

  @Test
  void whatNobodyGotIsPurgedAgain() {
    try (AshmemRegion region = region("taken back", PAGE)) {
      RegionDescriptor one = region.dup();
      RegionDescriptor two = region.dup();
      region.unpin();
      one.close();
      one.close();
      assertEquals(0, Purge.all());
      two.close();
      assertEquals(1, Purge.all());
      assertEquals(PinResult.WAS_PURGED, region.pin());
      RegionDescriptor late = region.dup();
      region.unpin();
      region.close();
      late.close();
      assertEquals(0, Purge.all());
    }
  }

  @Test
  void whatWasAdoptedHereAndClosedIsPurgedAgain() {
    try (AshmemRegion region = region("adopted", PAGE)) {
      AshmemRegion other = AshmemRegion.fromFileDescriptor(region.dup());
      RegionDescriptor copy = other.dup();
      AshmemRegion third = AshmemRegion.fromFileDescriptor(other.dup());
      region.unpin();
      other.close();
      other.close();
      copy.close();
      assertEquals(0, Purge.all());
      third.close();
      assertEquals(1, Purge.all());
    }
  }

  @Test
  void whatMayHaveBeenPassedOnIsNeverPurgedAgain() {
    try (AshmemRegion region = region("number", PAGE)) {
      region.unpin();
      try (RegionDescriptor copy = region.dup()) {
        assertTrue(copy.fd() >= 0);
      }
      assertEquals(0, Purge.all());
    }
    try (AshmemRegion region = region("further", PAGE)) {
      region.unpin();
      AshmemRegion other = AshmemRegion.fromFileDescriptor(region.dup());
      assertEquals(0, Shim.close(other.dup().detach()));
      other.close();
      assertEquals(0, Purge.all());
    }
  }

  /** Whatever ends the call: the descriptor may have been passed on. */
  @Test
  void whatIsBeingPassedOnIsNotPurged() {
    try (AshmemRegion region = region("sent", PAGE)) {
      region.unpin();
      try (RegionDescriptor copy = region.dup()) {
        assertEquals(-Errno.EPIPE, copy.passOn(fd -> -Errno.EPIPE));
      }
      assertEquals(1, Purge.all());
      assertEquals(PinResult.WAS_PURGED, region.pin());
      region.unpin();
      try (RegionDescriptor copy = region.dup()) {
        IntUnaryOperator failing =
            fd -> {
              throw new OutOfMemoryError("of the test");
            };
        assertThrows(OutOfMemoryError.class, () -> copy.passOn(failing));
      }
      assertEquals(0, Purge.all());
    }
  }

  @Test
  void twoThreadsPurgeEachPageOnce() throws Exception {
    int size = 16 * (int) Purge.PIECE;
    ExecutorService executor = Executors.newFixedThreadPool(2);
    try (AshmemRegion region = region("two threads", size);
        Mapping mapping = region.map()) {
      for (int round = 0; round < 5; round++) {
        for (int at = 0; at < size; at += PAGE) {
          mapping.buffer().put(at, (byte) 1);
        }
        region.unpin(0, size / 2);
        for (int at = size / 2; at < size; at += PAGE) {
          region.unpin(at, PAGE);
        }
        long purged = 0;
        List<Callable<Long>> both = List.of(Purge::all, Purge::all);
        for (Future<Long> each : executor.invokeAll(both)) {
          purged += each.get();
        }
        assertEquals(size / PAGE, purged);
        assertEquals(0, mapping.buffer().get(size - 1));
        assertEquals(PinResult.WAS_PURGED, region.pin());
      }
    } finally {
      executor.shutdownNow();
    }
  }

  /** Otherwise it would not wait, and threads that pin would wait for the whole purge. */
  @Test
  void interruptedThreadPausesBetweenPieces() throws Exception {
    int size = 64 * (int) Purge.PIECE;
    AtomicBoolean ended = new AtomicBoolean();
    AtomicBoolean kept = new AtomicBoolean(true);
    try (AshmemRegion region = region("interrupted", size)) {
      Thread purger =
          new Thread(
              () -> {
                Thread.currentThread().interrupt();
                while (!ended.get()) {
                  region.pin();
                  for (int at = 0; at < size; at += 2 * PAGE) {
                    region.unpin(at, PAGE);
                  }
                  long unused = Purge.all();
                  kept.compareAndSet(true, Thread.currentThread().isInterrupted());
                }
              });
      purger.start();
      try {
        Await.until(purger::isInterrupted);
        // Only while it waits, it is not.
        Await.until(() -> !purger.isInterrupted());
      } finally {
        ended.set(true);
      }
      purger.join();
      assertTrue(kept.get());
    }
  }

  @Test
  void whatLostWriteIsNotPurged() {
    try (AshmemRegion region = region("sealed", PAGE);
        Mapping mapping = region.map()) {
      mapping.buffer().put(0, (byte) 1);
      region.setProtection(Set.of(Protection.READ));
      region.unpin();
      assertEquals(0, Purge.all());
      assertEquals(PinResult.NOT_PURGED, region.pin());
      assertEquals(1, mapping.buffer().get(0));
    }
  }

  @Test
  void closedRegionIsNotPurged() {
    AshmemRegion region = region("closed", PAGE);
    try (Mapping mapping = region.map()) {
      mapping.buffer().put(0, (byte) 1);
      region.unpin();
      region.close();
      assertEquals(0, Purge.all());
      assertEquals(1, mapping.buffer().get(0));
    }
  }

  @Test
  void quarterIsWhatWasUnpinnedFirst() {
    try (AshmemRegion one = region("one", 4L * PAGE);
        AshmemRegion two = region("two", 4L * PAGE)) {
      two.unpin(0, 2L * PAGE);
      one.unpin(0, 2L * PAGE);
      two.unpin(2L * PAGE, 2L * PAGE);
      one.unpin(2L * PAGE, 2L * PAGE);
      assertEquals(2, Purge.quarter());
      assertEquals(PinResult.WAS_PURGED, two.pin(0, 2L * PAGE));
      assertEquals(PinResult.NOT_PURGED, one.pin());
      assertEquals(PinResult.NOT_PURGED, two.pin());
    }
  }

  /** A purge takes the oldest ranges of each region, and looks at no others. */
  @Test
  void manyRangesAreNotSorted() {
    int count = 2000;
    try (AshmemRegion one = region("one", 2L * count * PAGE);
        AshmemRegion two = region("two", 2L * count * PAGE)) {
      List<Integer> order = new ArrayList<>(IntStream.range(0, count).boxed().toList());
      Collections.shuffle(order, new Random(1));
      for (int each : order) {
        one.unpin(2L * each * PAGE, PAGE);
        two.unpin(2L * each * PAGE, PAGE);
      }
      assertEquals(2, Purge.turns().size());
      int[] asked = {0};
      long purged = Purge.until(() -> ++asked[0] == 3);
      assertEquals(2, Purge.turns().size());
      for (AshmemRegion region : List.of(one, two)) {
        for (int i = 0; i < count; i++) {
          PinResult expected = i < purged / 2 ? PinResult.WAS_PURGED : PinResult.NOT_PURGED;
          assertEquals(expected, region.pin(2L * order.get(i) * PAGE, PAGE));
        }
      }
    }
  }

  /** No more is purged than what is missing, and what was unpinned first goes first. */
  @Test
  void purgeEndsWhenItIsEnough() {
    int size = 4 * (int) Purge.PIECE;
    try (AshmemRegion one = region("one", size);
        AshmemRegion two = region("two", size);
        Mapping first = one.map();
        Mapping second = two.map()) {
      for (int at = 0; at < size; at += PAGE) {
        first.buffer().put(at, (byte) 1);
        second.buffer().put(at, (byte) 1);
      }
      two.unpin();
      one.unpin();
      assertEquals(0, Purge.until(() -> true));
      assertEquals(1, second.buffer().get(0));
      int last = 2 * (int) Purge.PIECE;
      assertEquals(last / PAGE, Purge.until(() -> second.buffer().get(last - PAGE) == 0));
      assertEquals(1, second.buffer().get(last));
      assertEquals(PinResult.NOT_PURGED, one.pin());
      assertEquals(PinResult.WAS_PURGED, two.pin());
      one.unpin();
      assertEquals(size / PAGE, Purge.until(() -> false));
    }
  }

  /** A thread that pins waits for one piece at most. */
  @Test
  void purgeGoesInPieces() {
    int size = 4 * (int) Purge.PIECE;
    try (AshmemRegion region = region("pieces", size);
        Mapping mapping = region.map()) {
      var bytes = mapping.buffer();
      for (int at = 0; at < size; at += PAGE) {
        bytes.put(at, (byte) 1);
      }
      region.unpin(PAGE, size - PAGE);
      Purge.Turn turn = Purge.turns().remove();
      turn.driver.purge(turn);
      assertTrue(turn.isPart);
      assertEquals(1, bytes.get(0));
      assertEquals(0, bytes.get(PAGE));
      assertEquals(0, bytes.get((int) Purge.PIECE));
      assertEquals(1, bytes.get((int) Purge.PIECE + PAGE));

      // What is pinned between two pieces stays, and what is unpinned then is not purged either.
      int last = size - PAGE;
      assertEquals(PinResult.NOT_PURGED, region.pin(last, PAGE));
      assertEquals(PinResult.NOT_PURGED, region.pin(size / 2, 2L * PAGE));
      region.unpin(size / 2 + PAGE, PAGE);
      long pages = turn.pages;
      while (turn.age != Purge.Turn.NEVER) {
        turn.driver.purge(turn);
        pages += turn.pages;
        assertEquals(1, bytes.get(last));
      }
      assertEquals(size / PAGE - 4, pages);
      assertEquals(PinResult.NOT_PURGED, region.pin(size / 2, 2L * PAGE));
      assertEquals(1, bytes.get(size / 2));
      assertEquals(1, bytes.get(size / 2 + PAGE));
      assertEquals(0, bytes.get(size / 2 + 2 * PAGE));
      assertEquals(PinResult.WAS_PURGED, region.pin());
      assertEquals(PinResult.NOT_PURGED, region.pin());
    }
  }

  /** Otherwise the purge of a large region that is mostly empty would have no end. */
  @Test
  void pieceIsMeasuredByItsMemory() {
    long far = 1L << 50;
    try (AshmemRegion region = region("sparse", far + 4 * Purge.PIECE);
        Mapping mapping = region.map(far, PAGE)) {
      mapping.buffer().put(0, (byte) 1);
      region.unpin();
      Purge.Turn turn = Purge.turns().remove();
      turn.driver.purge(turn);
      assertEquals((far + Purge.PIECE) / PAGE, turn.pages);
      assertEquals(0, mapping.buffer().get(0));
      turn.driver.purge(turn);
      assertFalse(turn.isPart);
      assertEquals((region.size() - far - Purge.PIECE) / PAGE, turn.pages);
      assertEquals(Purge.Turn.NEVER, turn.age);
      assertEquals(PinResult.WAS_PURGED, region.pin());
    }
  }

  @Test
  void bytesOfTheLargestRegionAreCounted() {
    try (AshmemRegion region = region("largest", Long.MAX_VALUE)) {
      assertEquals(Long.MAX_VALUE, RegionUsage.of(region).pinnedBytes());
      region.unpin();
      assertEquals(0, RegionUsage.of(region).pinnedBytes());
      assertEquals(Long.MAX_VALUE, RegionUsage.of(region).unpinnedBytes());
    }
  }

  @Test
  void largestRegionHasAllItsPages() {
    long size = Long.MAX_VALUE;
    long before = Counters.regionBytes();
    try (AshmemRegion one = region("largest", size);
        AshmemRegion two = region("largest", size);
        AshmemRegion three = region("largest", size)) {
      assertEquals(size, Counters.regionBytes());
      one.unpin();
      two.unpin();
      // A piece ends where the kernel finds data, and Linux 5.10 finds some everywhere.
      long purged = Purge.quarter();
      assertTrue(purged >= 1L << 50 && purged <= 1L << 51, () -> purged + " pages");
      assertEquals(PinResult.WAS_PURGED, one.pin());
      assertEquals(PinResult.NOT_PURGED, two.pin());
      one.unpin();
      two.unpin();
      three.unpin();
      assertEquals(3L << 51, Purge.all());
      assertEquals(PinStatus.UNPINNED, one.pinStatus());
      assertEquals(PinResult.WAS_PURGED, one.pin(size - size % PAGE, size % PAGE));
    }
    assertEquals(before, Counters.regionBytes());
  }

  /** Purges under AUTO when no descriptor is free. */
  static final class NoDescriptor {
    private NoDescriptor() {}

    public static void main(String[] arguments) {
      try (AshmemRegion region = region("full", 3L * PAGE)) {
        region.unpin();
        System.setProperty(Backend.PROPERTY, "auto");
        // Loads all classes and opens the console. Each needs a descriptor.
        region("first", PAGE).close();
        System.out.println("begin " + AshmemRegion.purgeAllCaches());
        region.pin();
        region.unpin();
        byte[] path = "/dev/null".getBytes(UTF_8);
        int last = 0;
        while (last >= 0) {
          last = Shim.openFile(path);
        }
        System.out.println(Errno.name(-last) + " " + AshmemRegion.purgeAllCaches());
      }
    }
  }

  @Test
  void purgeNeedsNoFreeDescriptor() throws Exception {
    List<String> command = new ArrayList<>(List.of("prlimit", "--nofile=200:200"));
    command.addAll(ChildJvm.command(List.of(), NoDescriptor.class));
    ChildJvm.Result result = ChildJvm.run(command);
    assertEquals("begin 3\nEMFILE 3\n", result.output());
  }

  /** Threads pin, check every page, write and unpin, while another thread purges all the time. */
  @ParameterizedTest
  @ValueSource(ints = {1, 4})
  void noByteIsLostToAPurge(int threads) throws Exception {
    int pages = 64;
    AtomicBoolean ended = new AtomicBoolean();
    ExecutorService executor = Executors.newFixedThreadPool(threads + 1);
    try (AshmemRegion region = region("stress", (long) threads * pages * PAGE);
        Mapping mapping = region.map()) {
      Future<Long> purger =
          executor.submit(
              () -> {
                long purged = 0;
                while (!ended.get()) {
                  purged += Purge.quarter();
                }
                return purged;
              });
      List<Callable<Long>> workers = new ArrayList<>();
      for (int i = 0; i < threads; i++) {
        int first = i * pages;
        workers.add(() -> work(region, mapping, first, pages, ended));
      }
      long found = 0;
      for (Future<Long> worker : executor.invokeAll(workers)) {
        found += worker.get();
      }
      ended.set(true);
      assertTrue(purger.get() > 0, "nothing was purged");
      assertTrue(found > 0, "no purge was found");
    } finally {
      ended.set(true);
      executor.shutdownNow();
    }
  }

  /** Works until it has found a purge, and returns how many pages were found purged. */
  private static long work(
      AshmemRegion region, Mapping mapping, int first, int pages, AtomicBoolean ended) {
    Random random = new Random(first);
    long[] written = new long[pages];
    long found = 0;
    var buffer = mapping.buffer();
    for (int round = 1; round <= 3000 || (found == 0 && !ended.get()); round++) {
      int page = random.nextInt(pages);
      int count = 1 + random.nextInt(Math.min(8, pages - page));
      long offset = (long) (first + page) * PAGE;
      PinResult result = region.pin(offset, (long) count * PAGE);
      for (int i = page; i < page + count; i++) {
        int at = (first + i) * PAGE;
        if (buffer.getLong(at) != written[i] || buffer.getLong(at + PAGE - 8) != written[i]) {
          assertEquals(PinResult.WAS_PURGED, result, "page " + i + " lost its content");
          assertEquals(0, buffer.getLong(at));
          found++;
        }
        written[i] = round;
        buffer.putLong(at, round).putLong(at + PAGE - 8, round);
      }
      region.unpin(offset, (long) count * PAGE);
    }
    return found;
  }
}
