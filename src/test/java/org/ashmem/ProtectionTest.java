// SPDX-License-Identifier: Apache-2.0
package org.ashmem;

import static org.ashmem.Protection.EXECUTE;
import static org.ashmem.Protection.READ;
import static org.ashmem.Protection.WRITE;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class ProtectionTest {
  @Test
  void hasTheBitsOfMmap() {
    assertEquals(Set.of(), Protection.of(0));
    assertEquals(Set.of(READ), Protection.of(1));
    assertEquals(Set.of(WRITE), Protection.of(2));
    assertEquals(Set.of(EXECUTE), Protection.of(4));
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 1, 2, 3, 4, 5, 6, 7})
  void maskBecomesSetAndMaskAgain(int mask) {
    assertEquals(mask, Protection.mask(Protection.of(mask)));
    assertEquals(Integer.bitCount(mask), Protection.of(mask).size());
  }

  @Test
  void leavesOutUnknownBits() {
    assertEquals(Set.of(READ, WRITE, EXECUTE), Protection.of(-1));
  }

  @Test
  void setCannotBeModified() {
    Set<Protection> set = Protection.of(1);
    assertThrows(UnsupportedOperationException.class, () -> set.add(WRITE));
  }
}
