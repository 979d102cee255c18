// SPDX-License-Identifier: Apache-2.0
package org.ashmem;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.NavigableMap;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * Which bytes of a region are not pinned, and which were purged: what the driver in the kernel
 * keeps for a region, for memory whose kernel keeps nothing.
 *
 * <p>Not safe for use by many threads. Offsets are in bytes; ends are exclusive.
 */
final class UnpinnedRanges {
  private final NavigableMap<Long, Range> ranges = new TreeMap<>();

  /** A range that is not pinned. */
  static final class Range {
    final long start;
    private long end;

    /** Its bytes were purged since it was last pinned. */
    private boolean purged;

    /** It may be purged: it was unpinned after that. */
    private boolean purgeable = true;

    /** When it was unpinned: less is longer ago. */
    private long age;

    private Range(long start, long end, boolean purged, long age) {
      this.start = start;
      this.end = end;
      this.purged = purged;
      this.age = age;
    }

    long length() {
      return end - start;
    }

    long age() {
      return age;
    }
  }

  /**
   * Unpins a range at a time that is not before any other's. If the heap has no room for that, a
   * part of it stays pinned; what was purged is never forgotten.
   */
  void unpin(long start, long end, long now) {
    Map<Long, Range> within = within(start, end);
    within.values().removeIf(range -> !range.purged);
    long at = start;
    for (Range range : new ArrayList<>(within.values())) {
      range.purgeable = true;
      range.age = now;
      add(new Range(at, range.start, false, now));
      at = range.end;
    }
    add(new Range(at, end, false, now));
  }

  /** Pins a range and tells whether any byte of it was purged. */
  boolean pin(long start, long end) {
    Map<Long, Range> within = within(start, end);
    boolean purged = false;
    for (Range range : within.values()) {
      purged |= range.purged;
    }
    within.clear();
    return purged;
  }

  /** Tells whether each byte of a range is pinned. */
  boolean isPinned(long start, long end) {
    Map.Entry<Long, Range> last = ranges.lowerEntry(end);
    return last == null || last.getValue().end <= start;
  }

  /** Tells whether any byte was purged that was not pinned since. */
  boolean anyPurged() {
    return ranges.values().stream().anyMatch(range -> range.purged);
  }

  /** What may be purged, in no particular order. */
  List<Range> purgeable() {
    List<Range> purgeable = new ArrayList<>();
    for (Range range : ranges.values()) {
      if (range.purgeable) {
        purgeable.add(range);
      }
    }
    return purgeable;
  }

  /** What may be purged and begins there, or null. */
  @Nullable Range startingAt(long start) {
    Range range = ranges.get(start);
    return range != null && range.purgeable ? range : null;
  }

  /** Notes that one of the ranges is purged. */
  void purged(Range range) {
    range.purged = true;
    range.purgeable = false;
  }

  /** The ranges inside of these bounds, cut there if need be. */
  private NavigableMap<Long, Range> within(long start, long end) {
    cut(start);
    cut(end);
    return ranges.subMap(start, true, end, false);
  }

  private void cut(long at) {
    Map.Entry<Long, Range> before = ranges.lowerEntry(at);
    if (before == null || before.getValue().end <= at) {
      return;
    }
    Range front = before.getValue();
    Range behind = new Range(at, front.end, front.purged, front.age);
    behind.purgeable = front.purgeable;
    // In this order: if the heap has no room for the one, the other is still whole.
    add(behind);
    front.end = at;
  }

  private void add(Range range) {
    if (range.length() > 0) {
      ranges.put(range.start, range);
    }
  }
}
