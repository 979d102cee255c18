// SPDX-License-Identifier: Apache-2.0
package org.ashmem.cache;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.List;
import org.ashmem.Backend;
import org.ashmem.PinStatus;
import org.junit.jupiter.api.Test;

/** What a full heap leaves of the pins. */
class RegionStorageTest {
  private static final List<String> OPTIONS =
      List.of("-Xmx8m", "-XX:-UseTLAB", "-Dorg.ashmem.purgeOnPressure=false");

  /** The child. */
  static final class Program {
    private static final int SEGMENT = 1 << 18;
    private static final int RANGE = 64 << 10;
    private static final int OBJECT = 8;
    private static final int MOST_FREE = 4000;
    private static final int ENOUGH = 3;

    private static Object[] chain;

    private Program() {}

    public static void main(String[] arguments) {
      RegionStorage storage = new RegionStorage(Backend.MEMFD, SEGMENT, Log.LEAST_SEGMENTS);
      storage.unpin(0, 0, SEGMENT / storage.pageBytes());
      storage.renew(0, 0, 1);
      int complete = 0;
      int left = 0;
      for (int free = 0; complete < ENOUGH && free < MOST_FREE; free += OBJECT) {
        storage.renew(0, 0, 1);
        byte[][] reserve = new byte[free / OBJECT + 1][];
        for (int i = 0; i < reserve.length; i++) {
          reserve[i] = new byte[OBJECT];
        }
        fill();
        reserve = null;
        complete++;
        try {
          storage.renew(0, 0, 1);
        } catch (OutOfMemoryError e) {
          complete = 0;
        }
        chain = null;
        if (storage.region.pinStatus(0, RANGE) == PinStatus.PINNED) {
          left++;
        }
      }
      System.out.println("left pinned: " + left);
      Runtime.getRuntime().halt(0);
    }

    private static void fill() {
      int length = 1 << 16;
      while (length > 0) {
        try {
          Object[] more = new Object[length];
          more[0] = chain;
          chain = more;
        } catch (OutOfMemoryError e) {
          length /= 2;
        }
      }
    }
  }

  @Test
  void fullHeapLeavesNothingPinned() throws Exception {
    ChildJvm.Result result = ChildJvm.run(ChildJvm.command(OPTIONS, Program.class));
    assertEquals("left pinned: 0", result.output().lines().reduce((a, b) -> b).orElse(""));
  }
}
