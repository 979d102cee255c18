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
  private static final LongAdder REGION_BYTES = new LongAdder();
  private static final LongAdder MAPPED_BYTES = new LongAdder();
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
   * @return the sum of the sizes in bytes
   */
  public static long regionBytes() {
    return REGION_BYTES.sum();
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
   * Returns the number of calls that pinned a range.
   *
   * @return the number of successful calls since the process started
   */
  public static long pins() {
    return PINS.sum();
  }

  /**
   * Returns the number of calls that pinned a range and returned {@link PinResult#WAS_PURGED}. It
   * counts calls, not pages.
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
    REGION_BYTES.add(size);
  }

  static void removeRegion(long size) {
    REGIONS.decrement();
    REGION_BYTES.add(-size);
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

  static void leaked() {
    LEAKS.increment();
  }
}
