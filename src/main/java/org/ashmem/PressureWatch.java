// SPDX-License-Identifier: Apache-2.0
package org.ashmem;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * Purges regions on memfd when the kernel reports that tasks wait for memory. It registers a
 * trigger on memory.pressure of the process's own cgroup, or on that of the machine. One thread
 * waits for the reports. It starts when a range is unpinned, and ends when no region is left whose
 * memory could be purged. Then nothing keeps this class loaded.
 *
 * <p>Source: the kernel's Documentation/accounting/psi.rst, "Monitoring for pressure thresholds".
 */
final class PressureWatch {
  static final String PROPERTY = "org.ashmem.purgeOnPressure";

  /** Fires if tasks waited 0.1 of 2 seconds. Unprivileged users may only use 2-second windows. */
  private static final byte[] TRIGGER = "some 100000 2000000\0".getBytes(UTF_8);

  private static final Path MACHINE = Path.of("/proc/pressure/memory");
  private static final Path CGROUPS = Path.of("/sys/fs/cgroup");

  private static final System.Logger LOG = System.getLogger("org.ashmem");

  /** How long the thread waits before it looks whether there is a region left, in milliseconds. */
  private static final int PAUSE = 500;

  /** Whether the thread runs. The monitor of this class protects this field and the next one. */
  private static boolean running;

  private static boolean refused;

  private PressureWatch() {}

  /**
   * Starts the thread if the property is true and the thread does not run. {@link Purge} has a
   * region already: as long as it has one, the thread does not end.
   */
  static void startIfWanted() {
    if (Boolean.getBoolean(PROPERTY)) {
      start(files(Path.of("/proc/self/cgroup")));
    }
  }

  /** Watches the first of these files that accepts the trigger. Warns if none does. */
  static synchronized void start(List<Path> files) {
    if (running || refused) {
      return;
    }
    List<String> reasons = new ArrayList<>();
    for (Path file : files) {
      int fd = Shim.openPressure(file.toString().getBytes(UTF_8), TRIGGER);
      if (fd >= 0) {
        start(fd, file);
        return;
      }
      reasons.add(file + ": " + Errno.name(-fd));
    }
    refused = true;
    LOG.log(
        System.Logger.Level.WARNING,
        "{0} is true, but the kernel does not report memory pressure ({1}): unpinned memory is"
            + " purged on request only",
        PROPERTY,
        String.join(", ", reasons));
  }

  private static void start(int fd, Path file) {
    try {
      // The thread must not keep the class loaders of the thread that starts it.
      Thread thread = new Thread(null, () -> run(fd, file), "ashmem-pressure", 0, false);
      thread.setContextClassLoader(null);
      thread.setDaemon(true);
      thread.start();
    } catch (Throwable e) {
      int unused = Shim.close(fd);
      throw e;
    }
    running = true;
    LOG.log(System.Logger.Level.DEBUG, "{0} triggers the purge of unpinned memory", file);
  }

  /**
   * Returns the files that may report pressure: that of the process's cgroup, then that of the
   * machine. In a container the process's cgroup may be the root of the visible hierarchy. Outside
   * a container the root's file reports the pressure of the machine.
   */
  static List<Path> files(Path membership) {
    List<Path> files = new ArrayList<>();
    try {
      for (String line : Files.readAllLines(membership)) {
        if (line.startsWith("0::/")) {
          files.add(CGROUPS.resolve(line.substring("0::/".length())).resolve("memory.pressure"));
        }
      }
    } catch (IOException | InvalidPathException e) {
      // Use only the machine's file.
    }
    files.add(MACHINE);
    return files;
  }

  private static void run(int fd, Path file) {
    while (watch(fd, file)) {
      // The next report, or the next look.
    }
    int unused = Shim.close(fd);
  }

  /** Waits for one report and purges. Returns false if the thread has to end. */
  private static boolean watch(int fd, Path file) {
    int result = Shim.waitForPressure(fd, PAUSE);
    if (result < 0) {
      // The cgroup was removed.
      LOG.log(
          System.Logger.Level.WARNING,
          "{0} no longer reports memory pressure: {1}",
          file,
          Errno.name(-result));
      synchronized (PressureWatch.class) {
        running = false;
        return false;
      }
    }
    if (result == Shim.NO_PRESSURE) {
      synchronized (PressureWatch.class) {
        // A region that is added after this check starts the next thread.
        running = Purge.hasRegions();
        return running;
      }
    }
    try {
      long pages = Purge.half();
      LOG.log(System.Logger.Level.DEBUG, "memory pressure: purged {0} pages", pages);
    } catch (Throwable e) {
      // For example the Java heap is full. Keep watching: memory may run short again.
      LOG.log(System.Logger.Level.WARNING, "memory pressure: the purge failed", e);
    }
    return true;
  }
}
