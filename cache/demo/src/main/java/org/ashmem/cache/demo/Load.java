// SPDX-License-Identifier: Apache-2.0
package org.ashmem.cache.demo;

import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Function;
import java.util.zip.CRC32C;

/**
 * Visitors of the server: a thread that asks for tiles, few of them often and most of them seldom
 * (Zipf's law, exponent 0.99), and looks at each byte that it gets.
 */
final class Load implements AutoCloseable {
  private static final double EXPONENT = 0.99;
  private static final int AT_ONCE = 10;
  private static final long PAUSE_MILLIS = 10;

  private final List<String> keys;
  private final Function<String, byte[]> tiles;

  /** The part of the requests that are for the keys up to an index. */
  private final double[] parts;

  /** The checksum of each tile when it was seen first, or -1. Only the thread uses it. */
  private final long[] sums;

  private final Thread thread = new Thread(this::run, "load");
  private final AtomicLong wrong = new AtomicLong();
  private volatile boolean closed;

  /**
   * Starts the requests.
   *
   * @param keys the keys of all tiles, the one that is wanted most first
   * @param tiles returns the tile of a key
   */
  Load(List<String> keys, Function<String, byte[]> tiles) {
    this.keys = keys;
    this.tiles = tiles;
    this.parts = new double[keys.size()];
    this.sums = new long[keys.size()];
    Arrays.fill(sums, -1);
    double sum = 0;
    for (int i = 0; i < parts.length; i++) {
      sum += 1 / Math.pow(i + 1, EXPONENT);
      parts[i] = sum;
    }
    thread.setDaemon(true);
    thread.start();
  }

  /** Returns how many tiles differed from what they were when they were seen first. */
  long wrong() {
    return wrong.get();
  }

  private void run() {
    Random random = new Random(1);
    CRC32C sum = new CRC32C();
    try {
      while (!closed) {
        for (int i = 0; i < AT_ONCE; i++) {
          double part = random.nextDouble() * parts[parts.length - 1];
          int found = Arrays.binarySearch(parts, part);
          int index = Math.min(found < 0 ? -found - 1 : found, parts.length - 1);
          byte[] tile = tiles.apply(keys.get(index));
          sum.reset();
          sum.update(tile);
          if (sums[index] < 0) {
            sums[index] = sum.getValue();
          } else if (sums[index] != sum.getValue()) {
            wrong.incrementAndGet();
          }
        }
        Thread.sleep(PAUSE_MILLIS);
      }
    } catch (InterruptedException e) {
      // close
    }
  }

  @Override
  public void close() {
    closed = true;
    thread.interrupt();
    try {
      thread.join();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
