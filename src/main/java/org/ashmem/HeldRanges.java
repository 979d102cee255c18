// SPDX-License-Identifier: Apache-2.0
package org.ashmem;

import java.util.Arrays;

/**
 * How many open scopes hold each byte of a region.
 *
 * <p>Not thread-safe. Offsets are in bytes. Ends are exclusive. The arrays are kept and grow with
 * the number of scopes, so that opening and closing a scope normally allocates nothing.
 */
final class HeldRanges {
  /** Where the count changes, in ascending order. */
  private long[] starts = new long[4];

  /** {@code counts[i]} scopes hold the bytes from {@code starts[i]} to the next start. */
  private int[] counts = new int[4];

  /** The number of starts in use: at most two for each scope. The last count is 0. */
  private int size;

  private int scopes;

  /** Adds a scope. If the heap is full, nothing changes. */
  void hold(long start, long end) {
    int most = Math.multiplyExact(2, scopes + 1);
    if (most > starts.length) {
      long[] more = Arrays.copyOf(starts, 2 * most);
      counts = Arrays.copyOf(counts, 2 * most);
      starts = more;
    }
    scopes++;
    change(start, end, 1);
  }

  /** Removes a scope that {@link #hold} added. This never allocates. */
  void release(long start, long end) {
    change(start, end, -1);
    scopes--;
  }

  /** Returns the first byte, from {@code from} on, that a scope holds; {@code end} if none. */
  long firstHeld(long from, long end) {
    return first(from, end, true);
  }

  /** Returns the first byte, from {@code from} on, that no scope holds; {@code end} if none. */
  long firstFree(long from, long end) {
    return first(from, end, false);
  }

  private long first(long from, long end, boolean held) {
    int next = indexOf(from);
    if (next == size || starts[next] != from) {
      if (before(next) > 0 == held) {
        return from;
      }
    }
    while (next < size && starts[next] < end) {
      if (counts[next] > 0 == held) {
        return starts[next];
      }
      next++;
    }
    return end;
  }

  private void change(long start, long end, int by) {
    int first = cut(start);
    int last = cut(end);
    for (int i = first; i < last; i++) {
      counts[i] += by;
    }
    // Only at these two places the counts of neighbours can have become equal.
    join(last);
    join(first);
  }

  /** Makes this offset a start. Returns its index. */
  private int cut(long at) {
    int index = indexOf(at);
    if (index == size || starts[index] != at) {
      System.arraycopy(starts, index, starts, index + 1, size - index);
      System.arraycopy(counts, index, counts, index + 1, size - index);
      starts[index] = at;
      counts[index] = before(index);
      size++;
    }
    return index;
  }

  private void join(int index) {
    if (counts[index] == before(index)) {
      size--;
      System.arraycopy(starts, index + 1, starts, index, size - index);
      System.arraycopy(counts, index + 1, counts, index, size - index);
    }
  }

  /** Returns the index of the first start at or after this offset. */
  private int indexOf(long at) {
    int found = Arrays.binarySearch(starts, 0, size, at);
    return found < 0 ? -found - 1 : found;
  }

  private int before(int index) {
    return index == 0 ? 0 : counts[index - 1];
  }
}
