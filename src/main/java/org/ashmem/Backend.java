// SPDX-License-Identifier: Apache-2.0
package org.ashmem;

import org.apache.commons.lang3.EnumUtils;
import org.apache.commons.lang3.Validate;
import org.jspecify.annotations.Nullable;

/**
 * The provider of a region's memory: the kernel's ashmem driver, or Linux's memfd as a fallback.
 *
 * <p>On both, memory can be shared, pinned, unpinned and mapped. memfd has no pins of its own:
 * there this library keeps the pins, for the one {@link AshmemRegion} that created the memory. The
 * library purges the unpinned ranges of that region on {@link AshmemRegion#purgeAllCaches}, and
 * under memory pressure if the system property {@code org.ashmem.purgeOnPressure} is {@code true}.
 * It never purges a region that was passed on by {@link AshmemRegion#dup}, because it cannot see
 * the pins of the receiver. It never purges a region that lost {@link Protection#WRITE}, because
 * the kernel forbids that.
 */
public enum Backend {
  /** The device if there is one, otherwise memfd. The choice is logged once. */
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
