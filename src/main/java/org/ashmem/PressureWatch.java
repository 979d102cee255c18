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
 * Purges memory that no driver purges, when the kernel reports that somebody waits for memory: a
 * trigger on memory.pressure of the process's own cgroup, or else on the machine's.
 *
 * <p>Source: the kernel's Documentation/accounting/psi.rst, "Monitoring for pressure thresholds".
 */
final class PressureWatch {
  static final String PROPERTY = "org.ashmem.purgeOnPressure";

  /** Whenever some task waited 0.1 of 2 seconds; users without privileges get windows of 2 only. */
  private static final byte[] TRIGGER = "some 100000 2000000\0".getBytes(UTF_8);

  private static final Path MACHINE = Path.of("/proc/pressure/memory");
  private static final Path CGROUPS = Path.of("/sys/fs/cgroup");

  private static final System.Logger LOG = System.getLogger("org.ashmem");
  private static final AtomicBoolean STARTED = new AtomicBoolean();

  private PressureWatch() {}

  /** Starts a thread that lasts as long as the process, once, if the property is true. */
  static void startIfWanted() {
    if (Boolean.getBoolean(PROPERTY) && !STARTED.getAndSet(true)) {
      start(files(Path.of("/proc/self/cgroup")));
    }
  }

  /** Watches the first of these files that tells pressure, or warns that none does. */
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
        LOG.log(System.Logger.Level.DEBUG, "unpinned memory is purged when {0} says so", file);
        return;
      }
      refused.add(file + ": " + Errno.name(-fd));
    }
    LOG.log(
        System.Logger.Level.WARNING,
        "{0} is true, but the kernel tells no memory pressure ({1}): unpinned memory is purged on"
            + " request only",
        PROPERTY,
        String.join(", ", refused));
  }

  /**
   * Where pressure is told, what is nearest to this process first. In a container the process's own
   * cgroup may be the root of those that are seen; outside, the root's file tells of the machine.
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
      // Then there is the machine's.
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
            "{0} tells no pressure any more: {1}",
            file,
            Errno.name(-result));
        int unused = Shim.close(fd);
        return;
      }
      try {
        long pages = MemfdDriver.purgeHalf();
        LOG.log(System.Logger.Level.DEBUG, "memory pressure: purged {0} pages", pages);
      } catch (Throwable e) {
        // Such as a heap that is full: memory outside may be short again.
        LOG.log(System.Logger.Level.WARNING, "memory pressure: the purge failed", e);
      }
    }
  }
}
