// SPDX-License-Identifier: Apache-2.0
package org.ashmem;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.management.ManagementFactory;
import java.nio.ByteOrder;
import java.nio.ReadOnlyBufferException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.newsclub.net.unix.AFUNIXServerSocket;

class SharedLongsTest {
  private static final int PAGE = (int) AshmemRegion.pageSize();
  private static final int ROUNDS = 100_000;

  private static AshmemRegion region() {
    return AshmemRegion.create("longs", 2L * PAGE);
  }

  /** A process that receives a region, counts in it, and ends. */
  static final class Child {
    private Child() {}

    public static void main(String[] args) throws Exception {
      try (RegionChannel channel = RegionChannel.connect(Path.of(args[0]));
          AshmemRegion region = channel.receive();
          Mapping mapping = region.map()) {
        count(SharedLongs.of(mapping));
      }
    }
  }

  /** Adds to the first long with getAndAdd, and to the second with compareAndSet. */
  private static void count(SharedLongs longs) {
    for (int i = 0; i < ROUNDS; i++) {
      longs.getAndAdd(0, 1);
      long seen;
      do {
        seen = longs.getVolatile(1);
      } while (!longs.compareAndSet(1, seen, seen + 1));
    }
  }

  @Test
  void eachAccessIsSeenByTheOthers() {
    try (AshmemRegion region = region();
        Mapping mapping = region.map();
        Mapping other = region.map()) {
      SharedLongs longs = SharedLongs.of(mapping);
      SharedLongs others = SharedLongs.of(other);
      int last = longs.length() - 1;
      longs.set(last, 0x0123456789abcdefL);
      assertEquals(0x0123456789abcdefL, others.get(last));
      longs.setVolatile(last, -2);
      assertEquals(-2, others.getVolatile(last));
      longs.setRelease(last, Long.MIN_VALUE);
      assertEquals(Long.MIN_VALUE, others.getAcquire(last));
      assertFalse(longs.compareAndSet(last, 0, 1));
      assertEquals(Long.MIN_VALUE, others.get(last));
      assertTrue(longs.compareAndSet(last, Long.MIN_VALUE, Long.MAX_VALUE));
      assertEquals(Long.MAX_VALUE, longs.getAndAdd(last, 2));
      assertEquals(Long.MIN_VALUE + 1, others.get(last));
      assertEquals(0, longs.get(last - 1));
    }
  }

  @Test
  void orderIsTheMachines() {
    try (AshmemRegion region = region();
        Mapping mapping = region.map()) {
      SharedLongs.of(mapping).set(1, 0x0123456789abcdefL);
      assertEquals(0x0123456789abcdefL, mapping.buffer().order(ByteOrder.nativeOrder()).getLong(8));
    }
  }

  @ParameterizedTest
  @CsvSource({"0, 8", "1, 7", "4, 4092", "16, 16"})
  void beginsAtAMultipleOfEightOfTheRegion(int from, int offset) {
    try (AshmemRegion region = region();
        Mapping mapping = region.map(from, 2L * PAGE - from);
        Mapping whole = region.map()) {
      SharedLongs.of(mapping, offset, 1).setVolatile(0, 5);
      assertEquals(5, SharedLongs.of(whole).getVolatile((from + offset) / 8));
    }
  }

  @Test
  void misalignedIsRefused() {
    try (AshmemRegion region = region();
        Mapping mapping = region.map();
        Mapping odd = region.map(4, PAGE)) {
      IllegalArgumentException e =
          assertThrows(IllegalArgumentException.class, () -> SharedLongs.of(mapping, 4, 1));
      assertTrue(e.getMessage().contains("offset 4 of mapping of region 'longs'"), e.getMessage());
      assertThrows(IllegalArgumentException.class, () -> SharedLongs.of(odd));
    }
  }

  @Test
  void partHasItsOwnBounds() {
    try (AshmemRegion region = region();
        Mapping mapping = region.map()) {
      SharedLongs longs = SharedLongs.of(mapping, 16, 3);
      assertEquals(3, longs.length());
      longs.set(2, 9);
      assertEquals(9, SharedLongs.of(mapping).get(4));
      for (int index : new int[] {-1, 3, 1 << 29, Integer.MIN_VALUE, Integer.MAX_VALUE}) {
        List<Executable> accesses =
            List.of(
                () -> longs.get(index),
                () -> longs.set(index, 1),
                () -> longs.getVolatile(index),
                () -> longs.setVolatile(index, 1),
                () -> longs.getAcquire(index),
                () -> longs.setRelease(index, 1),
                () -> longs.compareAndSet(index, 0, 1),
                () -> longs.getAndAdd(index, 1));
        for (Executable access : accesses) {
          assertThrows(IndexOutOfBoundsException.class, access);
        }
      }
    }
  }

  @Test
  void whatIsNotWithinTheMappingIsRefused() {
    try (AshmemRegion region = region();
        Mapping mapping = region.map(0, 20)) {
      assertEquals(2, SharedLongs.of(mapping).length());
      assertEquals(0, SharedLongs.of(mapping, 16, 0).length());
      assertThrows(IndexOutOfBoundsException.class, () -> SharedLongs.of(mapping, 16, 1));
      assertThrows(IndexOutOfBoundsException.class, () -> SharedLongs.of(mapping, 24, 0));
      assertThrows(IndexOutOfBoundsException.class, () -> SharedLongs.of(mapping, -8, 1));
      assertThrows(IndexOutOfBoundsException.class, () -> SharedLongs.of(mapping, 0, -1));
      assertThrows(
          IndexOutOfBoundsException.class, () -> SharedLongs.of(mapping, 0, Integer.MAX_VALUE));
      assertThrows(
          IndexOutOfBoundsException.class, () -> SharedLongs.of(mapping, Long.MAX_VALUE - 7, 1));
    }
  }

  @Test
  void readOnlyIsNotWritten() {
    try (AshmemRegion region = region();
        Mapping writable = region.map();
        Mapping mapping = region.map(MapMode.READ_ONLY, 0, PAGE)) {
      SharedLongs.of(writable).set(0, 7);
      SharedLongs longs = SharedLongs.of(mapping);
      assertEquals(7, longs.get(0));
      assertEquals(7, longs.getVolatile(0));
      assertEquals(7, longs.getAcquire(0));
      List<Executable> writes =
          List.of(
              () -> longs.set(0, 1),
              () -> longs.setVolatile(0, 1),
              () -> longs.setRelease(0, 1),
              () -> longs.compareAndSet(0, 7, 1),
              () -> longs.getAndAdd(0, 1));
      for (Executable write : writes) {
        assertThrows(ReadOnlyBufferException.class, write);
      }
      assertEquals(7, longs.get(0));
    }
  }

  @Test
  void closedMappingIsReachedNoMore() {
    try (AshmemRegion region = region();
        Mapping other = region.map()) {
      Mapping mapping = region.map();
      SharedLongs longs = SharedLongs.of(mapping);
      longs.set(0, 7);
      mapping.close();
      assertThrows(ClosedException.class, () -> SharedLongs.of(mapping));
      if (Views.end()) {
        assertThrows(IllegalStateException.class, () -> longs.getVolatile(0));
        assertThrows(IllegalStateException.class, () -> longs.getAndAdd(0, 1));
      } else {
        assertEquals(0, longs.getVolatile(0));
        assertEquals(0, longs.getAndAdd(0, 1));
      }
      assertEquals(7, SharedLongs.of(other).get(0));
    }
  }

  @Test
  void accessAllocatesNothing() {
    var threads = (com.sun.management.ThreadMXBean) ManagementFactory.getThreadMXBean();
    try (AshmemRegion region = region();
        Mapping mapping = region.map()) {
      SharedLongs longs = SharedLongs.of(mapping);
      count(longs); // a warm-up that links the handles
      long before = threads.getCurrentThreadAllocatedBytes();
      count(longs);
      long allocated = threads.getCurrentThreadAllocatedBytes() - before;
      assertTrue(allocated < ROUNDS, allocated + " bytes");
    }
  }

  @Test
  void releasedIsSeenWholeByWhoAcquires() throws Exception {
    try (AshmemRegion region = region();
        Mapping mapping = region.map()) {
      SharedLongs longs = SharedLongs.of(mapping);
      Thread writer =
          new Thread(
              () -> {
                for (long i = 1; i <= ROUNDS; i++) {
                  longs.set(1, i);
                  longs.setRelease(0, i);
                }
              });
      writer.start();
      for (long turn = 0; turn < ROUNDS; ) {
        turn = longs.getAcquire(0);
        long value = longs.get(1);
        assertTrue(value >= turn, value + " was written before " + turn);
      }
      writer.join();
    }
  }

  /** Two threads of this process and one of each child count together. */
  @ParameterizedTest
  @ValueSource(ints = {1, 2})
  void noneIsLostBetweenProcesses(int children, @TempDir Path directory) throws Exception {
    Path socket = directory.resolve("socket");
    try (AFUNIXServerSocket server = ChildJvm.listen(socket);
        AshmemRegion region = region();
        Mapping mapping = region.map()) {
      List<Process> started = new ArrayList<>();
      try {
        for (int i = 0; i < children; i++) {
          started.add(ChildJvm.start(ChildJvm.command(List.of(), Child.class, socket.toString())));
        }
        for (int i = 0; i < children; i++) {
          try (RegionChannel channel = RegionChannel.of(server.accept().getChannel())) {
            channel.send(region);
          }
        }
        SharedLongs longs = SharedLongs.of(mapping);
        Thread thread = new Thread(() -> count(longs));
        thread.start();
        count(longs);
        thread.join();
        for (Process child : started) {
          assertEquals(0, child.waitFor());
        }
        long expected = (2L + children) * ROUNDS;
        assertEquals(expected, longs.get(0));
        assertEquals(expected, longs.get(1));
      } finally {
        started.forEach(Process::destroyForcibly);
      }
    }
  }
}
