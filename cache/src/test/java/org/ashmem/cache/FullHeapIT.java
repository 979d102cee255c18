// SPDX-License-Identifier: Apache-2.0
package org.ashmem.cache;

import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * Makes one allocation of a call after the other fail: the call runs again and again, each time
 * with some bytes more of the heap, up to enough. Whatever happened, the cache works afterwards.
 */
@Tag("um")
class FullHeapIT {
  /**
   * A heap that is filled soon, and whose threads share it to the last byte. C1, the only compiler,
   * leaves no allocation out.
   */
  private static final List<String> OPTIONS =
      List.of("-Xmx8m", "-XX:-UseTLAB", "-Dorg.ashmem.purgeOnPressure=false");

  /** The smallest object. */
  private static final class Cell {
    final Cell next;

    Cell(Cell next) {
      this.next = next;
    }
  }

  /** Requires in the child, where a failed assertion would load classes. */
  private static void require(boolean condition, String text) {
    if (!condition) {
      System.out.println(text);
      System.exit(1);
    }
  }

  /** The child. */
  static final class Program {
    private static final int KEYS = 2100;

    /** So many values fill all segments but one, and so many more need another one. */
    private static final int FULL = 1800;

    private static final int PUTS = 280;
    private static final int FEW = 10;
    private static final int LENGTH = 1000;

    private static final int SEGMENT = 1 << 18;

    /** A segment has one of these. */
    private static final byte[] LARGE = new byte[200_000];

    private static final int LARGES = 20;
    private static final int RESERVE = 512;
    private static final int PAGE = 4096;

    /** The heap of a round is larger by so much of what was free before, or by one object. */
    private static final int STEP = 12;

    /** How often in a row the call has to succeed. */
    private static final int ENOUGH = 3;

    private static final int MOST_TRIES = 3000;

    private static final Integer[] NUMBERS = new Integer[KEYS + LARGES];
    private static final byte[][] VALUES = new byte[KEYS / 10][LENGTH];
    private static final byte[][] CHUNKS = new byte[1 << 12][];

    private static byte[][] reserve;
    private static Cell cells;
    private static PurgeableCache<Integer, byte[]> cache;
    private static long segments = 8;
    private static int removed;

    // Of the other thread, which waits for a load.
    private static final Semaphore START = new Semaphore(0);
    private static final Semaphore END = new Semaphore(0);
    private static volatile boolean asks;
    private static boolean asked;

    private Program() {}

    public static void main(String[] arguments) throws Exception {
      String call = arguments[0];
      Store store = Store.valueOf(arguments[1]);
      for (int i = 0; i < NUMBERS.length; i++) {
        NUMBERS[i] = i;
      }
      for (int i = 0; i < VALUES.length; i++) {
        Arrays.fill(VALUES[i], (byte) (i + 1));
      }
      Thread other = new Thread(Program::askAsToldTo);
      other.setDaemon(true);
      other.start();
      segments = call.equals("GROW") ? 32 : 8;
      cache = build(store);
      prepare(call, store);
      act(call, store, other);
      check(call, store, true);
      int complete = 0;
      for (int free = 0; complete < ENOUGH; free += Math.max(1, free / STEP)) {
        prepare(call, store);
        fill(free);
        try {
          act(call, store, other);
          complete++;
        } catch (OutOfMemoryError e) {
          complete = 0;
        }
        reserve = null;
        Arrays.fill(CHUNKS, null);
        cells = null;
        check(call, store, complete > 0);
      }
      System.out.println("done");
    }

    private static PurgeableCache<Integer, byte[]> build(Store store) {
      return PurgeableCache.<Integer, byte[]>builder(Codec.bytes())
          .store(store)
          .maximumBytes(segments * SEGMENT)
          .removalListener((key, cause) -> removed++)
          .build();
    }

    private static byte[] value(int key) {
      return VALUES[key % VALUES.length];
    }

    /** Puts what the call needs, into a new cache if it is about what happens once. */
    private static void prepare(String call, Store store) {
      if (call.matches("PUT|GROW|BUILD")) {
        cache.close();
        cache = call.equals("BUILD") ? null : build(store);
      }
      int count = call.equals("PUT") ? FULL : FEW;
      for (int key = 0; cache != null && key < count; key++) {
        cache.put(NUMBERS[key], value(key));
        byte[] unused = cache.getIfPresent(NUMBERS[key]);
      }
      for (int i = 0; call.equals("GROW") && i < LARGES / 2; i++) {
        cache.put(NUMBERS[KEYS + i], LARGE);
      }
    }

    private static void act(String call, Store store, Thread other) throws IOException {
      switch (call) {
        case "PUT" -> {
          // A segment is needed: values are moved, and others go.
          for (int key = FULL; key < FULL + PUTS; key++) {
            cache.put(NUMBERS[key], value(key));
          }
        }
        case "GROW" -> {
          for (int i = LARGES / 2; i < LARGES; i++) {
            cache.put(NUMBERS[KEYS + i], LARGE);
          }
        }
        case "GET" -> {
          cache.invalidate(NUMBERS[1]);
          byte[] unused = cache.get(NUMBERS[1], key -> value(1));
        }
        case "WAIT" -> {
          cache.invalidate(NUMBERS[1]);
          try {
            byte[] unused = cache.get(NUMBERS[1], key -> fail(other));
          } catch (IllegalStateException e) {
            // The loader threw it.
          }
        }
        case "READ" -> {
          Integer unused = cache.read(NUMBERS[2], Program::length);
        }
        case "INVALIDATE" -> cache.invalidate(NUMBERS[1]);
        case "INVALIDATE_ALL" -> cache.invalidateAll();
        case "BUILD" -> cache = build(store);
        case "CLOSE" -> cache.close();
        default -> throw new IllegalArgumentException(call);
      }
    }

    private static int length(ByteBuffer[] parts) {
      int length = 0;
      for (ByteBuffer part : parts) {
        length += part.remaining();
      }
      return length;
    }

    /** Fails to load a value when the other thread waits for it. */
    private static byte[] fail(Thread other) {
      asked = true;
      asks = false;
      START.release();
      while (!(asks && other.getState() == Thread.State.WAITING) && END.availablePermits() == 0) {
        Thread.onSpinWait();
      }
      throw new IllegalStateException("thrown by a test");
    }

    private static void askAsToldTo() {
      while (true) {
        boolean told = false;
        try {
          START.acquireUninterruptibly();
          told = true;
          asks = true;
          byte[] unused = cache.get(NUMBERS[1], key -> null);
        } catch (IllegalStateException | OutOfMemoryError e) {
          // It got the exception of the loader, or no heap: to ask, or even to wait.
        }
        if (told) {
          END.release();
        }
      }
    }

    private static void check(String call, Store store, boolean complete) throws Exception {
      if (asked) {
        require(END.tryAcquire(1, TimeUnit.MINUTES), "a thread waits for a load that has ended");
        asked = false;
      }
      if (call.equals("CLOSE")) {
        try {
          byte[] unused = cache.getIfPresent(NUMBERS[0]);
          require(false, "the cache is not closed");
        } catch (IllegalStateException e) {
          cache.close();
        }
        cache = null;
      }
      if (cache == null) {
        // What could not be closed, the collector frees.
        for (int tries = 0; isMapped(store); tries++) {
          require(tries < MOST_TRIES, "memory is left");
          System.gc();
          Thread.sleep(10);
        }
        cache = build(store);
      }
      require(!complete || !call.equals("INVALIDATE_ALL") || cache.asMap().isEmpty(), "not empty");
      for (int key = 0; key < KEYS; key++) {
        byte[] found = cache.getIfPresent(NUMBERS[key]);
        require(found == null || Arrays.equals(value(key), found), "a value is wrong");
      }
      // What was read moves on, so each segment has its turn.
      int there = 0;
      for (int i = 0; i < LARGES; i++) {
        cache.put(NUMBERS[KEYS + i], LARGE);
        byte[] unused = cache.getIfPresent(NUMBERS[KEYS + i]);
      }
      for (int i = 0; i < LARGES; i++) {
        there += cache.getIfPresent(NUMBERS[KEYS + i]) == null ? 0 : 1;
      }
      // One is free for what moves.
      require(there >= Math.min(LARGES, segments - 1), "only " + there + " segments are left");
    }

    private static boolean isMapped(Store store) throws IOException {
      String mark = store == Store.LAZY ? "VmFlags:.* dc.*" : ".*/(memfd:cache|dev/ashmem/cache).*";
      for (String line : Files.readAllLines(Path.of("/proc/self/smaps"))) {
        if (line.matches(mark)) {
          return true;
        }
      }
      return false;
    }

    /** Fills the heap, but for the reserve and so many of the smallest objects. */
    private static void fill(int free) {
      cells = new Cell(null);
      for (int i = 0; i < free; i++) {
        cells = new Cell(cells);
      }
      reserve = new byte[RESERVE][];
      for (int i = 0; i < RESERVE; i++) {
        reserve[i] = new byte[PAGE];
      }
      int chunk = 0;
      for (int size = 1 << 16; size >= 1 << 10; size >>= 6) {
        try {
          while (true) {
            CHUNKS[chunk] = new byte[size];
            chunk++;
          }
        } catch (OutOfMemoryError e) {
          // Then smaller ones.
        }
      }
      try {
        while (true) {
          cells = new Cell(cells);
        }
      } catch (OutOfMemoryError e) {
        // The heap is full.
      }
      for (int i = 0; i < free; i++) {
        cells = cells.next;
      }
    }
  }

  @ParameterizedTest
  @CsvSource({
    "PUT, LAZY",
    "GROW, LAZY",
    "GET, LAZY",
    "WAIT, LAZY",
    "READ, LAZY",
    "READ, DEVICE",
    "INVALIDATE, LAZY",
    "INVALIDATE_ALL, LAZY",
    "BUILD, LAZY",
    "BUILD, DEVICE",
    "CLOSE, LAZY",
    "CLOSE, DEVICE"
  })
  void cacheWorksAfterwards(String call, String store) throws Exception {
    ChildJvm.Result result = ChildJvm.run(ChildJvm.command(OPTIONS, Program.class, call, store));
    assertTrue(result.output().endsWith("done\n"), result.output());
  }
}
