// SPDX-License-Identifier: Apache-2.0
package org.ashmem.cache;

import static org.junit.jupiter.api.Assertions.assertEquals;

import org.ashmem.AshmemRegion;
import org.ashmem.Backend;
import org.junit.jupiter.api.Test;

/** The library below these tests is the one that they are meant for. */
class BackendTest {
  @Test
  void regionsAreOnMemfd() {
    try (AshmemRegion region = AshmemRegion.create("backend", AshmemRegion.pageSize())) {
      assertEquals(Backend.MEMFD, region.backend());
    }
  }
}
