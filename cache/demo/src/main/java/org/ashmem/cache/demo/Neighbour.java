// SPDX-License-Identifier: Apache-2.0
package org.ashmem.cache.demo;

import java.lang.ref.Reference;
import java.nio.ByteBuffer;

/** A process that needs memory now and then: it takes it, holds it and frees it. */
final class Neighbour {
  private static final long PAUSE_MILLIS = 4000;

  private Neighbour() {}

  /**
   * Runs until its standard input ends. Writes to the standard output in how many milliseconds it
   * got the memory, each time.
   *
   * @param arguments the bytes to take
   */
  public static void main(String[] arguments) throws InterruptedException {
    Sibling.endWithTheParent();
    int bytes = Integer.parseInt(arguments[0]);
    for (; ; ) {
      hold(bytes);
      System.gc();
      Thread.sleep(PAUSE_MILLIS);
    }
  }

  private static void hold(int bytes) throws InterruptedException {
    long began = System.nanoTime();
    // Java writes zeros to all of it.
    ByteBuffer memory = ByteBuffer.allocateDirect(bytes);
    try {
      System.out.println((System.nanoTime() - began) / 1_000_000);
      Thread.sleep(PAUSE_MILLIS);
    } finally {
      Reference.reachabilityFence(memory);
    }
  }
}
