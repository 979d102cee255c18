// SPDX-License-Identifier: Apache-2.0
package org.ashmem;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicBoolean;

/**
 * Purges regions on memfd when the kernel reports that tasks wait for memory. It registers a
 * trigger on memory.pressure of the process's own cgroup, or on that of the machine.
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
  private static final AtomicBoolean STARTED = new AtomicBoolean();

  private PressureWatch() {}

  /** Starts one thread for the lifetime of the process if the property is true. */
  static void startIfWanted() {
    if (Boolean.getBoolean(PROPERTY) && !STARTED.getAndSet(true)) {
      start(files(Path.of("/proc/self/cgroup")));
    }
  }

  /** Watches the first of these files that accepts the trigger. Warns if none does. */
  private static void start(List<Path> files) {
    List<String> refused = new ArrayList<>();
    for (Path file : files) {
      int fd = Shim.openPressure(file.toString().getBytes(UTF_8), TRIGGER);
      if (fd >= 0) {
        try {
          Thread thread = new Thread(() -> watch(fd, file), "ashmem-pressure");
          thread.setDaemon(true);
          thread.start();
        } catch (Throwable e) {
          int unused = Shim.close(fd);
          STARTED.set(false);
          throw e;
        }
        LOG.log(System.Logger.Level.DEBUG, "{0} triggers the purge of unpinned memory", file);
        return;
      }
      refused.add(file + ": " + Errno.name(-fd));
    }
    LOG.log(
        System.Logger.Level.WARNING,
        "{0} is true, but the kernel does not report memory pressure ({1}): unpinned memory is"
            + " purged on request only",
        PROPERTY,
        String.join(", ", refused));
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

  private static void watch(int fd, Path file) {
    while (true) {
      int result = Shim.waitForPressure(fd);
      if (result < 0) {
        // The cgroup was removed.
        LOG.log(
            System.Logger.Level.WARNING,
            "{0} no longer reports memory pressure: {1}",
            file,
            Errno.name(-result));
        int unused = Shim.close(fd);
        return;
      }
      try {
        long pages = Purge.half();
        LOG.log(System.Logger.Level.DEBUG, "memory pressure: purged {0} pages", pages);
      } catch (Throwable e) {
        // For example the Java heap is full. Keep watching: memory may run short again.
        LOG.log(System.Logger.Level.WARNING, "memory pressure: the purge failed", e);
      }
    }
  }
}
