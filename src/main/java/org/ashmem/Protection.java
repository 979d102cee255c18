// SPDX-License-Identifier: Apache-2.0
package org.ashmem;

import java.util.Collections;
import java.util.EnumSet;
import java.util.Set;

/** What new mappings of a region may do. A region's protection mask is a set of these. */
public enum Protection {
  /** Its bytes may be read. */
  READ(Shim.READ),
  /** Its bytes may be written. */
  WRITE(Shim.WRITE),
  /** Its bytes may be executed by the processor: never of use to Java, which only hands it on. */
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

  /** The set, which cannot be modified, of a mask's known bits. */
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
