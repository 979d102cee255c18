// SPDX-License-Identifier: Apache-2.0
package org.ashmem.example;

import java.nio.LongBuffer;

/**
 * Content that a program can create again and check. All words of 8 bytes differ, and no word is
 * zero. Therefore a check detects a page that was lost or that is in the wrong place.
 */
public final class Pattern {
  /** An odd factor: multiplication maps different words to different words, and only 0 to 0. */
  private static final long FACTOR = 0x9e3779b97f4a7c15L;

  private Pattern() {}

  /**
   * Returns a part of the pattern.
   *
   * @param firstWord the index of the first word, at least 0
   * @param words the number of words
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
   * Fills a buffer with the pattern.
   *
   * @param firstWord the index of the buffer's first word
   */
  public static void fill(LongBuffer buffer, long firstWord) {
    buffer.duplicate().put(words(firstWord, buffer.remaining()));
  }

  /**
   * Compares a whole buffer with the pattern.
   *
   * @param firstWord the index of the buffer's first word
   * @return the position of the first word that differs, or -1
   */
  public static int mismatch(LongBuffer buffer, long firstWord) {
    return buffer.mismatch(LongBuffer.wrap(words(firstWord, buffer.remaining())));
  }
}
