// SPDX-License-Identifier: Apache-2.0
package org.ashmem;

import java.util.Collections;
import java.util.EnumSet;
import java.util.Optional;
import java.util.Set;

/**
 * Tells whether this library works here, so that a program can ask before it creates a region.
 *
 * <p>No method throws an exception because something is missing. Each method asks the kernel again:
 * the device may appear later. A method makes a few system calls and leaves no file open.
 *
 * <p>Thread-safe.
 */
public final class Ashmem {
  private Ashmem() {}

  /**
   * Returns whether regions can be created on the backend of {@link Backend#configured}.
   *
   * @return false if {@link #unavailabilityCause()} has a reason
   */
  public static boolean isAvailable() {
    return unavailabilityCause().isEmpty();
  }

  /**
   * Returns whether regions can be created on a backend.
   *
   * @param backend the backend; {@link Backend#AUTO} is available if the backend that it chooses is
   * @return false if {@link #unavailabilityCause(Backend)} has a reason
   */
  public static boolean isAvailable(Backend backend) {
    return unavailabilityCause(backend).isEmpty();
  }

  /**
   * Returns what {@link AshmemRegion#create} would throw on this machine, whatever the size is.
   *
   * @return an {@link UnsatisfiedLinkError} if the native library cannot be loaded, an {@link
   *     AshmemException} if the kernel refuses, an {@link IllegalArgumentException} if the system
   *     property {@code org.ashmem.backend} has a wrong value; empty if regions can be created
   */
  public static Optional<Throwable> unavailabilityCause() {
    try {
      return unavailabilityCause(Backend.configured());
    } catch (IllegalArgumentException e) {
      return Optional.of(e);
    }
  }

  /**
   * Returns why no region can be created on a backend.
   *
   * @param backend the backend; {@link Backend#AUTO} stands for the backend that it chooses
   * @return an {@link UnsatisfiedLinkError} if the native library cannot be loaded, an {@link
   *     AshmemException} if the kernel refuses; empty if regions can be created
   */
  public static Optional<Throwable> unavailabilityCause(Backend backend) {
    try {
      switch (backend) {
        case DEVICE -> tryDevice();
        case MEMFD -> tryMemfd();
        case AUTO -> {
          try {
            tryDevice();
          } catch (AshmemException.DeviceMissing e) {
            tryMemfd();
          }
        }
      }
      return Optional.empty();
    } catch (AshmemException | UnsatisfiedLinkError e) {
      return Optional.of(e);
    }
  }

  /**
   * Returns the backends that there are to choose from.
   *
   * @return {@link Backend#DEVICE}, {@link Backend#MEMFD}, both or none, in a set that cannot be
   *     modified
   */
  public static Set<Backend> backends() {
    Set<Backend> backends = EnumSet.of(Backend.DEVICE, Backend.MEMFD);
    backends.removeIf(each -> !isAvailable(each));
    return Collections.unmodifiableSet(backends);
  }

  private static void tryDevice() {
    int unused = Shim.close(DeviceDriver.open(AshmemRegion.DEVICE));
  }

  private static void tryMemfd() {
    int unused = Shim.close(MemfdDriver.open("availability", new byte[0], 1));
  }
}
