// SPDX-License-Identifier: Apache-2.0
package org.ashmem.example;

import java.nio.LongBuffer;

/**
 * Content that can be made again and checked: no two words of 8 bytes are equal, none is zero, so a
 * page that was lost, or stands in another's place, is seen.
 */
public final class Pattern {
  /** Odd: multiplying by it maps different words to different words, and only 0 to 0. */
  private static final long FACTOR = 0x9e3779b97f4a7c15L;

  private Pattern() {}

  /**
   * Returns the pattern from a word on.
   *
   * @param firstWord the index of the first word, from 0
   * @param words how many words
   * @return the words
   */
  public static long[] words(long firstWord, int words) {
    long[] content = new long[words];
    for (int i = 0; i < words; i++) {
      content[i] = (firstWord + i + 1) * FACTOR;
    }
    return content;
  }

  /**
   * Writes the pattern to all of a buffer.
   *
   * @param firstWord the index of the buffer's first word
   */
  public static void fill(LongBuffer buffer, long firstWord) {
    buffer.duplicate().put(words(firstWord, buffer.remaining()));
  }

  /**
   * Compares all of a buffer with the pattern.
   *
   * @param firstWord the index of the buffer's first word
   * @return the position of the first word that differs, or -1
   */
  public static int mismatch(LongBuffer buffer, long firstWord) {
    return buffer.mismatch(LongBuffer.wrap(words(firstWord, buffer.remaining())));
  }
}
