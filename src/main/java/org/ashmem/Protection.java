// SPDX-License-Identifier: Apache-2.0
package org.ashmem;

import java.util.Collections;
import java.util.EnumSet;
import java.util.Set;

/** A right of new mappings of a region. A region's protection mask is a set of rights. */
public enum Protection {
  /** A mapping may read the region's bytes. */
  READ(Shim.READ),
  /** A mapping may write the region's bytes. */
  WRITE(Shim.WRITE),
  /** The processor may execute the region's bytes. Java does not use this right itself. */
  EXECUTE(Shim.EXECUTE);

  private final int bit;

  Protection(int bit) {
    this.bit = bit;
  }

  static int mask(Set<Protection> protection) {
    int mask = 0;
    for (Protection each : protection) {
      mask |= each.bit;
    }
    return mask;
  }

  /** Removes every right that is not in the mask from new mappings of a region. */
  static void set(Driver driver, int fd, String regionName, int mask) {
    int result = driver.setProtection(fd, mask);
    if (result == -Errno.EINVAL) {
      throw new IllegalArgumentException(
          "protection can only be removed from region '"
              + regionName
              + "': "
              + of(mask)
              + " contains a right that was removed before");
    }
    int unused = AshmemException.check(driver.protectionCall(), regionName, result);
  }

  /** Returns an unmodifiable set of the known bits of a mask. */
  static Set<Protection> of(int mask) {
    Set<Protection> set = EnumSet.noneOf(Protection.class);
    for (Protection each : values()) {
      if ((mask & each.bit) != 0) {
        set.add(each);
      }
    }
    return Collections.unmodifiableSet(set);
  }
}
