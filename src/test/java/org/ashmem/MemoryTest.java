// SPDX-License-Identifier: Apache-2.0
package org.ashmem;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Optional;
import org.junit.jupiter.api.Test;

/** The warning that a jar lacks the classes for Java 22. */
class MemoryTest {
  @Test
  void completeJarAndOlderJavaCauseNoWarning() {
    assertEquals(Optional.empty(), Memory.warning(17, false));
    assertEquals(Optional.empty(), Memory.warning(21, false));
    assertEquals(Optional.empty(), Memory.warning(22, true));
  }

  @Test
  void jarOfAnOlderJdkIsNamed() {
    String warning = Memory.warning(25, false).orElseThrow();
    assertTrue(warning.contains("built by a JDK older than 22"), warning);
    assertTrue(warning.contains("Java 25"), warning);
  }
}
