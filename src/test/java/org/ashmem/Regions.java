// SPDX-License-Identifier: Apache-2.0
package org.ashmem;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/** The regions of the machine and their memory, as the kernel reports them to root. */
final class Regions {
  private static final Path LIST = Path.of("/sys/kernel/debug/ashmem/regions");
  private static final Path MEMORY = Path.of("/proc/meminfo");

  /** An open region with the process that created it. The other fields are in bytes. */
  record Line(long pid, long size, long pinned, long unpinned, long purged) {}

  private Regions() {}

  /** Returns the open regions of that name. Their processes may have ended. */
  static List<Line> named(String name) throws IOException {
    try (var lines = Files.lines(LIST)) {
      return lines
          .skip(1)
          .map(line -> line.split(" ", 11))
          .filter(fields -> fields[10].equals(name))
          .map(
              fields ->
                  new Line(
                      Long.parseLong(fields[1]),
                      Long.parseLong(fields[4]),
                      Long.parseLong(fields[5]),
                      Long.parseLong(fields[6]),
                      Long.parseLong(fields[7])))
          .toList();
    }
  }

  /** Returns the memory of all shared files in bytes. The regions are among them. */
  static long memory() throws IOException {
    try (var lines = Files.lines(MEMORY)) {
      return lines
          .filter(line -> line.startsWith("Shmem:"))
          .mapToLong(line -> 1024 * Long.parseLong(line.replaceAll("[^0-9]", "")))
          .sum();
    }
  }
}
