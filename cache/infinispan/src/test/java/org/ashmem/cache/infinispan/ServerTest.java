// SPDX-License-Identifier: Apache-2.0
package org.ashmem.cache.infinispan;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Arrays;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import org.ashmem.cache.Codec;
import org.ashmem.cache.PurgeableCache;
import org.infinispan.client.hotrod.MetadataValue;
import org.infinispan.client.hotrod.RemoteCache;
import org.infinispan.client.hotrod.RemoteCacheManager;
import org.infinispan.client.hotrod.ServerStatistics;
import org.infinispan.client.hotrod.jmx.RemoteCacheClientStatisticsMXBean;
import org.infinispan.commons.marshall.ProtoStreamMarshaller;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** The near cache in a client of real servers. */
class ServerTest {
  private static final int MIB = 1 << 20;

  private final Cluster cluster = Cluster.shared();
  private final PurgeableNearCacheFactory factory =
      new PurgeableNearCacheFactory(Codec.bytes(), cache -> cache.maximumBytes(16 * MIB));
  private RemoteCacheManager nearClient;
  private RemoteCacheManager otherClient;
  private RemoteCache<String, byte[]> near;
  private RemoteCache<String, byte[]> other;

  @BeforeEach
  void open() {
    nearClient = cluster.client(factory, cache -> {});
    otherClient = cluster.client(null, cache -> {});
    near = nearClient.getCache(Cluster.CACHE);
    other = otherClient.getCache(Cluster.CACHE);
    other.clear();
  }

  @AfterEach
  void close() {
    otherClient.close();
    nearClient.close();
    factory.close();
  }

  private static byte[] bytes(int length, long seed) {
    byte[] bytes = new byte[length];
    new Random(seed).nextBytes(bytes);
    return bytes;
  }

  private static RemoteCacheClientStatisticsMXBean statistics(RemoteCache<?, ?> cache) {
    return cache.clientStatistics();
  }

  /** Reads until the near cache has the value: an invalidation of an earlier write may be late. */
  private static void readUntilNear(RemoteCache<String, byte[]> cache, String key) {
    Cluster.await(
        () -> {
          long hits = statistics(cache).getNearCacheHits();
          assertNotNull(cache.get(key));
          return statistics(cache).getNearCacheHits() > hits;
        });
  }

  private void seeWrites(RemoteCache<String, byte[]> reader) {
    for (int round = 1; round <= 20; round++) {
      byte[] written = bytes(10_000, round);
      other.put("key", written);
      Cluster.await(() -> Arrays.equals(written, reader.get("key")));
      readUntilNear(reader, "key");
      assertArrayEquals(written, reader.get("key"));
    }
    other.remove("key");
    Cluster.await(() -> reader.get("key") == null);
  }

  @Test
  void writesOfAnotherClientAreSeen() {
    seeWrites(near);
  }

  @Test
  void writesOfAnotherClientAreSeenWithABloomFilter() {
    int entries = 32;
    int fillers = 100;
    try (RemoteCacheManager client =
        cluster.client(
            factory, cache -> cache.nearCacheMaxEntries(entries).nearCacheUseBloomFilter(true))) {
      RemoteCache<String, byte[]> filtered = client.getCache(Cluster.CACHE);
      for (int round = 0; round < 2; round++) {
        // What is purged and asked for again has the client send a new filter.
        for (int i = 0; i < fillers; i++) {
          other.put("filler " + i, bytes(10_000, i));
          assertNotNull(filtered.get("filler " + i));
        }
        factory.caches().get(1).discard();
        for (int i = 0; i < fillers; i++) {
          assertArrayEquals(bytes(10_000, i), filtered.get("filler " + i));
        }
        seeWrites(filtered);
      }
      assertTrue(factory.caches().get(1).statistics().purged() > 0);
    }
  }

  @Test
  void writesOfItsOwnAreSeenAtOnce() {
    for (int round = 0; round < 500; round++) {
      byte[] written = bytes(1000, round);
      near.put("key", written);
      assertArrayEquals(written, near.get("key"));
      assertArrayEquals(written, near.get("key"));
    }
    near.remove("key");
    assertNull(near.get("key"));
  }

  @Test
  void whatWasPurgedIsAskedOfTheServerAgain() {
    int entries = 200;
    for (int i = 0; i < entries; i++) {
      other.put("key " + i, bytes(20_000, i));
    }
    for (int i = 0; i < entries; i++) {
      readUntilNear(near, "key " + i);
    }
    RemoteCacheClientStatisticsMXBean statistics = statistics(near);
    PurgeableCache<?, ?> values = factory.caches().get(0);
    assertEquals(0, values.statistics().purged());
    values.discard();
    long hits = statistics.getNearCacheHits();
    long asked = asked();
    for (int i = 0; i < entries; i++) {
      assertArrayEquals(bytes(20_000, i), near.get("key " + i));
    }
    long purged = values.statistics().purged();
    assertTrue(purged > entries / 2, purged + " were purged");
    assertEquals(purged, asked() - asked);
    assertEquals(entries - purged, statistics.getNearCacheHits() - hits);

    hits = statistics.getNearCacheHits();
    asked = asked();
    for (int i = 0; i < entries; i++) {
      assertArrayEquals(bytes(20_000, i), near.get("key " + i));
    }
    assertEquals(entries, statistics.getNearCacheHits() - hits);
    assertEquals(asked, asked());
  }

  /** Returns how many reads the servers have served. */
  private long asked() {
    long reads = 0;
    for (int server = 0; server < Cluster.SERVERS; server++) {
      try (RemoteCacheManager client = cluster.clientOf(server)) {
        RemoteCache<String, byte[]> cache = client.getCache(Cluster.CACHE);
        reads += cache.serverStatistics().getIntStatistic(ServerStatistics.RETRIEVALS);
      }
    }
    return reads;
  }

  @Test
  void allThatTheServerSaysOfAnEntryIsKept() {
    other.put("key", bytes(100, 1), 2, TimeUnit.HOURS, 1, TimeUnit.HOURS);
    readUntilNear(near, "key");
    long hits = statistics(near).getNearCacheHits();
    MetadataValue<byte[]> kept = near.getWithMetadata("key");
    assertEquals(hits + 1, statistics(near).getNearCacheHits());
    MetadataValue<byte[]> asked = other.getWithMetadata("key");
    assertEquals(asked.getVersion(), kept.getVersion());
    assertEquals(asked.getCreated(), kept.getCreated());
    assertEquals(7200, kept.getLifespan());
    assertEquals(3600, kept.getMaxIdle());
    assertTrue(near.replaceWithVersion("key", bytes(100, 2), kept.getVersion()));
    assertArrayEquals(bytes(100, 2), near.get("key"));
  }

  @Test
  void marshallerOfTheClientMakesTheBytes() {
    ProtoStreamMarshaller marshaller = new ProtoStreamMarshaller();
    try (var texts =
            new PurgeableNearCacheFactory(
                PurgeableNearCacheFactory.codec(marshaller),
                cache -> cache.maximumBytes(16 * MIB));
        RemoteCacheManager client = cluster.client(texts, cache -> cache.marshaller(marshaller))) {
      RemoteCache<String, Object> cache = client.getCache(Cluster.CACHE);
      cache.put("key", "text");
      Cluster.await(
          () -> {
            assertEquals("text", cache.get("key"));
            return statistics(cache).getNearCacheHits() > 0;
          });
    }
  }

  @Test
  void closedClientHasEmptiedItsNearCache() {
    near.put("key", bytes(1000, 1));
    readUntilNear(near, "key");
    nearClient.close();
    assertEquals(0, factory.caches().get(0).statistics().entries());
  }
}
