// SPDX-License-Identifier: Apache-2.0
package org.ashmem;

import static java.nio.charset.StandardCharsets.UTF_8;

/** Makes regions of descriptors that were inherited or received. */
final class Adoption {
  private Adoption() {}

  /**
   * Takes ownership of a descriptor, unless this method throws. From now on no process can change
   * the region's name or size. On memfd, the action runs when the region is closed and was not
   * passed on.
   */
  static AshmemRegion of(int fd, Runnable takenBack) {
    return MemfdDriver.isRegion(fd) ? ofMemfd(fd, takenBack) : ofDevice(fd);
  }

  private static AshmemRegion ofDevice(int fd) {
    require(fd, "statx", Shim.probe(fd));
    long size = require(fd, "ASHMEM_GET_SIZE", Shim.size(fd));
    if (size == 0) {
      throw new AshmemException.NotRegion(
          fd, "ASHMEM_GET_SIZE", Errno.EINVAL, "the region was not given a size yet");
    }
    String name = name(fd);
    int unused = AshmemException.check("mmap", name, Shim.back(fd));
    // Read size and name again: from here on no process can change them.
    size = AshmemException.check("ASHMEM_GET_SIZE", name, Shim.size(fd));
    return new AshmemRegion(fd, name(fd), size);
  }

  private static AshmemRegion ofMemfd(int fd, Runnable takenBack) {
    String given = MemfdDriver.name(fd);
    String name = given.isEmpty() ? AshmemRegion.UNNAMED : given;
    long size = AshmemException.check("statx", name, Shim.fileSize(fd));
    if (size == 0) {
      throw new AshmemException.NotRegion(fd, "statx", Errno.EINVAL, "the memfd has no bytes");
    }
    Descriptor descriptor = new Descriptor(fd);
    MemfdDriver driver = MemfdDriver.adopted(descriptor, fd, name, size, takenBack);
    return new AshmemRegion(descriptor, driver, name, size);
  }

  private static String name(int fd) {
    byte[] bytes = new byte[AshmemRegion.MAX_NAME];
    int length =
        AshmemException.check("ASHMEM_GET_NAME", AshmemRegion.UNNAMED, Shim.name(fd, bytes));
    return new String(bytes, 0, length, UTF_8);
  }

  /** Throws if the result of a first call shows that the descriptor is not a region. */
  private static long require(int fd, String call, long result) {
    return switch ((int) Math.max(0, -result)) {
      case Errno.EBADF ->
          throw new AshmemException.NotRegion(
              fd, call, Errno.EBADF, "it is not an open descriptor");
      case Errno.ENOTTY, Errno.EINVAL ->
          throw new AshmemException.NotRegion(
              fd, call, (int) -result, "it is not a region of ashmem, nor a memfd of fixed size");
      default -> AshmemException.check(call, "descriptor " + fd, result);
    };
  }
}
