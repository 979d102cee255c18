// SPDX-License-Identifier: Apache-2.0
package org.ashmem.cache.jcache;

import javax.cache.Cache;

/** An entry that does not change. */
record Pair<K, V>(K key, V value) implements Cache.Entry<K, V> {
  @Override
  public K getKey() {
    return key;
  }

  @Override
  public V getValue() {
    return value;
  }

  @Override
  public <T> T unwrap(Class<T> type) {
    return Unwrapping.unwrap(type, this);
  }
}
