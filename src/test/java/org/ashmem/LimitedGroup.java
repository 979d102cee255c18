// SPDX-License-Identifier: Apache-2.0
package org.ashmem;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** A cgroup with a memory limit, for children. Its version is the one that the machine has. */
final class LimitedGroup implements AutoCloseable {
  private static final Path VERSION_1 = Path.of("/sys/fs/cgroup/memory");
  private static final Path VERSION_2 = Path.of("/sys/fs/cgroup");

  private final Path path;

  /** Creates the cgroup with a limit in bytes. */
  LimitedGroup(String name, long limit) throws IOException {
    boolean first = Files.exists(VERSION_1.resolve("memory.limit_in_bytes"));
    path = (first ? VERSION_1 : VERSION_2).resolve(name);
    Files.createDirectories(path);
    Files.writeString(
        path.resolve(first ? "memory.limit_in_bytes" : "memory.max"), Long.toString(limit));
    if (Files.exists(path.resolve("memory.swap.max"))) {
      // With swap the kernel would swap memory out instead of killing a process.
      Files.writeString(path.resolve("memory.swap.max"), "0");
    }
  }

  /** Runs a command in the cgroup and waits for its end. */
  ChildJvm.Result run(List<String> command) throws IOException, InterruptedException {
    List<String> inside =
        new ArrayList<>(List.of("sh", "-c", "echo 0 >\"$0/cgroup.procs\" && exec \"$@\""));
    inside.add(path.toString());
    inside.addAll(command);
    return ChildJvm.run(inside);
  }

  /** Removes the cgroup. The kernel may need a moment after the last process has ended. */
  @Override
  public void close() throws IOException {
    try {
      Await.until(() -> path.toFile().delete());
    } catch (Exception e) {
      throw new IOException(path.toString(), e);
    }
  }
}
