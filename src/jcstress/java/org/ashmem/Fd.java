// SPDX-License-Identifier: Apache-2.0
package org.ashmem;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;

/**
 * Descriptor numbers and the files that they refer to. The file of a race is /dev/null. The file
 * that reuses a closed number is /dev/zero, so a late use of the number finds it.
 */
final class Fd {
  private Fd() {}

  /** Opens the file of a race. */
  static int ours() {
    return open("/dev/null");
  }

  /** Opens another file, which gets the lowest free number. */
  static int another() {
    return open("/dev/zero");
  }

  /**
   * Returns "ours", "another's", or "nobody's" if the number is closed. The result of a mapping
   * distinguishes them.
   */
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

  /** Returns the owner and closes the number. */
  static String closed(int fd) {
    String owner = owner(fd);
    return Shim.close(fd) == 0 ? owner : "nobody's";
  }

  private static int open(String path) {
    int fd = Shim.openFile(path.getBytes(UTF_8));
    if (fd < 0) {
      throw new IllegalStateException(path + ": " + Errno.name(-fd));
    }
    return fd;
  }

  /** A file that only this object has open, so that a reuse of its number can be recognized. */
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

    /** Returns true if the number no longer refers to this file. Otherwise closes the number. */
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
