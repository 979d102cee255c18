// SPDX-License-Identifier: Apache-2.0
package org.ashmem.cache;

/**
 * Is told of each entry that left the cache. The value is not part of it: its memory may be gone.
 *
 * <p>The listener is called by the thread that removed the entry, after the entry is gone, and
 * holds no lock of the cache. It may use the cache. What it throws is logged and otherwise ignored.
 * A purge is noticed when the entry is asked for, or when its memory is used again.
 *
 * @param <K> the type of keys
 */
@FunctionalInterface
public interface RemovalListener<K> {
  /**
   * Is called after an entry was removed.
   *
   * @param key the key
   * @param cause why it was removed
   */
  void onRemoval(K key, RemovalCause cause);
}
