// SPDX-License-Identifier: Apache-2.0
package org.ashmem.cache.infinispan;

import java.util.Iterator;
import java.util.Map;
import java.util.Queue;
import java.util.function.BiConsumer;
import org.ashmem.cache.infinispan.History.Call;
import org.ashmem.cache.infinispan.History.Kind;
import org.infinispan.client.hotrod.MetadataValue;
import org.infinispan.client.hotrod.configuration.NearCacheConfiguration;
import org.infinispan.client.hotrod.near.NearCache;
import org.infinispan.client.hotrod.near.NearCacheFactory;

/** Stands before the near cache of a client, and notes what the client does with it. */
final class Recorder implements NearCacheFactory {
  private final NearCacheFactory factory;
  private final int client;
  private final Queue<Call> calls;
  private final ThreadLocal<Read> read = ThreadLocal.withInitial(Read::new);

  /** What the near cache had to do with the last read of this thread. */
  static final class Read {
    boolean hit;

    /** When it had noted that an answer would come, or 0 if it had not. */
    long asked;
  }

  Recorder(NearCacheFactory factory, int client, Queue<Call> calls) {
    this.factory = factory;
    this.client = client;
    this.calls = calls;
  }

  /** Returns what the near cache had to do with the last read of this thread. */
  Read lastRead() {
    return read.get();
  }

  @Override
  public <K, V> NearCache<K, V> createNearCache(
      NearCacheConfiguration config, BiConsumer<K, MetadataValue<V>> removed) {
    return new Recorded<>(factory.createNearCache(config, removed));
  }

  private final class Recorded<K, V> implements NearCache<K, V> {
    private final NearCache<K, V> near;

    Recorded(NearCache<K, V> near) {
      this.near = near;
    }

    @Override
    public MetadataValue<V> get(K key) {
      MetadataValue<V> value = near.get(key);
      read.get().hit = value != null && value.getValue() != null;
      read.get().asked = 0;
      return value;
    }

    @Override
    public boolean putIfAbsent(K key, MetadataValue<V> value) {
      boolean put = near.putIfAbsent(key, value);
      read.get().asked = put ? System.nanoTime() : 0;
      return put;
    }

    @Override
    public boolean remove(K key) {
      long begin = System.nanoTime();
      boolean removed = near.remove(key);
      calls.add(
          new Call(Kind.INVALIDATION, client, -1, (Integer) key, 0, begin, 0, System.nanoTime()));
      return removed;
    }

    @Override
    public boolean replace(K key, MetadataValue<V> old, MetadataValue<V> value) {
      return near.replace(key, old, value);
    }

    @Override
    public boolean remove(K key, MetadataValue<V> value) {
      return near.remove(key, value);
    }

    @Override
    public void clear() {
      near.clear();
    }

    @Override
    public int size() {
      return near.size();
    }

    @Override
    public Iterator<Map.Entry<K, MetadataValue<V>>> iterator() {
      return near.iterator();
    }
  }
}
