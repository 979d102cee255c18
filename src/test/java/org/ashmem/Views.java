// SPDX-License-Identifier: Apache-2.0
package org.ashmem;

/** What the library at hand does with views of a mapping that is closed. */
final class Views {
  private Views() {}

  /**
   * Whether they throw, as the classes for Java 22 have them do. The others have them read zeros.
   */
  static boolean end() {
    return Memory.maxLength() > Integer.MAX_VALUE;
  }
}
