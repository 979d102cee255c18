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

/** Descriptors of this process, as the tests open and look at them. */
public final class OpenFile {
  private OpenFile() {}

  /** Opens a file in place of a region, which only the device gives. */
  public static int open(Path path) {
    int fd = Shim.open(path.toString().getBytes(UTF_8));
    assertTrue(fd >= 0, () -> path + ": " + Errno.name(-fd));
    return fd;
  }

  /** Opens a file that then cannot be written. */
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

  /** A region to Java, whose bytes are the file's. */
  public static AshmemRegion asRegion(Path path, long size) {
    return new AshmemRegion(open(path), "test", size);
  }

  public static boolean isOpen(int fd) {
    return Files.isSymbolicLink(link(fd));
  }

  /** What the descriptor is open on; empty when it is closed. */
  public static String target(int fd) throws IOException {
    try {
      return Files.readSymbolicLink(link(fd)).toString();
    } catch (NoSuchFileException e) {
      return "";
    }
  }

  /** How many descriptors of this process are open on the file. */
  public static long count(Path path) throws IOException {
    return count(path.toString()::equals);
  }

  /** How many of this process are open on sockets. */
  static long countSockets() throws IOException {
    return count(target -> target.startsWith("socket:"));
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
