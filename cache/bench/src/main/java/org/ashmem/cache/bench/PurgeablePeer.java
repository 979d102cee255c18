// SPDX-License-Identifier: Apache-2.0
package org.ashmem.cache.bench;

import org.ashmem.cache.Codec;
import org.ashmem.cache.PurgeableCache;
import org.ashmem.cache.Store;
import org.jspecify.annotations.Nullable;

/** The cache of this project. */
final class PurgeablePeer implements Peer {
  private final PurgeableCache<Long, byte[]> cache;

  PurgeablePeer(Store store, long bytes) {
    cache =
        PurgeableCache.<Long, byte[]>builder(Codec.bytes())
            .store(store)
            .maximumBytes(bytes)
            .build();
  }

  @Override
  public void put(long key, byte[] value) {
    cache.put(key, value);
  }

  @Override
  public byte @Nullable [] get(long key) {
    return cache.getIfPresent(key);
  }

  @Override
  public void close() {
    cache.close();
  }
}
