// SPDX-License-Identifier: Apache-2.0
package org.ashmem;

import java.io.Serial;
import java.io.Serializable;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.function.LongPredicate;

/**
 * What happened to the pages of many ranges while they were unpinned: the result of {@link
 * AshmemRegion#pinAll}, one for each range, in the order of the ranges.
 *
 * <p>Immutable, and therefore thread-safe.
 */
public final class PinResults implements Serializable {
  @Serial private static final long serialVersionUID = 1;

  /** The elements of {@link #words} for each range: offset, length to request, and result. */
  static final int WORDS = 3;

  /** The ranges as the caller named them. */
  private final PinRange[] ranges;

  /** What {@link Driver#pinMany} takes. Allocated before the call: a purge is reported once. */
  private final long[] words;

  /** Checks the ranges. {@link Driver#pinMany} writes the results. */
  PinResults(PinRange[] ranges, long size, long pageSize) {
    this.ranges = ranges.clone();
    this.words = new long[WORDS * ranges.length];
    for (int i = 0; i < this.ranges.length; i++) {
      PinRange range = this.ranges[i];
      words[WORDS * i] = range.offset();
      words[WORDS * i + 1] = PinRange.length(range.offset(), range.length(), size, pageSize);
    }
  }

  long[] words() {
    return words;
  }

  /**
   * Returns the number of ranges.
   *
   * @return the number of results, at least 0
   */
  public int count() {
    return ranges.length;
  }

  /**
   * Returns the result of one range.
   *
   * @param index the index of the range in the call, from 0
   * @return whether every byte of the range is intact
   * @throws IndexOutOfBoundsException if there was no such range
   * @throws IllegalStateException if the kernel refused to pin the range: see {@link #refused}
   */
  public PinResult result(int index) {
    long word = word(Objects.checkIndex(index, ranges.length));
    if (word < 0) {
      throw new IllegalStateException(
          ranges[index] + " was not pinned: " + Errno.name((int) -word));
    }
    return PinResult.of((int) word);
  }

  /**
   * Returns whether any page of any range was purged.
   *
   * @return false if every byte of every range that is pinned is intact
   */
  public boolean wasPurged() {
    return count(word -> word > 0) > 0;
  }

  /**
   * Returns the ranges of which at least one page was purged, in the order of the call. A purge is
   * reported once: if ranges overlap, the first of them reports it.
   *
   * @return the ranges to fill again, in a list that cannot be modified
   */
  public List<PinRange> purged() {
    return ranges(word -> word > 0);
  }

  /**
   * Returns the ranges that the kernel refused to pin. They are as before the call.
   *
   * @return an empty list, unless the results are those of {@link AshmemException.PartlyPinned}
   */
  public List<PinRange> refused() {
    return ranges(word -> word < 0);
  }

  /** Returns the number of results that fit. */
  int count(LongPredicate wanted) {
    int found = 0;
    for (int i = 0; i < ranges.length; i++) {
      if (wanted.test(word(i))) {
        found++;
      }
    }
    return found;
  }

  /** Returns the negated errno of the first range that was refused, or 0. */
  int error() {
    for (int i = 0; i < ranges.length; i++) {
      if (word(i) < 0) {
        return (int) word(i);
      }
    }
    return 0;
  }

  private List<PinRange> ranges(LongPredicate wanted) {
    List<PinRange> found = new ArrayList<>();
    for (int i = 0; i < ranges.length; i++) {
      if (wanted.test(word(i))) {
        found.add(ranges[i]);
      }
    }
    return List.copyOf(found);
  }

  private long word(int index) {
    return words[WORDS * index + 2];
  }

  @Override
  public String toString() {
    return count() + " ranges, " + purged().size() + " purged, " + refused().size() + " refused";
  }
}
