// SPDX-License-Identifier: Apache-2.0
package org.ashmem;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Compares the ranges with a model that has the state of each byte. */
class UnpinnedRangesTest {
  private static final int SIZE = 60;
  private static final int STEPS = 200_000;

  /** The oldest first, and ranges of one unpin by their offsets. */
  private static final Comparator<UnpinnedRanges.Range> BY_AGE =
      Comparator.<UnpinnedRanges.Range>comparingLong(range -> range.age())
          .thenComparingLong(range -> range.start);

  private final UnpinnedRanges ranges = new UnpinnedRanges();

  /** The state of each byte in the model. The age of a pinned byte is -1. */
  private final long[] age = new long[SIZE];

  private final boolean[] purged = new boolean[SIZE];
  private final boolean[] purgeable = new boolean[SIZE];

  @ParameterizedTest
  @ValueSource(longs = {1, 2, 3, 4})
  void agreesWithTheModel(long seed) {
    Random random = new Random(seed);
    Arrays.fill(age, -1);
    for (int step = 1; step <= STEPS; step++) {
      int start = random.nextInt(SIZE);
      int end = start + 1 + random.nextInt(SIZE - start);
      switch (random.nextInt(4)) {
        case 0 -> {
          ranges.unpin(start, end, step);
          for (int i = start; i < end; i++) {
            age[i] = step;
            purgeable[i] = true;
          }
        }
        case 1 -> assertEquals(pin(start, end), ranges.pin(start, end), "step " + step);
        case 2 -> assertEquals(isPinned(start, end), ranges.isPinned(start, end), "step " + step);
        default -> purgeOne(random);
      }
      assertEquals(candidates(), purgeable().stream().mapToLong(r -> r.length()).sum());
      assertEquals(purgeable().stream().sorted(BY_AGE).toList(), purgeable());
    }
  }

  private boolean pin(int start, int end) {
    boolean found = false;
    for (int i = start; i < end; i++) {
      found |= purged[i];
      purged[i] = false;
      purgeable[i] = false;
      age[i] = -1;
    }
    return found;
  }

  private boolean isPinned(int start, int end) {
    for (int i = start; i < end; i++) {
      if (age[i] >= 0) {
        return false;
      }
    }
    return true;
  }

  private long candidates() {
    long count = 0;
    for (boolean each : purgeable) {
      count += each ? 1 : 0;
    }
    return count;
  }

  private void purgeOne(Random random) {
    List<UnpinnedRanges.Range> all = purgeable();
    if (all.isEmpty()) {
      return;
    }
    UnpinnedRanges.Range range = all.get(random.nextInt(all.size()));
    if (random.nextBoolean()) {
      ranges.cut(range.start + 1 + random.nextInt((int) range.length()));
    }
    for (long i = range.start; i < range.start + range.length(); i++) {
      assertTrue(purgeable[(int) i]);
      assertEquals(age[(int) i], range.age());
      purged[(int) i] = true;
      purgeable[(int) i] = false;
    }
    ranges.purged(range);
  }

  @Test
  void whatWasPurgedIsFoundUntilItIsPinned() {
    ranges.unpin(10, 30, 1);
    UnpinnedRanges.Range range = ranges.oldest();
    assertNotNull(range);
    ranges.purged(range);
    assertNull(ranges.oldest());
    ranges.unpin(20, 40, 2);
    assertEquals(List.of(20L, 30L), starts());
    assertFalse(ranges.pin(30, 40));
    assertTrue(ranges.pin(29, 30));
    assertFalse(ranges.pin(29, 30));
    assertTrue(ranges.pin(0, 60));
    assertFalse(ranges.pin(0, 60));
    assertTrue(ranges.isPinned(0, 60));
  }

  @Test
  void purgedPiecesAreOneRangeAgain() {
    ranges.unpin(10, 40, 1);
    for (long at = 10; at < 40; at += 10) {
      ranges.cut(at + 10);
      UnpinnedRanges.Range piece = ranges.oldest();
      assertNotNull(piece);
      assertEquals(at, piece.start);
      assertEquals(10, piece.length());
      ranges.purged(piece);
    }
    ranges.unpin(0, 60, 2);
    assertEquals(List.of(0L, 10L, 40L), starts());
  }

  private List<Long> starts() {
    List<Long> starts = new ArrayList<>();
    purgeable().forEach(range -> starts.add(range.start));
    return starts;
  }

  private List<UnpinnedRanges.Range> purgeable() {
    List<UnpinnedRanges.Range> purgeable = new ArrayList<>();
    UnpinnedRanges.Range range = ranges.oldest();
    while (range != null) {
      purgeable.add(range);
      range = ranges.newer(range);
    }
    return purgeable;
  }
}
