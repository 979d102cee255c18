// SPDX-License-Identifier: Apache-2.0
package org.ashmem.example;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.LongBuffer;
import java.util.Arrays;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class PatternTest {
  private static final int WORDS = 1024;

  private final ByteBuffer bytes =
      ByteBuffer.allocateDirect(WORDS * Long.BYTES).order(ByteOrder.nativeOrder());
  private final LongBuffer buffer = bytes.asLongBuffer();

  @Test
  void whatIsFilledIsFound() {
    Pattern.fill(buffer, 5000);
    assertEquals(0, buffer.position());
    assertEquals(-1, Pattern.mismatch(buffer, 5000));
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 7, 8, 4095, 4096, WORDS * Long.BYTES - 1})
  void oneWrongByteIsFound(int index) {
    Pattern.fill(buffer, 5000);
    bytes.put(index, (byte) ~bytes.get(index));
    assertEquals(index / Long.BYTES, Pattern.mismatch(buffer, 5000));
  }

  @Test
  void zerosAreFound() {
    assertEquals(0, Pattern.mismatch(buffer, 0));
  }

  @Test
  void contentOfAnotherPlaceIsFound() {
    Pattern.fill(buffer, 0);
    assertEquals(0, Pattern.mismatch(buffer, WORDS));
  }

  @Test
  void wordsAreDifferentAndNotZero() {
    long[] words = Pattern.words(0, 1 << 16);
    assertArrayEquals(Arrays.copyOfRange(words, 100, 200), Pattern.words(100, 100));
    assertTrue(Arrays.stream(words).noneMatch(word -> word == 0));
    assertEquals(words.length, Arrays.stream(words).distinct().count());
  }
}
