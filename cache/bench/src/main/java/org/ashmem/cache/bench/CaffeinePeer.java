// SPDX-License-Identifier: Apache-2.0
package org.ashmem.cache.bench;

import com.github.benmanes.caffeine.cache.Cache;
import com.github.benmanes.caffeine.cache.Caffeine;
import org.jspecify.annotations.Nullable;

/** Caffeine, whose values lie on the heap. It copies them only because this class does. */
final class CaffeinePeer implements Peer {
  private final Cache<Long, byte[]> cache;
  private final boolean copies;

  private CaffeinePeer(Cache<Long, byte[]> cache, boolean copies) {
    this.cache = cache;
    this.copies = copies;
  }

  static CaffeinePeer bounded(long bytes, boolean copies) {
    return new CaffeinePeer(
        Caffeine.newBuilder()
            .maximumWeight(bytes)
            .weigher((Long key, byte[] value) -> value.length)
            .build(),
        copies);
  }

  /** Holds as much as the collector of the heap leaves. */
  static CaffeinePeer soft() {
    return new CaffeinePeer(Caffeine.newBuilder().softValues().build(), false);
  }

  @Override
  public void put(long key, byte[] value) {
    cache.put(key, copies ? value.clone() : value);
  }

  @Override
  public byte @Nullable [] get(long key) {
    byte[] value = cache.getIfPresent(key);
    return value == null || !copies ? value : value.clone();
  }

  @Override
  public void close() {
    cache.invalidateAll();
    cache.cleanUp();
  }
}
