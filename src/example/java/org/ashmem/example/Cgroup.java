// SPDX-License-Identifier: Apache-2.0
package org.ashmem.example;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** A cgroup (version 2) with a memory limit. This process is in the cgroup until it is closed. */
public final class Cgroup implements AutoCloseable {
  private static final Path ROOT = Path.of("/sys/fs/cgroup");

  private final Path path;
  private final Path before;

  /**
   * Creates the cgroup and moves this process into it. Memory that the process touches from now on
   * is charged to the cgroup. Memory that it touched before is not.
   *
   * @param name the cgroup's name, below the root
   * @throws IOException if there is no version 2 hierarchy, or this user lacks the permission
   */
  public Cgroup(String name) throws IOException {
    path = ROOT.resolve(name);
    before = current();
    Files.writeString(ROOT.resolve("cgroup.subtree_control"), "+memory");
    Files.createDirectories(path);
    try {
      // With swap the kernel could swap memory out instead of purging it.
      if (Files.exists(path.resolve("memory.swap.max"))) {
        write("memory.swap.max", "0");
      }
      write("cgroup.procs", "0");
    } catch (IOException e) {
      Files.deleteIfExists(path);
      throw e;
    }
  }

  /** Returns the cgroup's folder. */
  public Path path() {
    return path;
  }

  /** Returns the number of bytes that are charged to the cgroup. */
  public long usage() throws IOException {
    return Long.parseLong(read("memory.current"));
  }

  /**
   * Limits the cgroup's memory.
   *
   * @param bytes the limit in bytes
   */
  public void limit(long bytes) throws IOException {
    write("memory.max", Long.toString(bytes));
  }

  /** Removes the limit. */
  public void unlimit() throws IOException {
    write("memory.max", "max");
  }

  /**
   * Returns the number of events of a kind.
   *
   * @param name a line of memory.events, such as {@code max} or {@code oom_kill}
   */
  public long events(String name) throws IOException {
    for (String line : Files.readAllLines(path.resolve("memory.events"))) {
      if (line.startsWith(name + " ")) {
        return Long.parseLong(line.substring(name.length() + 1));
      }
    }
    throw new IOException("memory.events has no " + name);
  }

  /** Moves the process back to its previous cgroup and removes this cgroup. */
  @Override
  public void close() throws IOException {
    unlimit();
    Files.writeString(before.resolve("cgroup.procs"), "0");
    Files.delete(path);
  }

  private static Path current() throws IOException {
    for (String line : Files.readAllLines(Path.of("/proc/self/cgroup"))) {
      if (line.startsWith("0::/")) {
        return ROOT.resolve(line.substring("0::/".length()));
      }
    }
    throw new IOException("this process is not in a cgroup of version 2");
  }

  private String read(String file) throws IOException {
    return Files.readString(path.resolve(file)).strip();
  }

  private void write(String file, String content) throws IOException {
    Files.writeString(path.resolve(file), content);
  }
}
