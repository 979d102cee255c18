// SPDX-License-Identifier: Apache-2.0
package org.ashmem.cache.bench.container;

import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;

class ValueTest {
  @Test
  void eachChangedByteIsSeen() {
    byte[] value = Value.of(7);
    assertTrue(Value.is(7, value));
    for (int at = 0; at < value.length; at += 997) {
      value[at]++;
      assertFalse(Value.is(7, value), "byte " + at);
      value[at]--;
    }
  }

  @Test
  void valuesOfOtherKeysAndZerosAreWrong() {
    assertFalse(Value.is(8, Value.of(7)));
    assertFalse(Value.is(7, new byte[Value.BYTES]));
    assertFalse(Value.is(7, new byte[0]));
  }
}
