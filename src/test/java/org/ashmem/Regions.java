// SPDX-License-Identifier: Apache-2.0
package org.ashmem;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/** The machine's regions and the memory that they hold, as the kernel tells them to root. */
final class Regions {
  private static final Path LIST = Path.of("/sys/kernel/debug/ashmem/regions");
  private static final Path MEMORY = Path.of("/proc/meminfo");

  /** A region with an open descriptor; the rest is in bytes. */
  record Line(long pid, long size, long pinned, long unpinned, long purged) {}

  private Regions() {}

  /** Those of that name, whose processes may have it open or not. */
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

  /** The bytes in memory of all shared files, regions among them. */
  static long memory() throws IOException {
    try (var lines = Files.lines(MEMORY)) {
      return lines
          .filter(line -> line.startsWith("Shmem:"))
          .mapToLong(line -> 1024 * Long.parseLong(line.replaceAll("[^0-9]", "")))
          .sum();
    }
  }
}
