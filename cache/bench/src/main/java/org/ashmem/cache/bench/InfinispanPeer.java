// SPDX-License-Identifier: Apache-2.0
package org.ashmem.cache.bench;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;
import org.infinispan.AdvancedCache;
import org.infinispan.commons.dataconversion.MediaType;
import org.infinispan.configuration.cache.Configuration;
import org.infinispan.configuration.cache.ConfigurationBuilder;
import org.infinispan.configuration.cache.StorageType;
import org.infinispan.configuration.global.GlobalConfigurationBuilder;
import org.infinispan.context.Flag;
import org.infinispan.eviction.EvictionStrategy;
import org.infinispan.manager.DefaultCacheManager;
import org.jspecify.annotations.Nullable;

/** Infinispan's local cache with storage off the heap, of bytes that it does not marshal. */
final class InfinispanPeer implements Peer {
  private static final VarHandle LONG =
      MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.nativeOrder());

  private final DefaultCacheManager manager;
  private final AdvancedCache<byte[], byte[]> cache;
  private final AdvancedCache<byte[], byte[]> writer;

  InfinispanPeer(long bytes) {
    Configuration configuration =
        new ConfigurationBuilder()
            .encoding()
            .mediaType(MediaType.APPLICATION_OCTET_STREAM_TYPE)
            .memory()
            .storage(StorageType.OFF_HEAP)
            .maxSize(Long.toString(bytes))
            .whenFull(EvictionStrategy.REMOVE)
            .build();
    manager =
        new DefaultCacheManager(new GlobalConfigurationBuilder().nonClusteredDefault().build());
    // Bytes come and go as they are kept.
    cache =
        manager
            .<byte[], byte[]>createCache("values", configuration)
            .getAdvancedCache()
            .withStorageMediaType();
    // The guide's advice for a put whose result nobody needs.
    writer = cache.withFlags(Flag.IGNORE_RETURN_VALUES);
  }

  @Override
  public void put(long key, byte[] value) {
    byte[] unused = writer.put(bytes(key), value);
  }

  @Override
  public byte @Nullable [] get(long key) {
    return cache.get(bytes(key));
  }

  @Override
  public void close() {
    manager.stop();
  }

  private static byte[] bytes(long key) {
    byte[] bytes = new byte[Long.BYTES];
    LONG.set(bytes, 0, key);
    return bytes;
  }
}
