// SPDX-License-Identifier: Apache-2.0
package org.ashmem.cache;

import static org.junit.jupiter.api.Assertions.assertEquals;

import org.ashmem.AshmemRegion;
import org.ashmem.Backend;
import org.junit.jupiter.api.Test;

/** The guest has the device. */
class BackendIT {
  @Test
  void regionsAreOnTheDevice() {
    try (AshmemRegion region = AshmemRegion.create("backend", AshmemRegion.pageSize())) {
      assertEquals(Backend.DEVICE, region.backend());
    }
  }
}
