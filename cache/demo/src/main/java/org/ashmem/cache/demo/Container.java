// SPDX-License-Identifier: Apache-2.0
package org.ashmem.cache.demo;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Optional;

/**
 * The memory cgroup of this process, of version 1 or 2.
 *
 * @param version 1 or 2
 * @param folder its folder
 */
record Container(int version, Path folder) {
  private static final Path ROOT = Path.of("/sys/fs/cgroup");

  /**
   * Returns the cgroup of this process, if its limit is low enough.
   *
   * @param below bytes that the limit must be below
   */
  static Optional<Container> ofThisProcess(long below) {
    try {
      for (String line : Files.readAllLines(Path.of("/proc/self/cgroup"))) {
        // Number, controllers and path. Version 2 has the number 0 and names no controllers.
        String[] parts = line.split(":", 3);
        if (Arrays.asList(parts[1].split(",")).contains("memory")) {
          return find(1, ROOT.resolve("memory"), parts[2], below);
        }
        if (parts[0].equals("0") && Files.exists(ROOT.resolve("cgroup.controllers"))) {
          return find(2, ROOT, parts[2], below);
        }
      }
    } catch (IOException e) {
      // There are no cgroups here.
    }
    return Optional.empty();
  }

  private static Optional<Container> find(int version, Path mount, String path, long below) {
    // In a container of Docker or Kubernetes the mount itself may be the cgroup of the path.
    for (Path folder : new Path[] {mount.resolve(path.substring(1)), mount}) {
      Container container = new Container(version, folder);
      if (Files.exists(folder.resolve(container.limitName()))) {
        return container.limit() < below ? Optional.of(container) : Optional.empty();
      }
    }
    return Optional.empty();
  }

  private String limitName() {
    return version == 1 ? "memory.limit_in_bytes" : "memory.max";
  }

  /** Returns the limit in bytes. */
  long limit() {
    String limit = read(limitName());
    return limit.equals("max") ? Long.MAX_VALUE : Long.parseLong(limit);
  }

  /** Returns the bytes that are charged to the cgroup, pages of files among them. */
  long usage() {
    return Long.parseLong(read(version == 1 ? "memory.usage_in_bytes" : "memory.current"));
  }

  /** Returns how many processes of the cgroup the OOM killer has killed. */
  long oomKills() {
    return read(version == 1 ? "memory.oom_control" : "memory.events")
        .lines()
        .filter(line -> line.startsWith("oom_kill "))
        .mapToLong(line -> Long.parseLong(line.substring("oom_kill ".length())))
        .sum();
  }

  private String read(String name) {
    try {
      return Files.readString(folder.resolve(name)).strip();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
