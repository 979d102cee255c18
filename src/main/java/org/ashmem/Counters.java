// SPDX-License-Identifier: Apache-2.0
package org.ashmem;

import java.util.concurrent.atomic.LongAdder;

/**
 * Counts this process's use of regions. The counters do not include other processes or the kernel.
 * Two {@link AshmemRegion} objects for one region count as two regions. Two mappings of the same
 * bytes count twice.
 *
 * <p>Thread-safe. A read may or may not include a change that another thread makes at the same
 * time.
 */
public final class Counters {
  private static final LongAdder REGIONS = new LongAdder();
  private static final LongAdder MAPPED_BYTES = new LongAdder();

  /** The sum of the sizes, in two parts: the sizes of several regions may exceed a long. */
  private static final LongAdder REGION_GIBIBYTES = new LongAdder();

  private static final LongAdder REGION_REMAINDERS = new LongAdder();
  private static final int GIBIBYTE = 30;

  private static final LongAdder PINS = new LongAdder();
  private static final LongAdder PURGES_FOUND = new LongAdder();
  private static final LongAdder LEAKS = new LongAdder();

  private Counters() {}

  /**
   * Returns the number of open regions.
   *
   * @return the number of regions that were neither closed nor collected yet
   */
  public static long regions() {
    return REGIONS.sum();
  }

  /**
   * Returns the total size of the open regions. This includes memory that is not in use.
   *
   * @return the sum of the sizes in bytes; {@link Long#MAX_VALUE} if it is larger
   */
  public static long regionBytes() {
    long remainders = REGION_REMAINDERS.sum();
    long gibibytes = REGION_GIBIBYTES.sum() + (remainders >> GIBIBYTE);
    return gibibytes >> (Long.SIZE - 1 - GIBIBYTE) > 0
        ? Long.MAX_VALUE
        : (gibibytes << GIBIBYTE) + (remainders & ((1L << GIBIBYTE) - 1));
  }

  /**
   * Returns the total length of the open mappings.
   *
   * @return the sum of the lengths in bytes of the mappings that were neither closed nor collected
   *     yet
   */
  public static long mappedBytes() {
    return MAPPED_BYTES.sum();
  }

  /**
   * Returns the number of calls that pinned a range. Each range of {@link AshmemRegion#pinAll}
   * counts as a call.
   *
   * @return the number of successful calls since the process started
   */
  public static long pins() {
    return PINS.sum();
  }

  /**
   * Returns the number of calls that pinned a range and returned {@link PinResult#WAS_PURGED}. It
   * counts calls, not pages. Each range of {@link AshmemRegion#pinAll} counts as a call.
   *
   * @return the number of such calls since the process started
   */
  public static long purgesFound() {
    return PURGES_FOUND.sum();
  }

  /**
   * Returns the number of regions and mappings that became unreachable before they were closed.
   *
   * @return the number of those that were collected since the process started
   */
  public static long leaks() {
    return LEAKS.sum();
  }

  static void addRegion(long size) {
    REGIONS.increment();
    addSize(size, 1);
  }

  static void removeRegion(long size) {
    REGIONS.decrement();
    addSize(size, -1);
  }

  private static void addSize(long size, int times) {
    REGION_GIBIBYTES.add(times * (size >> GIBIBYTE));
    REGION_REMAINDERS.add(times * (size & ((1L << GIBIBYTE) - 1)));
  }

  static void addMapping(long length) {
    MAPPED_BYTES.add(length);
  }

  static void removeMapping(long length) {
    MAPPED_BYTES.add(-length);
  }

  static void pinned(PinResult result) {
    PINS.increment();
    if (result == PinResult.WAS_PURGED) {
      PURGES_FOUND.increment();
    }
  }

  static void pinned(PinResults results) {
    PINS.add(results.count(word -> word >= 0));
    PURGES_FOUND.add(results.count(word -> word > 0));
  }

  static void leaked() {
    LEAKS.increment();
  }
}
