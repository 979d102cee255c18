// SPDX-License-Identifier: Apache-2.0
package org.ashmem;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class BackendTest {
  @ParameterizedTest
  @CsvSource({"auto, AUTO", "device, DEVICE", "memfd, MEMFD"})
  void propertyNamesIt(String name, Backend backend) {
    assertEquals(backend, Backend.of(name));
  }

  @Test
  void itIsAutomaticWithoutTheProperty() {
    assertEquals(Backend.AUTO, Backend.of(null));
  }

  @ParameterizedTest
  @CsvSource({"''", "Memfd", "ashmem"})
  void anythingElseIsRefused(String name) {
    IllegalArgumentException e =
        assertThrows(IllegalArgumentException.class, () -> Backend.of(name));
    assertTrue(e.getMessage().contains("org.ashmem.backend is '" + name + "'"), e.getMessage());
  }
}
