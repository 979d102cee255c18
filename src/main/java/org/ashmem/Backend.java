// SPDX-License-Identifier: Apache-2.0
package org.ashmem;

import java.util.Locale;
import org.jspecify.annotations.Nullable;

/**
 * What gives a region its memory: the kernel's ashmem driver, or, without it, Linux's memfd.
 *
 * <p>Both give shared memory that can be pinned, unpinned and mapped, but memfd knows no pins.
 * There this library keeps them, for the one {@link AshmemRegion} that created the memory: it
 * purges its unpinned ranges when {@link AshmemRegion#purgeAllCaches} asks for that, and under
 * memory pressure if the system property {@code org.ashmem.purgeOnPressure} is {@code true}. It
 * never purges a region that was handed on by {@link AshmemRegion#dup}, since it cannot know who
 * needs it, nor one that lost {@link Protection#WRITE}, which the kernel forbids.
 */
public enum Backend {
  /** The device if there is one, else memfd. Which it is, is logged once. */
  AUTO,
  /** {@code /dev/ashmem}: the kernel keeps the pins, for all processes, and purges. */
  DEVICE,
  /** memfd_create(2), on any Linux. */
  MEMFD;

  /** The system property that chooses for regions whose builder does not. */
  static final String PROPERTY = "org.ashmem.backend";

  /**
   * Returns what regions get whose builder does not choose: what the system property {@code
   * org.ashmem.backend} names ({@code auto}, {@code device} or {@code memfd}), or {@link #AUTO}.
   *
   * @return the backend
   * @throws IllegalArgumentException if the property names none
   */
  public static Backend configured() {
    return of(System.getProperty(PROPERTY));
  }

  static Backend of(@Nullable String name) {
    if (name == null) {
      return AUTO;
    }
    for (Backend each : values()) {
      if (each.name().toLowerCase(Locale.ROOT).equals(name)) {
        return each;
      }
    }
    throw new IllegalArgumentException(
        "the system property " + PROPERTY + " is '" + name + "', not auto, device or memfd");
  }
}
