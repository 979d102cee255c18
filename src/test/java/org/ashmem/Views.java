// SPDX-License-Identifier: Apache-2.0
package org.ashmem;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.nio.ByteBuffer;

/** The behaviour of views of a closed mapping, which depends on the classes under test. */
public final class Views {
  private Views() {}

  /** Returns true with the classes for Java 22, whose views throw. Other views read zeros. */
  public static boolean end() {
    return Memory.maxLength() > Integer.MAX_VALUE;
  }

  /** Checks that a view no longer reads or writes bytes of a region. */
  public static void assertEnded(ByteBuffer view) {
    if (end()) {
      assertThrows(IllegalStateException.class, () -> view.get(0));
    } else {
      assertEquals(ByteBuffer.allocate(view.capacity()), view.duplicate().clear());
    }
  }
}
