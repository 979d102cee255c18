// SPDX-License-Identifier: Apache-2.0
package org.ashmem;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Optional;

/**
 * The cgroup that this process's memory is charged to, of version 1 or 2, as far as the process can
 * see it.
 *
 * @param version 1 or 2
 * @param hierarchy where the hierarchy of the memory controller is mounted
 * @param folder the folder of the cgroup. In a container it may be the root of the visible
 *     hierarchy
 */
record MemoryGroup(int version, Path hierarchy, Path folder) {
  /** Version 1 shows no limit as the largest number of whole pages. */
  private static final long UNLIMITED = Long.MAX_VALUE >> 1;

  /** Finds the group below a root, which is "/" except in tests. */
  static Optional<MemoryGroup> find(Path root) throws IOException {
    Path mounts = root.resolve("sys/fs/cgroup");
    String unified = "";
    for (String line : Files.readAllLines(root.resolve("proc/self/cgroup"))) {
      String[] fields = line.split(":", 3);
      if (fields.length == 3 && Arrays.asList(fields[1].split(",", -1)).contains("memory")) {
        Path hierarchy = mounts.resolve("memory");
        return Files.isDirectory(hierarchy)
            ? Optional.of(new MemoryGroup(1, hierarchy, folder(hierarchy, fields[2])))
            : Optional.empty();
      }
      if (fields.length == 3 && fields[0].equals("0")) {
        unified = fields[2];
      }
    }
    return Files.exists(mounts.resolve("cgroup.controllers"))
        ? Optional.of(new MemoryGroup(2, mounts, folder(mounts, unified)))
        : Optional.empty();
  }

  private static Path folder(Path hierarchy, String path) {
    Path folder = hierarchy.resolve(path.replaceFirst("^/+", "")).normalize();
    return folder.startsWith(hierarchy) && Files.isDirectory(folder) ? folder : hierarchy;
  }

  /** Returns the smallest limit of the group and those above it, in bytes; empty if none. */
  Optional<Long> limit() {
    Optional<Long> smallest = Optional.empty();
    String file = version == 1 ? "memory.limit_in_bytes" : "memory.max";
    for (Path at = folder; at != null && at.startsWith(hierarchy); at = at.getParent()) {
      Optional<Long> limit = number(at.resolve(file)).filter(bytes -> bytes < UNLIMITED);
      if (limit.isPresent() && (smallest.isEmpty() || limit.get() < smallest.get())) {
        smallest = limit;
      }
    }
    return smallest;
  }

  /** Returns the bytes that are charged to the group; empty if the kernel does not tell. */
  Optional<Long> usage() {
    return number(folder.resolve(version == 1 ? "memory.usage_in_bytes" : "memory.current"));
  }

  private static Optional<Long> number(Path file) {
    try {
      return Optional.of(Long.parseLong(Files.readString(file).strip()));
    } catch (IOException | NumberFormatException e) {
      // The root has no such file, and version 2 writes "max" if there is no limit.
      return Optional.empty();
    }
  }

  @Override
  public String toString() {
    return "v" + version + " " + folder;
  }
}
