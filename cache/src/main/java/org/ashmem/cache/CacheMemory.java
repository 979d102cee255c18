// SPDX-License-Identifier: Apache-2.0
package org.ashmem.cache;

/**
 * The memory of a cache's values.
 *
 * @param residentBytes what is in memory now, in bytes of whole pages
 * @param givenBackBytes what held values and was taken back, in bytes of whole pages; it counts
 *     until the cache uses it again
 */
public record CacheMemory(long residentBytes, long givenBackBytes) {}
