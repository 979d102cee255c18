// SPDX-License-Identifier: Apache-2.0
package org.ashmem;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;

/**
 * A descriptor's number, and what it is open on now. What is raced for is open on /dev/null;
 * whatever gets a number that was given back is open on /dev/zero, and who still used that number
 * would meet it.
 */
final class Fd {
  private Fd() {}

  /** What the races are for. */
  static int ours() {
    return open("/dev/null");
  }

  /** What takes the lowest number that is free. */
  static int another() {
    return open("/dev/zero");
  }

  /** "ours", "another's", or "nobody's" when it is closed. A mapping tells them apart. */
  static String owner(int fd) {
    long page = AshmemRegion.pageSize();
    long address = Shim.map(fd, Shim.READ, false, 0, page);
    if (address == -Errno.ENODEV) {
      return "ours";
    }
    if (address == -Errno.EBADF) {
      return "nobody's";
    }
    if (address < 0 || Shim.unmap(address, page) < 0) {
      throw new IllegalStateException("mmap: " + address);
    }
    return "another's";
  }

  /** The same, and closes it. */
  static String closed(int fd) {
    String owner = owner(fd);
    return Shim.close(fd) == 0 ? owner : "nobody's";
  }

  private static int open(String path) {
    int fd = Shim.open(path.getBytes(UTF_8));
    if (fd < 0) {
      throw new IllegalStateException(path + ": " + Errno.name(-fd));
    }
    return fd;
  }

  /** A file that nobody else has open, however often its number is given away again. */
  static final class Own {
    private final int number;
    private final String target;

    Own() {
      try {
        Path file = Files.createTempFile("race", "");
        number = open(file.toString());
        Files.delete(file);
        target = Files.readSymbolicLink(link()).toString();
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }

    int number() {
      return number;
    }

    /** Tells whether the number is not this file's any more. If it still is, closes it. */
    boolean wasClosed() {
      try {
        if (!Files.readSymbolicLink(link()).toString().equals(target)) {
          return true;
        }
      } catch (NoSuchFileException e) {
        return true;
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
      int unused = Shim.close(number);
      return false;
    }

    private Path link() {
      return Path.of("/proc/self/fd", Integer.toString(number));
    }
  }
}
