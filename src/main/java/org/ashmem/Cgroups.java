// SPDX-License-Identifier: Apache-2.0
package org.ashmem;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Finds the cgroups that contain this process, of both versions of cgroups. In a container, the
 * root of the visible hierarchy may be the container's own cgroup, which has files, too.
 *
 * <p>Source: the kernel's Documentation/admin-guide/cgroup-v2.rst and proc_pid_mountinfo(5).
 */
final class Cgroups {
  /** At most one of each version. */
  private final List<Hierarchy> hierarchies;

  /** The folder of a cgroup, and the mount point above which no cgroup can be seen. */
  private record Hierarchy(boolean version1, Path own, Path mount) {
    /** Returns the folders of the process's cgroup and of all cgroups that contain it. */
    List<Path> folders() {
      List<Path> folders = new ArrayList<>();
      for (Path at = own; at != null && at.startsWith(mount); at = at.getParent()) {
        folders.add(at);
      }
      return folders;
    }
  }

  private Cgroups(List<Hierarchy> hierarchies) {
    this.hierarchies = hierarchies;
  }

  /** Reads what the kernel tells this process of its cgroups and mounts, in the folder /proc. */
  static Cgroups of(Path proc) {
    List<Hierarchy> hierarchies = new ArrayList<>();
    try {
      List<String> groups = lines(proc.resolve("self/cgroup"));
      List<String> mounts = lines(proc.resolve("self/mountinfo"));
      for (boolean version1 : new boolean[] {false, true}) {
        Hierarchy found = find(groups, mounts, version1);
        if (found != null) {
          hierarchies.add(found);
        }
      }
    } catch (IOException | InvalidPathException e) {
      // What was found so far counts.
    }
    return new Cgroups(hierarchies);
  }

  boolean isEmpty() {
    return hierarchies.isEmpty();
  }

  /** Opens the memory limits of all cgroups that contain the process. */
  List<MemoryLimit> limits() {
    List<MemoryLimit> limits = new ArrayList<>();
    for (Hierarchy each : hierarchies) {
      for (Path folder : each.folders()) {
        try {
          limits.add(
              each.version1 ? MemoryLimit.ofVersion1(folder) : MemoryLimit.ofVersion2(folder));
        } catch (IOException e) {
          // The root, and a cgroup without the controller for memory, have no limit.
        }
      }
    }
    return limits;
  }

  /**
   * Returns the file that reports the pressure of the process's own cgroup, if there is one. The
   * root's file reports that of the machine. Of all cgroups only the root has no file of events.
   */
  List<Path> pressureFiles() {
    return hierarchies.stream()
        .filter(each -> !each.version1 && Files.exists(each.own.resolve("cgroup.events")))
        .map(each -> each.own.resolve("memory.pressure"))
        .toList();
  }

  /** Reads a file. Another mount may have a name that is no UTF-8, which does not matter. */
  private static List<String> lines(Path file) throws IOException {
    return new String(Files.readAllBytes(file), UTF_8).lines().toList();
  }

  private static @Nullable Hierarchy find(
      List<String> groups, List<String> mounts, boolean version1) {
    String group = null;
    for (String line : groups) {
      // The number of the hierarchy, its controllers, the path.
      String[] fields = line.split(":", 3);
      if (fields.length == 3
          && (version1 ? isOfMemory(fields[1]) : line.startsWith("0::"))
          && fields[2].startsWith("/")) {
        group = fields[2];
      }
    }
    Hierarchy found = null;
    for (String line : group == null ? List.<String>of() : mounts) {
      // After some optional fields: "-", the type, the source, the options of the file system.
      String[] fields = line.split(" ");
      int dash = Arrays.asList(fields).indexOf("-");
      if (dash < 5
          || fields.length < dash + 4
          || !fields[dash + 1].equals(version1 ? "cgroup" : "cgroup2")
          || (version1 && !isOfMemory(fields[dash + 3]))) {
        continue;
      }
      Path root = Path.of(unescaped(fields[3]));
      Path mount = Path.of(unescaped(fields[4]));
      Path path = Path.of(group);
      if (path.startsWith(root)) {
        Path own = mount.resolve(root.relativize(path)).normalize();
        if (own.startsWith(mount)) {
          return new Hierarchy(version1, own, mount);
        }
      }
      // Another part of the hierarchy is mounted here. It may be that of a container.
      found = found == null ? new Hierarchy(version1, mount, mount) : found;
    }
    return found;
  }

  private static boolean isOfMemory(String controllers) {
    return Arrays.asList(controllers.split(",")).contains("memory");
  }

  private static String unescaped(String path) {
    return path.replace("\\040", " ").replace("\\134", "\\");
  }
}
