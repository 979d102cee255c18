// SPDX-License-Identifier: Apache-2.0
package org.ashmem;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Optional;
import org.junit.jupiter.api.Test;

class MultiReleaseTest {
  @Test
  void olderJavaIsNotWarned() {
    assertEquals(Optional.empty(), MultiRelease.warning(21, true, "a.jar"));
    assertEquals(Optional.empty(), MultiRelease.warning(17, false, "a.jar"));
  }

  @Test
  void missingLineOfTheManifestIsNamed() {
    String warning = MultiRelease.warning(25, true, "fat.jar").orElseThrow();
    assertTrue(warning.contains("lacks the line 'Multi-Release: true'"), warning);
    assertTrue(warning.contains("fat.jar"), warning);
  }

  @Test
  void missingClassesAreNamed() {
    String warning = MultiRelease.warning(22, false, "old.jar").orElseThrow();
    assertTrue(warning.contains("lacks the classes for Java 22"), warning);
  }
}
