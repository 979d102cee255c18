// SPDX-License-Identifier: Apache-2.0
package org.ashmem;

import java.util.concurrent.atomic.LongAdder;

/**
 * What this process did with regions, in numbers; the kernel and other processes have no part in
 * them. Two {@link AshmemRegion}s of one region are two here, and two mappings of the same bytes
 * count twice.
 *
 * <p>Safe for use by many threads. A number that is read while another thread changes it may or may
 * not have the change.
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
   * Returns how many regions are open.
   *
   * @return the number of regions that were neither closed nor collected yet
   */
  public static long regions() {
    return REGIONS.sum();
  }

  /**
   * Returns how large the open regions are, whether their memory is in use or not.
   *
   * @return the sum of their sizes in bytes
   */
  public static long regionBytes() {
    return REGION_BYTES.sum();
  }

  /**
   * Returns how much is mapped.
   *
   * @return the sum of the lengths in bytes of the mappings that were neither closed nor collected
   *     yet
   */
  public static long mappedBytes() {
    return MAPPED_BYTES.sum();
  }

  /**
   * Returns how often a range was pinned.
   *
   * @return the number of calls that the kernel did not refuse, since the process began
   */
  public static long pins() {
    return PINS.sum();
  }

  /**
   * Returns how often pinning found that a page was purged: the number of {@link
   * PinResult#WAS_PURGED}, not of pages.
   *
   * @return the number of such calls since the process began
   */
  public static long purgesFound() {
    return PURGES_FOUND.sum();
  }

  /**
   * Returns how many regions and mappings were not closed before they became unreachable.
   *
   * @return the number of those that were collected since the process began
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
