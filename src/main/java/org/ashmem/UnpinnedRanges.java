// SPDX-License-Identifier: Apache-2.0
package org.ashmem;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Map;
import java.util.NavigableMap;
import java.util.Objects;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * The unpinned and the purged ranges of a region. On the device the kernel's driver keeps this
 * information. On memfd this class keeps it. The ranges that may be purged are also in a list,
 * oldest first, so that nobody has to look at the others.
 *
 * <p>Not thread-safe. Offsets are in bytes. Ends are exclusive.
 */
final class UnpinnedRanges {
  private final NavigableMap<Long, Range> ranges = new TreeMap<>();

  /** Both ends of the list: the range after it is the oldest one, and the one before the newest. */
  private final Range ends = new Range(0, 0, false, Long.MAX_VALUE);

  UnpinnedRanges() {
    ends.older = ends;
    ends.newer = ends;
  }

  /** An unpinned range. */
  static final class Range {
    final long start;
    private long end;

    /** Whether bytes of the range were purged since it was last pinned. */
    private boolean purged;

    /** The neighbours in the list; null if the range may not be purged. */
    private @Nullable Range older;

    private @Nullable Range newer;

    /** When the range was last unpinned. A lower value is an earlier time. */
    private long age;

    private Range(long start, long end, boolean purged, long age) {
      this.start = start;
      this.end = end;
      this.purged = purged;
      this.age = age;
    }

    long end() {
      return end;
    }

    long length() {
      return end - start;
    }

    long age() {
      return age;
    }

    /** Whether the range may be purged: it was not purged since it was last unpinned. */
    private boolean isPurgeable() {
      return newer != null;
    }

    private void putAfter(Range other) {
      Range next = Objects.requireNonNull(other.newer);
      older = other;
      newer = next;
      other.newer = this;
      next.older = this;
    }

    private void takeOut() {
      if (older != null && newer != null) {
        older.newer = newer;
        newer.older = older;
        older = null;
        newer = null;
      }
    }
  }

  /**
   * Unpins a range. The time must not be earlier than that of any other range. If the heap is full,
   * a part of the range stays pinned, but the record of a purge is never lost.
   */
  void unpin(long start, long end, long now) {
    Map<Long, Range> within = within(start, end);
    within.values().forEach(Range::takeOut);
    within.values().removeIf(range -> !range.purged);
    long at = start;
    for (Range range : new ArrayList<>(within.values())) {
      add(new Range(at, range.start, false, now), newest());
      range.age = now;
      range.putAfter(newest());
      at = range.end;
    }
    add(new Range(at, end, false, now), newest());
  }

  /** Pins a range. Returns whether any byte of it was purged. */
  boolean pin(long start, long end) {
    Map<Long, Range> within = within(start, end);
    boolean purged = false;
    for (Range range : within.values()) {
      purged |= range.purged;
      range.takeOut();
    }
    within.clear();
    return purged;
  }

  /** Returns whether each byte of a range is pinned. */
  boolean isPinned(long start, long end) {
    Map.Entry<Long, Range> last = ranges.lowerEntry(end);
    return last == null || last.getValue().end <= start;
  }

  /** Returns whether any byte was purged and not pinned since. */
  boolean anyPurged() {
    return ranges.values().stream().anyMatch(range -> range.purged);
  }

  /**
   * Counts the bytes of whole pages that are pinned, that are unpinned and not purged since, and
   * that were purged and not pinned since.
   */
  void count(long size, long[] bytes) {
    Arrays.fill(bytes, 0, 3, 0);
    bytes[RegionUsage.PINNED] = pages(size);
    for (Range range : ranges.values()) {
      long length = pages(range.end) - range.start;
      bytes[RegionUsage.PINNED] -= length;
      bytes[RegionUsage.UNPINNED] += range.isPurgeable() ? length : 0;
      bytes[RegionUsage.PURGED] += range.purged ? length : 0;
    }
  }

  /** Returns the bytes of the pages up to an end, which need not be a page boundary. */
  private static long pages(long end) {
    long page = AshmemRegion.pageSize();
    long before = (end - 1) / page * page;
    return before > Long.MAX_VALUE - page ? Long.MAX_VALUE : before + page;
  }

  /** Returns the range that was unpinned first and may be purged; null if there is none. */
  @Nullable Range oldest() {
    return newer(ends);
  }

  /** Returns the next such range in the order in which they were unpinned, by their offsets. */
  @Nullable Range newer(Range range) {
    return range.newer == ends ? null : range.newer;
  }

  private Range newest() {
    return Objects.requireNonNull(ends.older);
  }

  /** Records that one of the ranges is purged, and joins it to a purged range before it. */
  void purged(Range range) {
    range.purged = true;
    range.takeOut();
    Map.Entry<Long, Range> before = ranges.lowerEntry(range.start);
    if (before != null && before.getValue().end == range.start) {
      Range front = before.getValue();
      if (front.purged && !front.isPurgeable()) {
        // The age of a range that may not be purged has no meaning.
        front.end = range.end;
        ranges.remove(range.start);
      }
    }
  }

  /** Returns the ranges within these bounds. Splits ranges at the bounds if needed. */
  private NavigableMap<Long, Range> within(long start, long end) {
    cut(start);
    cut(end);
    return ranges.subMap(start, true, end, false);
  }

  /** Cuts the range that contains this offset. The range object is then the part before it. */
  void cut(long at) {
    Map.Entry<Long, Range> before = ranges.lowerEntry(at);
    if (before == null || before.getValue().end <= at) {
      return;
    }
    Range front = before.getValue();
    Range behind = new Range(at, front.end, front.purged, front.age);
    // The order matters: if add() runs out of heap, the front range is still complete.
    add(behind, front);
    front.end = at;
  }

  /** Adds a range. It may be purged after another one, if that one may be purged. */
  private void add(Range range, Range after) {
    if (range.length() > 0) {
      ranges.put(range.start, range);
      if (after.isPurgeable()) {
        range.putAfter(after);
      }
    }
  }
}
