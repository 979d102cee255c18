// SPDX-License-Identifier: Apache-2.0
package org.ashmem;

import java.util.concurrent.CountDownLatch;

/** Waits for conditions, without a limit: the timeout of the test interrupts an endless wait. */
public final class Await {
  /** A condition that may need to read files. */
  @FunctionalInterface
  public interface Condition {
    boolean holds() throws Exception;
  }

  private Await() {}

  /** Returns when the condition holds. */
  public static void until(Condition condition) throws Exception {
    while (!condition.holds()) {
      Thread.sleep(10);
    }
  }

  /** Collects garbage until the condition holds. */
  public static void collection(Condition condition) throws Exception {
    // The pauses grow, because on a slow machine a collection leaves the cleaner little time.
    for (long pause = 10; !condition.holds(); pause = Math.min(2 * pause, 1000)) {
      System.gc();
      Thread.sleep(pause);
    }
  }

  /** Collects garbage until the library's cleaner has freed all that was unreachable before. */
  public static void cleaner() throws Exception {
    // The cleaner has no order: it may free an object after the witness of the first round.
    for (int round = 0; round < 3; round++) {
      CountDownLatch freed = new CountDownLatch(1);
      AshmemRegion.CLEANER.register(new Object(), freed::countDown);
      collection(() -> freed.getCount() == 0);
    }
  }
}
