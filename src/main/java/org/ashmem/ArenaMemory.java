// SPDX-License-Identifier: Apache-2.0
package org.ashmem;

import java.lang.ref.Cleaner;

/** Takes the place of the class for Java 22 in a jar that an older JDK builds. */
final class ArenaMemory {
  private ArenaMemory() {}

  /** Returns whether this is the class for Java 22. */
  static boolean isThere() {
    return false;
  }

  static Memory of(Cleaner cleaner, long before, long length, Unmapping unmapping) {
    return new TombstoneMemory(cleaner, before, length, unmapping);
  }
}
