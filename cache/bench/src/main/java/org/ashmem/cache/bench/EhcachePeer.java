// SPDX-License-Identifier: Apache-2.0
package org.ashmem.cache.bench;

import org.ehcache.Cache;
import org.ehcache.CacheManager;
import org.ehcache.config.builders.CacheConfigurationBuilder;
import org.ehcache.config.builders.CacheManagerBuilder;
import org.ehcache.config.builders.ResourcePoolsBuilder;
import org.ehcache.config.units.MemoryUnit;
import org.jspecify.annotations.Nullable;

/** Ehcache, off the heap alone. A tier on the heap would hand out arrays that it shares. */
final class EhcachePeer implements Peer {
  private final CacheManager manager;
  private final Cache<Long, byte[]> cache;

  EhcachePeer(long bytes) {
    CacheConfigurationBuilder<Long, byte[]> configuration =
        CacheConfigurationBuilder.newCacheConfigurationBuilder(
            Long.class,
            byte[].class,
            ResourcePoolsBuilder.newResourcePoolsBuilder().offheap(bytes, MemoryUnit.B));
    manager =
        CacheManagerBuilder.newCacheManagerBuilder().withCache("values", configuration).build(true);
    cache = manager.getCache("values", Long.class, byte[].class);
  }

  @Override
  public void put(long key, byte[] value) {
    cache.put(key, value);
  }

  @Override
  public byte @Nullable [] get(long key) {
    return cache.get(key);
  }

  @Override
  public void close() {
    manager.close();
  }
}
