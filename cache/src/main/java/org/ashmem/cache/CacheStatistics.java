// SPDX-License-Identifier: Apache-2.0
package org.ashmem.cache;

/**
 * Counts of a cache since it was built, and its entries. The counts are not of one moment: other
 * threads may use the cache meanwhile.
 *
 * @param hits lookups that returned a value
 * @param misses lookups that returned none, also those that then loaded one
 * @param purged entries that were lost because their memory was taken back
 * @param evicted entries that were removed because the cache reached its maximum
 * @param expired entries that were removed because of their age
 * @param kept values that were moved because they were read, when their memory was used again
 * @param loads values that loaders returned
 * @param failedLoads loaders that threw
 * @param entries entries that the cache has now, also those that are purged but not asked for yet
 * @param bytes bytes of their values
 */
public record CacheStatistics(
    long hits,
    long misses,
    long purged,
    long evicted,
    long expired,
    long kept,
    long loads,
    long failedLoads,
    long entries,
    long bytes) {
  /**
   * Returns the part of the lookups that returned a value.
   *
   * @return from 0 to 1; 1 if there was no lookup
   */
  public double hitRate() {
    long lookups = hits + misses;
    return lookups == 0 ? 1 : (double) hits / lookups;
  }
}
