// SPDX-License-Identifier: Apache-2.0
package org.ashmem;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.apache.commons.lang3.StringUtils;

/** The driver in the kernel. Each method makes one system call, mostly an ioctl request. */
final class DeviceDriver implements Driver {
  static final DeviceDriver INSTANCE = new DeviceDriver();

  /** The lines that the driver adds to /proc/PID/fdinfo/FD, in the order of the counts. */
  private static final List<String> FDINFO =
      List.of("ashmem-pinned", "ashmem-unpinned", "ashmem-purged");

  private DeviceDriver() {}

  /** Opens the device. The path is a parameter so that a test can name a missing device. */
  static int open(String path) {
    int fd = Shim.open(path.getBytes(UTF_8));
    if (fd < 0) {
      throw AshmemException.ofOpen(path, -fd);
    }
    return fd;
  }

  /** Opens the device. Returns the negated errno if there is none and the backend needs none. */
  static int open(Backend backend) {
    try {
      return open(AshmemRegion.DEVICE);
    } catch (AshmemException.DeviceMissing e) {
      if (backend == Backend.DEVICE) {
        throw e;
      }
      return -e.errno();
    }
  }

  @Override
  public Backend backend() {
    return Backend.DEVICE;
  }

  @Override
  public int setProtection(int fd, int mask) {
    return Shim.setProtection(fd, mask);
  }

  @Override
  public String protectionCall() {
    return "ASHMEM_SET_PROT_MASK";
  }

  @Override
  public int protection(int fd) {
    return Shim.protection(fd);
  }

  @Override
  public int pin(int fd, long offset, long length) {
    return Shim.pin(fd, offset, length);
  }

  @Override
  public int unpin(int fd, long offset, long length) {
    return Shim.unpin(fd, offset, length);
  }

  @Override
  public int pinStatus(int fd, long offset, long length) {
    return Shim.pinStatus(fd, offset, length);
  }

  @Override
  public int pinMany(int fd, long[] ranges) {
    return Shim.pinVector(fd, Shim.PIN, ranges);
  }

  @Override
  public int unpinMany(int fd, long[] ranges) {
    return Shim.pinVector(fd, Shim.UNPIN, ranges);
  }

  /** ASHMEM_GET_INFO would take the news of a purge from every process that polls the region. */
  @Override
  public int countPins(int fd, long[] bytes) {
    int found = 0;
    Path info = Path.of("/proc/self/fdinfo/" + fd);
    try {
      for (String line : Files.readAllLines(info)) {
        int kind = FDINFO.indexOf(StringUtils.substringBefore(line, ':'));
        if (kind >= 0) {
          bytes[kind] = Long.parseLong(StringUtils.substringAfter(line, ':').strip());
          found++;
        }
      }
    } catch (IOException e) {
      // The descriptor is open. To look for a file needs none.
      return Files.exists(info) ? -Errno.EMFILE : -Errno.ENOENT;
    }
    return found == FDINFO.size() ? 0 : -Errno.ENOTTY;
  }

  @Override
  public long fileId(int fd) {
    return Shim.fileId(fd);
  }

  @Override
  public int dup(int fd) {
    return Shim.dup(fd);
  }

  @Override
  public void takenBack() {
    // The kernel keeps track of descriptors.
  }

  @Override
  public long map(int fd, MapMode mode, long offset, long length) {
    return Shim.map(fd, mode.protection, mode.shared, offset, length);
  }

  @Override
  public void close() {
    // The kernel keeps track of descriptors.
  }
}
