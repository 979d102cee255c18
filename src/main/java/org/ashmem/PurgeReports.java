// SPDX-License-Identifier: Apache-2.0
package org.ashmem;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.locks.LockSupport;

/**
 * Waits for purges of all watched regions, in one thread, and runs the actions. The thread starts
 * with the first watch and ends with the last one. Then nothing keeps this class loaded.
 *
 * <p>Several objects may refer to one region. The kernel forgets a purge when one of them asks, so
 * that a report counts for all of them: they are found by the region's file.
 *
 * <p>Thread-safe. The monitor of this class protects the static fields. Nothing that may wait runs
 * under it, because closing a region needs it.
 */
final class PurgeReports {
  private static final System.Logger LOG = System.getLogger("org.ashmem");

  /** The number of reports to take at once. */
  private static final int MOST = 64;

  /** The watched regions, by their files. */
  private static final Map<Long, List<WatchedRegion>> REGIONS = new HashMap<>();

  /** The files on memfd that were purged, and whose regions are not told yet. */
  private static final Set<Long> PURGED = new LinkedHashSet<>();

  /** What the thread waits for, and what wakes it; negative if it does not run. */
  private static int epoll = -1;

  private static int wake = -1;

  private static volatile boolean watched;

  /** How long the thread waits after a failure, in nanoseconds. */
  private static final long PAUSE = 100_000_000;

  /** Whether reports may have been lost. */
  private static boolean missed;

  private PurgeReports() {}

  /** Returns whether there is any watch. */
  static boolean isWatched() {
    return watched;
  }

  /** Adds a region with this open descriptor, name and file. */
  static synchronized void add(WatchedRegion region, int fd, String name, Long file) {
    List<WatchedRegion> regions = REGIONS.computeIfAbsent(file, unused -> new ArrayList<>());
    try {
      if (epoll < 0) {
        start(name);
      }
      // The last step is the one that the kernel may refuse: it needs no heap afterwards.
      regions.add(region);
      if (region.isOnDevice()) {
        int result = Shim.watchPurges(epoll, fd, file);
        if (result == -Errno.EPERM) {
          throw new UnsupportedOperationException(
              "the driver of " + AshmemRegion.DEVICE + " does not report purges");
        }
        int unused = AshmemException.check("epoll_ctl", name, result);
      }
      watched = true;
    } catch (Throwable e) {
      drop(region, file);
      throw e;
    }
  }

  static synchronized void remove(WatchedRegion region, Long file) {
    int fd = region.isOnDevice() && epoll >= 0 ? region.acquire() : -1;
    if (fd >= 0) {
      try {
        int unused = Shim.watch(epoll, fd, 0);
      } finally {
        region.release();
      }
    }
    drop(region, file);
  }

  private static void drop(WatchedRegion region, Long file) {
    List<WatchedRegion> regions = REGIONS.get(file);
    if (regions != null) {
      regions.remove(region);
      if (regions.isEmpty()) {
        REGIONS.remove(file);
      }
    }
    if (REGIONS.isEmpty()) {
      watched = false;
      wake();
    }
  }

  /** Tells the regions of a file on memfd that it was purged. */
  static synchronized void purged(long file) {
    try {
      if (REGIONS.containsKey(file)) {
        PURGED.add(file);
        wake();
      }
    } catch (OutOfMemoryError e) {
      missed = true;
      wake();
    }
  }

  private static void start(String name) {
    int opened = AshmemException.check("epoll_create1", name, Shim.epoll());
    int waking = -1;
    try {
      long[] files = new long[MOST];
      waking = AshmemException.check("eventfd", name, Shim.openWake(opened));
      epoll = opened;
      wake = waking;
      int woken = waking;
      Daemon.of(() -> run(files, opened, woken), "ashmem-purges").start();
    } catch (Throwable e) {
      close(opened, waking);
      throw e;
    }
  }

  private static void close(int opened, int waking) {
    int unused = Shim.close(opened);
    if (waking >= 0) {
      unused = Shim.close(waking);
    }
    epoll = -1;
    wake = -1;
  }

  private static void wake() {
    if (wake >= 0) {
      // An error means that the counter is full: the thread is awake then.
      int unused = Shim.wake(wake);
    }
  }

  private static void run(long[] files, int opened, int waking) {
    boolean goesOn = true;
    while (goesOn) {
      try {
        goesOn = tell(files, opened, waking);
      } catch (Throwable e) {
        // The heap is so full that not even a class of the JDK is found: see failed().
      }
    }
  }

  /** Waits for reports and runs the actions. Returns false if the thread has to end. */
  private static boolean tell(long[] files, int opened, int waking) {
    try {
      int count = Shim.waitForPurges(opened, waking, files);
      if (count < 0) {
        LOG.log(
            System.Logger.Level.WARNING, "purges are no longer reported: {0}", Errno.name(-count));
        forget();
        return false;
      }
      List<WatchedRegion> regions = take(files, count);
      for (WatchedRegion each : regions) {
        acknowledge(each);
      }
      for (WatchedRegion each : regions) {
        PurgeWatches watches = each.watches();
        if (watches != null) {
          watches.tell();
        }
      }
    } catch (Throwable e) {
      failed(e);
    }
    synchronized (PurgeReports.class) {
      if (REGIONS.isEmpty()) {
        // A region that is added after this starts the next thread.
        close(opened, waking);
        return false;
      }
    }
    return true;
  }

  /**
   * For example the Java heap is full. Nobody knows which reports were lost, and the driver tells
   * of no purge before the last one was acknowledged. So the next round tells all regions.
   */
  private static void failed(Throwable cause) {
    synchronized (PurgeReports.class) {
      missed = true;
      wake();
    }
    try {
      LOG.log(System.Logger.Level.WARNING, "the report of a purge failed", cause);
    } catch (Throwable e) {
      // A logger needs some heap, too.
    }
    LockSupport.parkNanos(PAUSE);
  }

  /** Ends after a wait that failed: something else closed the descriptors. */
  private static synchronized void forget() {
    REGIONS.clear();
    watched = false;
    epoll = -1;
    wake = -1;
  }

  /** Returns the regions to tell. */
  private static synchronized List<WatchedRegion> take(long[] files, int count) {
    for (int i = 0; i < count; i++) {
      PURGED.add(files[i]);
    }
    List<WatchedRegion> regions = new ArrayList<>();
    for (Long file : missed ? REGIONS.keySet() : PURGED) {
      regions.addAll(REGIONS.getOrDefault(file, List.of()));
    }
    PURGED.clear();
    missed = false;
    return regions;
  }

  /** Makes the driver report the next purge. This may wait for the current one. */
  private static void acknowledge(WatchedRegion region) {
    int fd = region.isOnDevice() ? region.acquire() : -1;
    if (fd >= 0) {
      try {
        int unused = Shim.acknowledge(fd);
      } finally {
        region.release();
      }
    }
  }
}
