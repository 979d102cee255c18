// SPDX-License-Identifier: Apache-2.0
package org.ashmem.cache;

/** Why an entry left the cache. */
public enum RemovalCause {
  /** The kernel, or {@link PurgeableCache#discard}, took memory of the value. */
  PURGED,
  /**
   * The cache reached its maximum, or the value is longer than {@link PurgeableCache#longestValue}.
   */
  SIZE,
  /** The entry was as old as the builder allows. */
  EXPIRED,
  /** The program invalidated it. */
  EXPLICIT,
  /** The program put another value for the key. */
  REPLACED
}
