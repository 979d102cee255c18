// SPDX-License-Identifier: Apache-2.0
package org.ashmem;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.util.Set;
import java.util.concurrent.atomic.AtomicBoolean;
import org.jspecify.annotations.Nullable;

/** Makes new regions, on the device or on memfd. */
final class Creation {
  private static final System.Logger LOG = System.getLogger("org.ashmem");

  /** Whether the backend that {@link Backend#AUTO} chose has been logged. */
  private static final AtomicBoolean TOLD = new AtomicBoolean();

  private Creation() {}

  static AshmemRegion of(
      Backend choice,
      byte @Nullable [] encodedName,
      long size,
      @Nullable Set<Protection> protection) {
    int device = choice == Backend.MEMFD ? -1 : DeviceDriver.open(choice);
    if (device < 0) {
      tell(choice, device);
      return onMemfd(encodedName, size, protection);
    }
    try {
      tell(choice, device);
      return onDevice(device, encodedName, size, protection);
    } catch (Throwable e) {
      int unused = Shim.close(device);
      throw e;
    }
  }

  private static void tell(Backend choice, int device) {
    if (choice == Backend.AUTO && !TOLD.getAndSet(true)) {
      LOG.log(System.Logger.Level.DEBUG, Backend.choice(device));
    }
  }

  private static AshmemRegion onDevice(
      int fd, byte @Nullable [] encodedName, long size, @Nullable Set<Protection> protection) {
    String name = name(encodedName);
    if (encodedName != null) {
      AshmemException.check("ASHMEM_SET_NAME", name, Shim.setName(fd, encodedName));
    }
    AshmemException.check("ASHMEM_SET_SIZE", name, Shim.setSize(fd, size));
    if (protection != null) {
      Protection.set(DeviceDriver.INSTANCE, fd, name, Protection.mask(protection));
    }
    // The driver refuses to pin or unpin a region that was never mapped.
    AshmemException.check("mmap", name, Shim.back(fd));
    return new AshmemRegion(fd, name, size);
  }

  private static AshmemRegion onMemfd(
      byte @Nullable [] encodedName, long size, @Nullable Set<Protection> protection) {
    String name = name(encodedName);
    int fd = MemfdDriver.open(name, encodedName != null ? encodedName : new byte[0], size);
    try {
      Descriptor descriptor = new Descriptor(fd);
      MemfdDriver driver = MemfdDriver.created(descriptor, name, size);
      if (protection != null) {
        Protection.set(driver, fd, name, Protection.mask(protection));
      }
      return new AshmemRegion(descriptor, driver, name, size);
    } catch (Throwable e) {
      int unused = Shim.close(fd);
      throw e;
    }
  }

  private static String name(byte @Nullable [] encodedName) {
    return encodedName == null ? AshmemRegion.UNNAMED : new String(encodedName, UTF_8);
  }
}
