// SPDX-License-Identifier: Apache-2.0
package org.ashmem;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.BitSet;
import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** Lazy memory of four times the limit of its cgroup. */
@Tag("device")
class LazyMemoryIT {
  private static final int PAGE = (int) AshmemRegion.pageSize();
  private static final int MIB = 1 << 20;
  private static final int SIZE = 256 * MIB;
  private static final int VALUE = 1 << 16;
  private static final int WORDS = PAGE / Long.BYTES;
  private static final long LIMIT = 64L * MIB;

  /** The bit that a pin sets in the first word of a page. The word is not zero before. */
  private static final long PINNED = 1L << 62;

  private static final VarHandle LONGS =
      MethodHandles.byteBufferViewVarHandle(long[].class, ByteOrder.nativeOrder());

  /** Fills the memory value by value, unpins each if it is told to, and looks at every page. */
  static final class Values {
    private Values() {}

    public static void main(String[] arguments) {
      boolean unpins = Boolean.parseBoolean(arguments[0]);
      try (LazyMemory memory = LazyMemory.create(SIZE)) {
        ByteBuffer bytes = memory.buffer().order(ByteOrder.nativeOrder());
        fill(memory, bytes, new BitSet(), unpins);
        BitSet pinned = new BitSet();
        int wrong = 0;
        // From the newest page on, some are still there. At most an eighth of the limit is pinned.
        for (int page = SIZE / PAGE - 1; page >= 0; page--) {
          long word = word(page, 0);
          if (pinned.cardinality() < LIMIT / 8 / PAGE
              && LONGS.compareAndSet(bytes, page * PAGE, word, word | PINNED)) {
            pinned.set(page);
          }
          wrong += isWrong(bytes, page) ? 1 : 0;
        }
        System.out.println(pinned.isEmpty() ? "none was left to pin" : "some are pinned");

        // The pinned pages stay, whatever the others need.
        fill(memory, bytes, pinned, unpins);
        int taken = 0;
        for (int page = 0; page < SIZE / PAGE; page++) {
          boolean isZero = (long) LONGS.get(bytes, page * PAGE) == 0;
          wrong += isWrong(bytes, page) || (isZero && pinned.get(page)) ? 1 : 0;
          taken += isZero ? 1 : 0;
        }
        boolean some = taken > 0 && taken < SIZE / PAGE;
        System.out.println(some ? "some were taken" : taken + " were taken");
        System.out.println(wrong + " are wrong");
      }
    }

    private static long word(int page, int at) {
      return (page + 1L) * 1_000_003 + at;
    }

    private static void fill(LazyMemory memory, ByteBuffer bytes, BitSet pinned, boolean unpins) {
      int pages = VALUE / PAGE;
      for (int value = 0; value < SIZE / VALUE; value++) {
        int first = value * pages;
        if (pinned.nextSetBit(first) >= first && pinned.nextSetBit(first) < first + pages) {
          continue;
        }
        for (int page = first; page < first + pages; page++) {
          for (int at = 0; at < WORDS; at++) {
            bytes.putLong(page * PAGE + at * Long.BYTES, word(page, at));
          }
        }
        if (unpins) {
          memory.unpin(first * (long) PAGE, VALUE);
        }
      }
    }

    /** Returns whether a page is neither intact nor zeros. */
    private static boolean isWrong(ByteBuffer bytes, int page) {
      long first = bytes.getLong(page * PAGE);
      for (int at = 1; at < WORDS; at++) {
        if (bytes.getLong(page * PAGE + at * Long.BYTES) != (first == 0 ? 0 : word(page, at))) {
          // It may have been taken after the first word was read.
          return bytes.getLong(page * PAGE) != 0 || !isZero(bytes, page);
        }
      }
      return first != 0 && (first & ~PINNED) != word(page, 0);
    }

    private static boolean isZero(ByteBuffer bytes, int page) {
      ByteBuffer zeros = ByteBuffer.allocate(PAGE);
      return bytes.slice(page * PAGE, PAGE).equals(zeros);
    }
  }

  @Test
  void processOutlivesItsLimit() throws Exception {
    assertEquals(
        new ChildJvm.Result(0, "some are pinned\nsome were taken\n0 are wrong\n"), run(true));
  }

  @Test
  void processThatUnpinsNothingIsKilled() throws Exception {
    assertEquals(new ChildJvm.Result(128 + 9, ""), run(false));
  }

  private static ChildJvm.Result run(boolean unpins) throws Exception {
    try (LimitedGroup group = new LimitedGroup("ashmem-lazy", LIMIT)) {
      return group.run(
          ChildJvm.command(List.of("-Xmx16m"), Values.class, Boolean.toString(unpins)));
    }
  }
}
