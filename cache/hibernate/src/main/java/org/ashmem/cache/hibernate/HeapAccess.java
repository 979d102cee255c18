// SPDX-License-Identifier: Apache-2.0
package org.ashmem.cache.hibernate;

import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.hibernate.cache.spi.support.StorageAccess;
import org.hibernate.engine.spi.SharedSessionContractImplementor;
import org.jspecify.annotations.Nullable;

/**
 * When each table was last changed: a query result that is older is not used. Hibernate takes a
 * table that is not there for one that never changed, so nothing may be lost. Thread-safe.
 */
final class HeapAccess implements StorageAccess {
  private final Map<Object, Object> entries = new ConcurrentHashMap<>();

  @Override
  public @Nullable Object getFromCache(Object key, SharedSessionContractImplementor session) {
    return entries.get(key);
  }

  @Override
  public void putIntoCache(Object key, Object value, SharedSessionContractImplementor session) {
    entries.put(key, value);
  }

  @Override
  public boolean contains(Object key) {
    return entries.containsKey(key);
  }

  @Override
  public void evictData() {
    entries.clear();
  }

  @Override
  public void evictData(Object key) {
    entries.remove(key);
  }

  @Override
  public void release() {
    entries.clear();
  }
}
