// SPDX-License-Identifier: Apache-2.0
package org.ashmem;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.FileInputStream;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.function.Predicate;
import java.util.stream.Stream;
import org.newsclub.net.unix.FileDescriptorCast;

/** Opens and inspects descriptors of this process. */
public final class OpenFile {
  private OpenFile() {}

  /** Opens an ordinary file, which takes the place of a region where there is no device. */
  public static int open(Path path) {
    int fd = Shim.openFile(path.toString().getBytes(UTF_8));
    assertTrue(fd >= 0, () -> path + ": " + Errno.name(-fd));
    return fd;
  }

  /** Opens a file read-only. */
  static int openToRead(Path path) throws IOException {
    try (FileInputStream in = new FileInputStream(path.toFile())) {
      int fd = Shim.dup(FileDescriptorCast.using(in.getFD()).as(Integer.class));
      assertTrue(fd >= 0, () -> path + ": " + Errno.name(-fd));
      return fd;
    }
  }

  public static void close(int fd) {
    assertEquals(0, Shim.close(fd));
  }

  /** Returns a region object whose bytes are those of an ordinary file. */
  public static AshmemRegion asRegion(Path path, long size) {
    return new AshmemRegion(open(path), "test", size);
  }

  public static boolean isOpen(int fd) {
    return Files.isSymbolicLink(link(fd));
  }

  /** Returns the path of the open file, or an empty string if the descriptor is closed. */
  public static String target(int fd) throws IOException {
    try {
      return Files.readSymbolicLink(link(fd)).toString();
    } catch (NoSuchFileException e) {
      return "";
    }
  }

  /** Returns how many descriptors of this process refer to the file. */
  public static long count(Path path) throws IOException {
    return count(path.toString()::equals);
  }

  /** Returns how many descriptors of this process refer to sockets. */
  static long countSockets() throws IOException {
    return count(target -> target.startsWith("socket:"));
  }

  /** Returns how many descriptors of this process are of epoll or eventfd. */
  static long countAnonymous() throws IOException {
    return count(target -> target.matches("anon_inode:\\[event.*"));
  }

  private static long count(Predicate<String> targets) throws IOException {
    long count = 0;
    try (Stream<Path> links = Files.list(Path.of("/proc/self/fd"))) {
      for (Path link : (Iterable<Path>) links::iterator) {
        if (targets.test(target(Integer.parseInt(link.getFileName().toString())))) {
          count++;
        }
      }
    }
    return count;
  }

  private static Path link(int fd) {
    return Path.of("/proc/self/fd", Integer.toString(fd));
  }
}
