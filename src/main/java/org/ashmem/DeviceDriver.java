// SPDX-License-Identifier: Apache-2.0
package org.ashmem;

/** The driver in the kernel. Each method makes one system call, mostly an ioctl request. */
final class DeviceDriver implements Driver {
  static final DeviceDriver INSTANCE = new DeviceDriver();

  private DeviceDriver() {}

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
