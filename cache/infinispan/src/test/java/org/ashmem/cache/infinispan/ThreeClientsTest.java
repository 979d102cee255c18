// SPDX-License-Identifier: Apache-2.0
package org.ashmem.cache.infinispan;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Consumer;
import org.ashmem.cache.Codec;
import org.ashmem.cache.PurgeableCache;
import org.ashmem.cache.infinispan.History.Call;
import org.ashmem.cache.infinispan.History.Kind;
import org.ashmem.cache.infinispan.History.Rule;
import org.ashmem.cache.infinispan.History.Violation;
import org.infinispan.client.hotrod.MetadataValue;
import org.infinispan.client.hotrod.RemoteCache;
import org.infinispan.client.hotrod.RemoteCacheManager;
import org.infinispan.client.hotrod.configuration.RemoteCacheConfigurationBuilder;
import org.infinispan.client.hotrod.near.DefaultNearCacheFactory;
import org.infinispan.client.hotrod.near.NearCacheFactory;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/**
 * Three clients read and write the same keys, each with a near cache: nothing that is read breaks a
 * rule of {@link History}. Infinispan's own near cache is held to the same rules.
 */
class ThreeClientsTest {
  private static final int CLIENTS = 3;
  private static final int KEYS = 30;
  private static final int READS = 1500;
  private static final int READS_PER_WRITE = 6;
  private static final int LENGTH = 40_000;

  /** Keys that no other run has used. */
  private static final AtomicInteger nextKey = new AtomicInteger();

  private final Cluster cluster = Cluster.shared();
  private final int firstKey = nextKey.getAndAdd(KEYS);
  private final Queue<Call> calls = new ConcurrentLinkedQueue<>();
  private final Map<List<Long>, Long> versions = new ConcurrentHashMap<>();
  private final List<PurgeableNearCacheFactory> factories = new ArrayList<>();
  private final AtomicBoolean over = new AtomicBoolean();

  private static byte[] value(int key, long number) {
    byte[] bytes = new byte[LENGTH];
    Arrays.fill(bytes, (byte) (31 * number + key));
    ByteBuffer.wrap(bytes).putLong(number);
    return bytes;
  }

  private static long number(byte[] value) {
    return ByteBuffer.wrap(value).getLong();
  }

  /** Returns one near cache for each client. */
  private List<NearCacheFactory> ours() {
    for (int client = 0; client < CLIENTS; client++) {
      factories.add(
          new PurgeableNearCacheFactory(Codec.bytes(), cache -> cache.maximumBytes(4 << 20)));
    }
    return List.copyOf(factories);
  }

  private List<NearCacheFactory> theirs() {
    return Collections.nCopies(CLIENTS, DefaultNearCacheFactory.INSTANCE);
  }

  @AfterEach
  void close() {
    factories.forEach(PurgeableNearCacheFactory::close);
  }

  @Test
  void oursOnOneThreadOfEachClient() throws Exception {
    run(ours(), cache -> {}, 1, Set.of());
  }

  @Test
  void theirsOnOneThreadOfEachClient() throws Exception {
    run(theirs(), cache -> {}, 1, Set.of());
  }

  /** An answer that the near cache keeps may be older than what another thread has read. */
  @Test
  void oursOnTwoThreadsOfEachClient() throws Exception {
    run(ours(), cache -> {}, 2, Set.of(Rule.BACK));
  }

  @Test
  void theirsOnTwoThreadsOfEachClient() throws Exception {
    run(theirs(), cache -> {}, 2, Set.of(Rule.BACK));
  }

  @Test
  void oursWithABloomFilter() throws Exception {
    run(
        ours(),
        cache -> cache.nearCacheMaxEntries(KEYS).nearCacheUseBloomFilter(true),
        1,
        Set.of());
  }

  private void run(
      List<NearCacheFactory> near,
      Consumer<RemoteCacheConfigurationBuilder> options,
      int threads,
      Set<Rule> except)
      throws Exception {
    List<RemoteCacheManager> managers = new ArrayList<>();
    List<RemoteCache<Integer, byte[]>> caches = new ArrayList<>();
    ExecutorService executor = Executors.newCachedThreadPool();
    try {
      List<Client> clients = new ArrayList<>();
      for (int client = 0; client < CLIENTS; client++) {
        Recorder recorder = new Recorder(near.get(client), client, calls);
        managers.add(cluster.client(recorder, options));
        RemoteCache<Integer, byte[]> cache = managers.get(client).getCache(Cluster.CACHE);
        caches.add(cache);
        for (int thread = 0; thread < threads; thread++) {
          clients.add(new Client(cache, recorder, client, client * threads + thread));
        }
      }
      for (int key = firstKey; key < firstKey + KEYS; key++) {
        caches.get(0).put(key, value(key, 0));
      }
      Future<?> purging = executor.submit(this::purge);
      for (Future<Void> running : executor.invokeAll(clients)) {
        running.get();
      }
      over.set(true);
      purging.get();
      List<Call> history = List.copyOf(calls);
      awaitLast(caches, history);
      List<Violation> violations = History.violations(history);
      assertEquals(
          List.of(),
          violations.stream().filter(violation -> !except.contains(violation.rule())).toList());
      for (Kind kind : Kind.values()) {
        assertTrue(history.stream().anyMatch(call -> call.kind() == kind), kind + " was not seen");
      }
      for (PurgeableNearCacheFactory factory : factories) {
        assertTrue(factory.caches().get(0).statistics().purged() > 0);
      }
    } finally {
      over.set(true);
      executor.shutdown();
      managers.forEach(RemoteCacheManager::close);
    }
  }

  /** Purges all the time what can be purged. */
  private void purge() {
    while (!over.get()) {
      for (PurgeableNearCacheFactory factory : factories) {
        factory.caches().forEach(PurgeableCache::discard);
      }
      LockSupport.parkNanos(1_000_000);
    }
  }

  /** Waits until each client reads what was written last. */
  private void awaitLast(List<RemoteCache<Integer, byte[]>> caches, List<Call> history) {
    for (int key = firstKey; key < firstKey + KEYS; key++) {
      int same = key;
      long last =
          history.stream()
              .filter(call -> call.key() == same && call.kind() == Kind.WRITE)
              .mapToLong(Call::number)
              .max()
              .orElse(0);
      for (RemoteCache<Integer, byte[]> cache : caches) {
        Cluster.await(() -> number(cache.get(same)) == last);
      }
    }
  }

  /** A thread of a client. */
  private final class Client implements Callable<Void> {
    private final RemoteCache<Integer, byte[]> cache;
    private final Recorder recorder;
    private final int client;
    private final int thread;
    private final Random random;

    Client(RemoteCache<Integer, byte[]> cache, Recorder recorder, int client, int thread) {
      this.cache = cache;
      this.recorder = recorder;
      this.client = client;
      this.thread = thread;
      this.random = new Random(thread);
    }

    @Override
    public Void call() {
      for (int i = 0; i < READS; i++) {
        int key = firstKey + random.nextInt(KEYS);
        MetadataValue<byte[]> read = read(key);
        if (random.nextInt(READS_PER_WRITE) == 0) {
          write(key, number(read.getValue()) + 1, read.getVersion());
        }
      }
      return null;
    }

    private MetadataValue<byte[]> read(int key) {
      long begin = System.nanoTime();
      MetadataValue<byte[]> read = cache.getWithMetadata(key);
      long end = System.nanoTime();
      Recorder.Read how = recorder.lastRead();
      long number = number(read.getValue());
      add(how.hit ? Kind.HIT : Kind.MISS, key, number, begin, how.asked, end);
      assertArrayEquals(value(key, number), read.getValue());
      Long version = versions.putIfAbsent(List.of((long) key, number), read.getVersion());
      assertTrue(version == null || version == read.getVersion(), "a value has one version");
      return read;
    }

    private void write(int key, long number, long version) {
      long begin = System.nanoTime();
      if (cache.replaceWithVersion(key, value(key, number), version)) {
        add(Kind.WRITE, key, number, begin, 0, System.nanoTime());
      }
    }

    private void add(Kind kind, int key, long number, long begin, long asked, long end) {
      calls.add(new Call(kind, client, thread, key, number, begin, asked, end));
    }
  }
}
