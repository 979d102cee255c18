// SPDX-License-Identifier: Apache-2.0
package org.ashmem;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.nio.ByteBuffer;

/** What the library at hand does with views of a mapping that is closed. */
public final class Views {
  private Views() {}

  /**
   * Whether they throw, as the classes for Java 22 have them do. The others have them read zeros.
   */
  public static boolean end() {
    return Memory.maxLength() > Integer.MAX_VALUE;
  }

  /** Checks that a view reaches no byte of a region any more. */
  public static void assertEnded(ByteBuffer view) {
    if (end()) {
      assertThrows(IllegalStateException.class, () -> view.get(0));
    } else {
      assertEquals(ByteBuffer.allocate(view.capacity()), view.duplicate().clear());
    }
  }
}
