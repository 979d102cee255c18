// SPDX-License-Identifier: Apache-2.0
package org.ashmem;

import java.util.Comparator;
import java.util.PriorityQueue;
import java.util.Queue;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import java.util.function.LongPredicate;

/**
 * Purges the unpinned memory of this process on memfd, in pieces. A thread that pins waits for one
 * piece at most.
 *
 * <p>Thread-safe. A purge holds the lock of a region only for one piece.
 */
final class Purge {
  /** The bytes of memory in a piece, a multiple of every page size. */
  static final long PIECE = 2 << 20;

  /** The bytes to purge before {@link #until} asks again. */
  private static final long STEP = PIECE / 4;

  /** The number of small ranges to purge without a pause. */
  private static final int RANGES = 512;

  /** A monitor is not fair. In this time, in nanoseconds, a thread that waits for it gets it. */
  private static final long PAUSE = 50_000;

  /** The open regions that had at least one range unpinned at some time. */
  private static final Set<MemfdDriver> REGIONS = ConcurrentHashMap.newKeySet();

  private Purge() {}

  /** A region in a purge. Only the thread that purges uses it. */
  static final class Turn {
    /** Later than any range was unpinned. */
    static final long NEVER = Long.MAX_VALUE;

    final MemfdDriver driver;

    /** When the purge began. What was unpinned later is not purged. */
    final long begin;

    /** When the range was unpinned that is next; NEVER if none is left. */
    long age;

    /** The pages of the last piece; 0 if it could not be purged. */
    long pages;

    /** Whether the last piece was a part of a range. */
    boolean isPart;

    Turn(MemfdDriver driver, long begin) {
      this.driver = driver;
      this.begin = begin;
    }
  }

  /** Returns the number of pages that contain so many bytes, at least one. */
  static long pages(long bytes) {
    return (bytes - 1) / AshmemRegion.pageSize() + 1;
  }

  static void add(MemfdDriver region) {
    REGIONS.add(region);
    PressureWatch.startIfWanted();
  }

  static void remove(MemfdDriver region) {
    REGIONS.remove(region);
  }

  static boolean hasRegions() {
    return !REGIONS.isEmpty();
  }

  /**
   * Purges on the device and on memfd, as the backend says. The device comes first: only its purge
   * can be refused. Returns the number of purged pages.
   */
  static long all(Backend backend) {
    long pages = backend == Backend.MEMFD ? 0 : onDevice(backend);
    return backend == Backend.DEVICE ? pages : pages + all();
  }

  private static long onDevice(Backend backend) {
    int fd;
    try {
      fd = DeviceDriver.open(backend);
    } catch (AshmemException e) {
      if (backend == Backend.AUTO && (e.errno() == Errno.EMFILE || e.errno() == Errno.ENFILE)) {
        // No log message: without a free descriptor, a logger may fail, too.
        return 0;
      }
      throw e;
    }
    if (fd < 0) {
      return 0;
    }
    try {
      int pages = Shim.purgeAllCaches(fd);
      return AshmemException.check("ASHMEM_PURGE_ALL_CACHES", AshmemRegion.DEVICE, pages);
    } finally {
      int unused = Shim.close(fd);
    }
  }

  /** Purges all unpinned ranges of this process on memfd. Returns the number of purged pages. */
  static long all() {
    return oldest(pages -> false);
  }

  /** Purges a quarter of the unpinned pages, oldest first. Returns the number of purged pages. */
  static long quarter() {
    long pages = REGIONS.stream().mapToLong(MemfdDriver::purgeablePages).sum();
    return oldest(purged -> purged >= (pages + 3) / 4);
  }

  /**
   * Purges unpinned pages, oldest first, until it is enough. Asks that again each time after it has
   * purged a few of them. Returns the number of purged pages.
   */
  static long until(BooleanSupplier enough) {
    long[] ask = {0};
    return oldest(
        purged -> {
          if (purged < ask[0]) {
            return false;
          }
          ask[0] = purged + pages(STEP);
          return enough.getAsBoolean();
        });
  }

  private static long oldest(LongPredicate enough) {
    if (enough.test(0)) {
      return 0;
    }
    Queue<Turn> turns = turns();
    long pages = 0;
    int pieces = 0;
    Turn turn = turns.poll();
    while (turn != null) {
      long before = pages;
      Turn next = turns.peek();
      boolean ended = false;
      try {
        while (!ended && turn.age != Turn.NEVER && (next == null || turn.age <= next.age)) {
          turn.driver.purge(turn);
          pages += turn.pages;
          ended = enough.test(pages);
          if (!ended && (turn.isPart || ++pieces % RANGES == 0)) {
            pause();
          }
        }
      } finally {
        if (pages > before) {
          turn.driver.tellPurge();
        }
      }
      if (ended) {
        break;
      }
      if (turn.age != Turn.NEVER) {
        turns.add(turn);
      }
      turn = turns.poll();
    }
    return pages;
  }

  /** Returns the regions that may be purged now, the one with the oldest range first. */
  static Queue<Turn> turns() {
    long begin = MemfdDriver.CLOCK.get();
    Queue<Turn> turns = new PriorityQueue<>(Comparator.comparingLong(each -> each.age));
    for (MemfdDriver region : REGIONS) {
      Turn turn = new Turn(region, begin);
      region.look(turn);
      if (turn.age != Turn.NEVER) {
        turns.add(turn);
      }
    }
    return turns;
  }

  private static void pause() {
    // An interrupted thread would not wait, nor one that may go on since it was interrupted.
    boolean interrupted = false;
    long end = System.nanoTime() + PAUSE;
    for (long left = PAUSE; left > 0; left = end - System.nanoTime()) {
      interrupted |= Thread.interrupted();
      LockSupport.parkNanos(left);
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
  }
}
