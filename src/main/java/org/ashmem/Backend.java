// SPDX-License-Identifier: Apache-2.0
package org.ashmem;

import org.apache.commons.lang3.EnumUtils;
import org.apache.commons.lang3.Validate;
import org.jspecify.annotations.Nullable;

/**
 * The provider of a region's memory: the kernel's ashmem driver, or Linux's memfd as a fallback.
 *
 * <p>On both, memory can be shared, pinned, unpinned and mapped, and unpinned memory gives way when
 * memory is short. On the device the kernel purges it, in all processes. memfd has no pins of its
 * own: there this library keeps the pins, for the one {@link AshmemRegion} that created the memory.
 * It purges the unpinned ranges of that region on {@link AshmemRegion#purgeAllCaches}, and when
 * little memory is left below a limit of the process's cgroups, or in the machine, or when the
 * kernel reports memory pressure. The system property {@code org.ashmem.purgeOnPressure} with the
 * value {@code false} restricts it to requests. The library never purges a region while another
 * process may have its memory, because it cannot see the pins of that process: see {@link
 * RegionDescriptor}. It never purges a region that lost {@link Protection#WRITE}, because the
 * kernel forbids that.
 */
public enum Backend {
  /** The device if there is one, otherwise memfd. The choice is logged once, at the level DEBUG. */
  AUTO,
  /** {@code /dev/ashmem}: the kernel keeps the pins for all processes, and purges. */
  DEVICE,
  /** memfd_create(2), on any Linux. */
  MEMFD;

  /** The system property that selects the backend of regions whose builder sets none. */
  static final String PROPERTY = "org.ashmem.backend";

  /**
   * Returns the backend of regions whose builder sets none. The system property {@code
   * org.ashmem.backend} selects it: {@code auto}, {@code device} or {@code memfd}, in upper or
   * lower case. Without the property it is {@link #AUTO}.
   *
   * @return the backend
   * @throws IllegalArgumentException if the property has another value
   */
  public static Backend configured() {
    return of(System.getProperty(PROPERTY));
  }

  /** Returns what {@link #AUTO} tells of its choice: of an open device, or of a negated errno. */
  static String choice(int device) {
    if (device >= 0) {
      return "regions are on " + AshmemRegion.DEVICE;
    }
    return switch (-device) {
          case Errno.ENOENT -> "there is no " + AshmemRegion.DEVICE;
          case Errno.ENOTTY -> AshmemRegion.DEVICE + " is not the ashmem device";
          default -> AshmemRegion.DEVICE + " has no driver";
        }
        + ": regions are on memfd";
  }

  static Backend of(@Nullable String name) {
    if (name == null) {
      return AUTO;
    }
    Backend named = EnumUtils.getEnumIgnoreCase(Backend.class, name);
    Validate.isTrue(
        named != null, "the system property %s is '%s', not auto, device or memfd", PROPERTY, name);
    return named;
  }
}
