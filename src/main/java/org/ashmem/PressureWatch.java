// SPDX-License-Identifier: Apache-2.0
package org.ashmem;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;

/**
 * Purges regions on memfd before memory runs out. It looks at the memory that is left below the
 * limits of the process's cgroups, and of the machine. The less is left, the sooner it looks again:
 * before a program that takes {@link #RATE} can have taken it. It also purges when the kernel
 * reports that tasks wait for memory.
 *
 * <p>One thread looks. It starts when a range is unpinned, and ends when no region is left whose
 * memory could be purged. Then nothing keeps this class loaded. A thread that creates a region or
 * unpins memory looks, too, if much was created or unpinned since the last look.
 *
 * <p>Source: the kernel's Documentation/accounting/psi.rst, "Monitoring for pressure thresholds".
 */
final class PressureWatch {
  static final String PROPERTY = "org.ashmem.purgeOnPressure";

  /**
   * The triggers in the order in which they are tried: tasks waited 25 of 500 ms, 0.1 of 2 seconds.
   * Unprivileged users may only use windows of whole 2 seconds.
   */
  private static final List<String> TRIGGERS =
      List.of("some 25000 500000\0", "some 100000 2000000\0");

  private static final Path PROC = Path.of("/proc");
  private static final Path MACHINE = Path.of("/proc/pressure/memory");

  private static final System.Logger LOG = System.getLogger("org.ashmem");

  /**
   * How fast a program may take memory, in bytes per millisecond. This is eight times what the
   * documentation promises, because the thread may have to wait for a processor.
   */
  private static final long RATE = (1600L << 20) / 1000;

  /** The longest and the shortest time from one look to the next, in milliseconds. */
  private static final long LONGEST = 250;

  private static final long SHORTEST = 2;

  /** The fewest bytes to create or unpin before the next look. */
  private static final long LEAST = 1 << 20;

  /** The shortest time after a look in which an unpin does not look, in nanoseconds. */
  private static final long GAP = 1_000_000;

  /** The watch that runs. Written with the monitor of this class. */
  private static volatile @Nullable PressureWatch current;

  /** Whether the warning was written. The monitor of this class protects this field. */
  private static boolean warned;

  private final List<MemoryLimit> limits;
  private final Thread thread;

  /** The file with a trigger, or null. Only the thread uses this field and the next one. */
  private @Nullable Path pressure;

  private int fd;

  /** The time of {@link MemfdDriver#CLOCK} from which on somebody has to look. */
  private volatile long lookAt = Long.MAX_VALUE;

  /** Whether the thread was asked to look. It asks for nothing while it has just looked. */
  private volatile boolean asked;

  /** When somebody looked last. */
  private volatile long lookedAt = System.nanoTime();

  private PressureWatch(List<MemoryLimit> limits, @Nullable Path pressure, int fd) {
    this.limits = limits;
    this.pressure = pressure;
    this.fd = fd;
    this.thread = Daemon.of(this::run, "ashmem-pressure");
  }

  /** Returns whether memory gives way not only on request. */
  static boolean isWanted() {
    return !"false".equalsIgnoreCase(System.getProperty(PROPERTY));
  }

  /**
   * Starts the watch, unless it runs or the property forbids it. {@link Purge} has a region
   * already: as long as it has one, the watch does not end.
   */
  static synchronized void startIfWanted() {
    if (current != null) {
      return;
    }
    if (!isWanted()) {
      warn(PROPERTY + " is false");
      return;
    }
    Cgroups cgroups = Cgroups.of(PROC);
    List<MemoryLimit> limits = cgroups.limits();
    try {
      limits.add(MemoryLimit.ofMachine(PROC));
    } catch (IOException e) {
      LOG.log(System.Logger.Level.DEBUG, "the memory of the machine is not watched", e);
    }
    List<Path> files = new ArrayList<>(cgroups.pressureFiles());
    files.add(MACHINE);
    start(limits, files);
  }

  /**
   * Watches these limits, and the first of the files that accepts a trigger. Warns if there is
   * nothing to watch.
   */
  static synchronized void start(List<MemoryLimit> limits, List<Path> files) {
    if (current != null) {
      limits.forEach(MemoryLimit::close);
      return;
    }
    List<String> reasons = new ArrayList<>();
    Path file = null;
    int fd = -1;
    for (Path each : files) {
      for (String trigger : TRIGGERS) {
        if (fd < 0) {
          fd = Shim.openPressure(each.toString().getBytes(UTF_8), trigger.getBytes(UTF_8));
          file = each;
        }
      }
      if (fd >= 0) {
        break;
      }
      reasons.add(each + ": " + Errno.name(-fd));
    }
    if (fd < 0) {
      file = null;
      if (limits.isEmpty()) {
        warn(
            "no memory limit can be read, and the kernel does not report memory pressure ("
                + String.join(", ", reasons)
                + ")");
        return;
      }
    }
    PressureWatch watch;
    try {
      watch = new PressureWatch(limits, file, fd);
      watch.thread.start();
    } catch (Throwable e) {
      // For example the process has too many threads. The unpin itself can do without the watch.
      limits.forEach(MemoryLimit::close);
      int unused = fd < 0 ? 0 : Shim.close(fd);
      warn("the thread that watches the memory does not start (" + e + ")");
      return;
    }
    current = watch;
    LOG.log(
        System.Logger.Level.DEBUG,
        "unpinned memory gives way to the limits {0} and the pressure of {1}",
        limits,
        file != null ? file : reasons);
  }

  private static void warn(String cause) {
    if (!warned) {
      warned = true;
      LOG.log(
          System.Logger.Level.WARNING,
          "{0}: unpinned memory on memfd is purged on request only, and the kernel may kill this"
              + " process before",
          cause);
    }
  }

  /** Asks the thread to look if the time has come. Allocates nothing and takes no lock. */
  static void ask(long now) {
    PressureWatch watch = current;
    if (watch != null && now >= watch.lookAt && !watch.asked) {
      watch.asked = true;
      LockSupport.unpark(watch.thread);
    }
  }

  /**
   * Called after memory was unpinned, without the monitor of its driver, so that a program that
   * fills memory fast pays for the purge. If the caller holds the monitor, only the thread looks:
   * two callers that purge each other's regions would wait forever.
   */
  static void unpinned(long now, MemfdDriver driver) {
    PressureWatch watch = current;
    if (watch != null && now >= watch.lookAt) {
      if (System.nanoTime() - watch.lookedAt > GAP && !Thread.holdsLock(driver)) {
        // No more than the margin: another thread may wait to begin a scope of the same region.
        long unused = watch.makeRoom(0, 0);
      }
      ask(now);
    }
  }

  /** Called when new memory is going to be filled, without the monitor of any driver. */
  static void created(long now, long bytes) {
    PressureWatch watch = current;
    if (watch != null && now >= watch.lookAt) {
      long unused = watch.makeRoom(bytes, Long.MAX_VALUE);
    }
  }

  /**
   * Looks. If less than the margin is left of a limit, or would be left after the use of so many
   * bytes, purges until the margin and the other number of bytes are left, at most twice the
   * margin. Returns the milliseconds until the next look.
   */
  private long makeRoom(long expected, long wanted) {
    // Read before the room: what other threads take meanwhile must count.
    long begin = MemfdDriver.CLOCK.get();
    long pause = LONGEST;
    long bytes = Long.MAX_VALUE;
    try {
      for (MemoryLimit each : limits) {
        MemoryLimit.Room room = each.room();
        if (room.isShort(expected)) {
          long pages = Purge.until(() -> !each.room().isShort(wanted));
          if (pages > 0) {
            LOG.log(
                System.Logger.Level.DEBUG,
                "little memory is left below the limit of {0}: purged {1} pages",
                each,
                pages);
          }
          room = each.room();
          if (pages == 0 && Purge.turns().isEmpty()) {
            // Nothing is left to purge. The next unpin asks for a look.
            bytes = 0;
            continue;
          }
        }
        pause = Math.min(pause, Math.max(room.room(), room.margin()) / RATE);
        bytes = Math.min(bytes, (room.room() - room.margin()) / 2);
      }
      lookAt = begin + Math.max(LEAST, bytes) / AshmemRegion.pageSize();
    } catch (Throwable e) {
      failed(e);
      pause = LONGEST;
    }
    lookedAt = System.nanoTime();
    return Math.max(SHORTEST, pause);
  }

  /** For example the Java heap is full. The watch goes on: memory may run short again. */
  private static void failed(Throwable cause) {
    try {
      LOG.log(System.Logger.Level.WARNING, "memory pressure: the purge failed", cause);
    } catch (Throwable e) {
      // A logger needs some heap, too.
    }
  }

  private void run() {
    try {
      while (goesOn()) {
        try {
          takeReport();
        } catch (Throwable e) {
          failed(e);
        }
        try {
          long pause = makeRoom(0, Long.MAX_VALUE);
          sleep(SHORTEST);
          asked = false;
          if (MemfdDriver.CLOCK.get() < lookAt) {
            park(pause - SHORTEST);
          }
        } catch (Throwable e) {
          failed(e);
        }
      }
    } finally {
      end();
    }
  }

  /** Waits for this time, whatever another thread asks for. */
  private void sleep(long milliseconds) {
    long end = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(milliseconds);
    for (long left = 1; left > 0; left = end - System.nanoTime()) {
      park(milliseconds);
    }
  }

  private void park(long milliseconds) {
    // An interrupted thread would not wait.
    boolean unused = Thread.interrupted();
    LockSupport.parkNanos(this, TimeUnit.MILLISECONDS.toNanos(milliseconds));
  }

  /** Purges if the kernel has reported pressure since the last call. */
  private void takeReport() {
    int result = fd < 0 ? Shim.NO_PRESSURE : Shim.waitForPressure(fd, 0);
    if (result < 0) {
      // The cgroup was removed.
      LOG.log(
          System.Logger.Level.WARNING,
          "{0} no longer reports memory pressure: {1}",
          pressure,
          Errno.name(-result));
      closePressure();
    } else if (result != Shim.NO_PRESSURE && !isOfOthers()) {
      try {
        long pages = Purge.quarter();
        LOG.log(
            System.Logger.Level.DEBUG, "{0} reports pressure: purged {1} pages", pressure, pages);
      } catch (Throwable e) {
        failed(e);
      }
    }
  }

  /**
   * Returns whether a report of the machine comes from other cgroups, whose processes wait below
   * limits of their own. The machine itself has memory then.
   */
  private boolean isOfOthers() {
    return MACHINE.equals(pressure) && limits.stream().anyMatch(MemoryLimit::isAmpleMachine);
  }

  /** Returns whether there is something to watch and something to purge. */
  private boolean goesOn() {
    synchronized (PressureWatch.class) {
      if (Purge.hasRegions() && (fd >= 0 || !limits.isEmpty())) {
        return true;
      }
      // A region that is added after this check starts the next watch.
      current = null;
      return false;
    }
  }

  private void end() {
    synchronized (PressureWatch.class) {
      if (current == this) {
        current = null;
      }
    }
    close();
  }

  private void close() {
    closePressure();
    limits.forEach(MemoryLimit::close);
  }

  private void closePressure() {
    if (fd >= 0) {
      int unused = Shim.close(fd);
      fd = -1;
    }
  }
}
