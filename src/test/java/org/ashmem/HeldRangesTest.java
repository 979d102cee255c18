// SPDX-License-Identifier: Apache-2.0
package org.ashmem;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.sun.management.ThreadMXBean;
import java.lang.management.ManagementFactory;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Compares the counts of scopes with a model that has the count of each byte. */
class HeldRangesTest {
  private static final int SIZE = 40;

  private final HeldRanges held = new HeldRanges();
  private final int[] model = new int[SIZE];

  @ParameterizedTest
  @ValueSource(longs = {1, 2, 3})
  void agreesWithTheModel(long seed) {
    Random random = new Random(seed);
    List<int[]> open = new ArrayList<>();
    for (int step = 0; step < 50_000; step++) {
      if (!open.isEmpty() && random.nextInt(20) < open.size()) {
        int[] scope = open.remove(random.nextInt(open.size()));
        held.release(scope[0], scope[1]);
        count(scope, -1);
      } else {
        int start = random.nextInt(SIZE);
        int[] scope = {start, start + 1 + random.nextInt(SIZE - start)};
        held.hold(scope[0], scope[1]);
        count(scope, 1);
        open.add(scope);
      }
      int from = random.nextInt(SIZE);
      int end = from + random.nextInt(SIZE + 1 - from);
      assertEquals(first(from, end, true), held.firstHeld(from, end), "step " + step);
      assertEquals(first(from, end, false), held.firstFree(from, end), "step " + step);
    }
  }

  private void count(int[] scope, int by) {
    for (int i = scope[0]; i < scope[1]; i++) {
      model[i] += by;
    }
  }

  private int first(int from, int end, boolean wanted) {
    int at = from;
    while (at < end && model[at] > 0 != wanted) {
      at++;
    }
    return at;
  }

  @Test
  void scopesThatComeAndGoAllocateNothing() {
    ThreadMXBean thread = (ThreadMXBean) ManagementFactory.getThreadMXBean();
    held.hold(0, 10);
    long before = thread.getCurrentThreadAllocatedBytes();
    for (int i = 0; i < 10_000; i++) {
      held.hold(5, 20);
      held.release(5, 20);
    }
    long allocated = thread.getCurrentThreadAllocatedBytes() - before;
    assertTrue(allocated < 1000, "10000 scopes allocated " + allocated + " bytes");
  }
}
