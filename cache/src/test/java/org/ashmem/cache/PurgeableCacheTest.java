// SPDX-License-Identifier: Apache-2.0
package org.ashmem.cache;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.InputStream;
import java.io.Serializable;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.ForkJoinPool;
import java.util.concurrent.ForkJoinTask;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Test;

/** What does not depend on the store. */
class PurgeableCacheTest {
  private static final long MIB = 1 << 20;

  private record Removal(Object key, RemovalCause cause) {}

  private final List<Removal> removals = new ArrayList<>();

  private PurgeableCache<Integer, byte[]> cache() {
    return PurgeableCache.<Integer, byte[]>builder(Codec.bytes())
        .maximumBytes(4 * MIB)
        .removalListener((key, cause) -> removals.add(new Removal(key, cause)))
        .build();
  }

  private static byte[] value(int key, int length) {
    byte[] value = new byte[length];
    new Random(key).nextBytes(value);
    return value;
  }

  @Test
  void tellsTheListenerEachCause() {
    AtomicLong now = new AtomicLong();
    try (PurgeableCache<Integer, byte[]> cache =
        PurgeableCache.<Integer, byte[]>builder(Codec.bytes())
            .maximumBytes(4 * MIB)
            .expireAfterWrite(Duration.ofSeconds(10))
            .ticker(now::get)
            .removalListener((key, cause) -> removals.add(new Removal(key, cause)))
            .build()) {
      cache.put(1, new byte[10]);
      cache.put(1, new byte[11]);
      cache.invalidate(1);
      cache.invalidate(1);
      cache.put(2, new byte[10]);
      now.addAndGet(Duration.ofSeconds(10).toNanos() - 1);
      assertNotNull(cache.getIfPresent(2));
      now.incrementAndGet();
      assertNull(cache.getIfPresent(2));
      cache.put(3, new byte[cache.longestValue() + 1]);
      assertNull(cache.getIfPresent(3));
      assertEquals(
          List.of(
              new Removal(1, RemovalCause.REPLACED),
              new Removal(1, RemovalCause.EXPLICIT),
              new Removal(2, RemovalCause.EXPIRED),
              new Removal(3, RemovalCause.SIZE)),
          removals);
    }
  }

  /** Each kind of removal is told, and its call goes on. The next entry is told as well. */
  @Test
  void listenerThatThrowsDisturbsNothing() {
    AtomicLong now = new AtomicLong();
    try (PurgeableCache<Integer, byte[]> cache =
        PurgeableCache.<Integer, byte[]>builder(Codec.bytes())
            .maximumBytes(4 * MIB)
            .expireAfterWrite(Duration.ofSeconds(10))
            .ticker(now::get)
            .removalListener(
                (key, cause) -> {
                  removals.add(new Removal(key, cause));
                  if (key % 2 == 0) {
                    throw new IllegalStateException("thrown by a test");
                  }
                  throw new AssertionError("thrown by a test");
                })
            .build()) {
      cache.put(1, new byte[10]);
      cache.put(1, new byte[20]);
      assertEquals(20, cache.getIfPresent(1).length);
      now.addAndGet(Duration.ofSeconds(10).toNanos());
      assertEquals(30, cache.get(1, key -> new byte[30]).length);
      cache.invalidate(1);
      for (int i = 0; i < 24; i++) {
        cache.put(i, value(i, 200_000));
        assertArrayEquals(value(i, 200_000), cache.getIfPresent(i));
      }
      cache.discard();
      for (int i = 0; i < 24; i++) {
        byte[] unused = cache.getIfPresent(i);
      }
      cache.invalidateAll();
      assertTrue(cache.asMap().isEmpty());
    }
    assertEquals(3 + 24, removals.size(), removals.toString());
    for (RemovalCause cause : RemovalCause.values()) {
      assertTrue(removals.stream().anyMatch(removal -> removal.cause() == cause), cause.name());
    }
  }

  @Test
  void loadsOnceForAllThreadsThatAsk() throws Exception {
    ExecutorService threads = Executors.newFixedThreadPool(8);
    try (var cache = cache()) {
      AtomicInteger loads = new AtomicInteger();
      CountDownLatch begun = new CountDownLatch(1);
      CountDownLatch goOn = new CountDownLatch(1);
      List<Future<byte[]>> results = new ArrayList<>();
      for (int i = 0; i < 8; i++) {
        results.add(
            threads.submit(
                () ->
                    cache.get(
                        1,
                        key -> {
                          loads.incrementAndGet();
                          begun.countDown();
                          await(goOn);
                          return value(1, 100);
                        })));
      }
      begun.await();
      goOn.countDown();
      for (Future<byte[]> result : results) {
        assertArrayEquals(value(1, 100), result.get());
      }
      assertEquals(1, loads.get());
      assertEquals(1, cache.statistics().loads());
    } finally {
      threads.shutdownNow();
    }
  }

  @Test
  void loadedValueIsNotKeptIfTheKeyWasInvalidatedMeanwhile() {
    try (var cache = cache()) {
      byte[] loaded =
          cache.get(
              1,
              key -> {
                cache.invalidate(1);
                return new byte[10];
              });
      assertEquals(10, loaded.length);
      assertNull(cache.getIfPresent(1));
      byte[] old =
          cache.get(
              2,
              key -> {
                cache.put(2, new byte[20]);
                return new byte[10];
              });
      assertEquals(10, old.length);
      assertEquals(20, cache.getIfPresent(2).length);
    }
  }

  @Test
  void loaderMayFailReturnNothingOrAskForItself() {
    try (var cache = cache()) {
      IllegalArgumentException thrown = new IllegalArgumentException("thrown by a test");
      assertSame(
          thrown,
          assertThrows(
              IllegalArgumentException.class,
              () ->
                  cache.get(
                      1,
                      key -> {
                        throw thrown;
                      })));
      assertNull(cache.get(1, key -> null));
      assertThrows(
          IllegalStateException.class, () -> cache.get(1, key -> cache.get(1, same -> null)));
      assertArrayEquals(value(1, 5), cache.get(1, key -> value(key, 5)));
      assertEquals(2, cache.statistics().failedLoads());
    }
  }

  @Test
  void codecsGiveBackWhatTheyGot() {
    assertEquals("äöü€\uD83D\uDE00", through(Codec.string(), "äöü€\uD83D\uDE00"));
    assertEquals("", through(Codec.string(), ""));
    ByteBuffer buffer = ByteBuffer.wrap("0123456789".getBytes(StandardCharsets.US_ASCII), 2, 5);
    assertEquals(buffer.duplicate(), through(Codec.buffer(), buffer));
    assertEquals(2, buffer.position());
    Point point = new Point(3, List.of(4, 5));
    assertEquals(point, through(Codec.serializable(Point.class), point));
  }

  @Test
  void aClassLoaderFindsTheClassesOfSerializedValues() throws Exception {
    String name = Point.class.getName();
    byte[] bytes;
    try (InputStream in = Point.class.getResourceAsStream("PurgeableCacheTest$Point.class")) {
      bytes = in.readAllBytes();
    }
    ClassLoader loader =
        new ClassLoader(null) {
          @Override
          protected Class<?> findClass(String wanted) throws ClassNotFoundException {
            if (wanted.equals(name)) {
              return defineClass(name, bytes, 0, bytes.length);
            }
            throw new ClassNotFoundException(wanted);
          }
        };
    Codec<Serializable> codec = Codec.serializable(Serializable.class, loader);
    Object read = through(codec, new Point(3, List.of(4)));
    assertSame(loader, read.getClass().getClassLoader());
  }

  private record Point(int x, List<Integer> rest) implements Serializable {}

  private static <V> V through(Codec<V> codec, V value) {
    try (PurgeableCache<String, V> cache =
        PurgeableCache.<String, V>builder(codec).maximumBytes(4 * MIB).build()) {
      cache.put("key", value);
      return cache.getIfPresent("key");
    }
  }

  @Test
  void closedCacheRefusesEverything() {
    var cache = cache();
    cache.put(1, new byte[10]);
    cache.close();
    cache.close();
    assertThrows(IllegalStateException.class, () -> cache.getIfPresent(1));
    assertThrows(IllegalStateException.class, () -> cache.put(1, new byte[1]));
    assertThrows(IllegalStateException.class, () -> cache.read(1, parts -> 1));
    assertThrows(IllegalStateException.class, () -> cache.get(2, key -> new byte[1]));
    assertThrows(IllegalStateException.class, () -> cache.invalidate(1));
    assertThrows(IllegalStateException.class, cache::invalidateAll);
    assertThrows(IllegalStateException.class, cache::discard);
    assertThrows(IllegalStateException.class, cache::statistics);
  }

  /** A close comes in the middle of a call. */
  @Test
  void loadedValueIsNotKeptIfTheCacheWasClosedMeanwhile() {
    var cache = cache();
    assertThrows(
        IllegalStateException.class,
        () ->
            cache.get(
                1,
                key -> {
                  cache.close();
                  return new byte[10];
                }));
    assertThrows(IllegalStateException.class, () -> cache.getIfPresent(1));
  }

  @Test
  void iterationEndsWhenTheCacheIsClosed() {
    var cache = cache();
    for (int i = 0; i < 100; i++) {
      cache.put(i, new byte[10]);
    }
    assertThrows(
        IllegalStateException.class, () -> cache.asMap().forEach((key, value) -> cache.close()));
  }

  @Test
  void refusesWhatMakesNoSense() {
    var builder = PurgeableCache.<Integer, byte[]>builder(Codec.bytes());
    assertThrows(IllegalStateException.class, builder::build);
    assertThrows(IllegalArgumentException.class, () -> builder.maximumBytes(MIB));
    assertThrows(IllegalArgumentException.class, () -> builder.minimumBytes(-1));
    assertThrows(IllegalArgumentException.class, () -> builder.expireAfterWrite(Duration.ZERO));
    builder.maximumBytes(2 * MIB).minimumBytes(2 * MIB + 1);
    assertThrows(IllegalStateException.class, builder::build);
  }

  @Test
  void setOfKeysDoesNotLookAtValues() {
    try (var cache = cache()) {
      for (int i = 0; i < 20; i++) {
        cache.put(i, new byte[100_000]);
      }
      cache.discard();
      Set<Integer> keys = cache.asMap().keySet();
      assertEquals(20, List.copyOf(keys).size());
      assertTrue(keys.contains(0));
      assertFalse(keys.contains(20));
      assertEquals(0, cache.statistics().purged());
      assertNull(cache.getIfPresent(0));
      assertFalse(keys.contains(0));
    }
  }

  @Test
  void putMayDependOnACondition() {
    try (var cache = cache()) {
      assertTrue(cache.putIf(1, new byte[10], () -> true));
      assertFalse(cache.putIf(1, new byte[20], () -> false));
      assertEquals(10, cache.getIfPresent(1).length);
      assertTrue(cache.invalidate(1));
      assertFalse(cache.invalidate(1));
    }
  }

  @Test
  void mapShowsTheEntries() {
    try (var cache = cache()) {
      cache.putAll(Map.of(1, new byte[10], 2, new byte[20]));
      Map<Integer, byte[]> map = cache.asMap();
      assertEquals(2, map.size());
      assertTrue(map.containsKey(1));
      assertFalse(map.containsKey(3));
      assertEquals(20, map.get(2).length);
      assertEquals(30, map.values().stream().mapToInt(value -> value.length).sum());
      assertThrows(UnsupportedOperationException.class, () -> map.remove(1));
      cache.invalidateAll();
      assertTrue(map.isEmpty());
      assertFalse(map.entrySet().iterator().hasNext());
    }
  }

  private static void await(CountDownLatch latch) {
    try {
      latch.await();
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }

  @Test
  void putsGoOnAfterReadersHeldAllMemory() {
    try (var cache = cache()) {
      assertThrows(IllegalStateException.class, () -> putWhileAllAreRead(cache, 0));
      for (int i = 100; i < 200; i++) {
        cache.put(i, value(i, 200_000));
        assertArrayEquals(value(i, 200_000), cache.getIfPresent(i));
      }
    }
  }

  private static int putWhileAllAreRead(PurgeableCache<Integer, byte[]> cache, int key) {
    cache.put(key, new byte[200_000]);
    Integer unused = cache.read(key, parts -> putWhileAllAreRead(cache, key + 1));
    return key;
  }

  /** The loader began before the put was done. */
  @Test
  void putWinsAgainstALoaderThatBeganBefore() throws Exception {
    CountDownLatch encodes = new CountDownLatch(1);
    CountDownLatch goOn = new CountDownLatch(1);
    Codec<String> slow =
        new Codec<>() {
          @Override
          public ByteBuffer encode(String value) {
            if (value.equals("put")) {
              encodes.countDown();
              PurgeableCacheTest.await(goOn);
            }
            return Codec.string().encode(value);
          }

          @Override
          public String decode(ByteBuffer bytes) {
            return Codec.string().decode(bytes);
          }
        };
    try (PurgeableCache<Integer, String> cache =
        PurgeableCache.<Integer, String>builder(slow).maximumBytes(4 * MIB).build()) {
      Thread writer = new Thread(() -> cache.put(1, "put"));
      writer.start();
      encodes.await();
      String loaded =
          cache.get(
              1,
              key -> {
                goOn.countDown();
                joined(writer);
                return "loaded";
              });
      assertEquals("loaded", loaded);
      assertEquals("put", cache.getIfPresent(1));
    }
  }

  private static void joined(Thread thread) {
    try {
      thread.join();
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }

  /** Values of a byte take eight, and a put must not move all of them. */
  @Test
  void onePutMovesAFewSegmentsAtMost() {
    try (var cache = cache()) {
      byte[] one = new byte[1];
      long before = 0;
      for (int i = 0; i < 700_000; i++) {
        cache.put(i, one);
        byte[] unused = cache.getIfPresent(i);
        // Of so few puts one at most frees a segment, and statistics take longer than a put.
        if (i % 16 == 0) {
          long kept = cache.statistics().kept();
          assertTrue(kept - before <= 5 * 32_768, "one put moved " + (kept - before));
          before = kept;
        }
      }
      assertTrue(before > 0);
    }
  }

  @Test
  void expiredValueThatGoesIsToldAsExpired() {
    AtomicLong now = new AtomicLong();
    try (PurgeableCache<Integer, byte[]> cache =
        PurgeableCache.<Integer, byte[]>builder(Codec.bytes())
            .maximumBytes(4 * MIB)
            .expireAfterWrite(Duration.ofSeconds(10))
            .ticker(now::get)
            .removalListener((key, cause) -> removals.add(new Removal(key, cause)))
            .build()) {
      cache.put(0, new byte[200_000]);
      assertNotNull(cache.getIfPresent(0));
      now.addAndGet(Duration.ofSeconds(10).toNanos());
      for (int i = 1; i < 40; i++) {
        cache.put(i, new byte[200_000]);
      }
      assertTrue(removals.contains(new Removal(0, RemovalCause.EXPIRED)), removals.toString());
      assertEquals(0, cache.statistics().kept());
    }
  }

  /** The only worker of a pool waits for a loader, which waits for a task of the pool. */
  @Test
  void loaderMayNeedThePoolWhoseWorkersWaitForIt() throws Exception {
    CountDownLatch loads = new CountDownLatch(1);
    AtomicReference<Thread> worker = new AtomicReference<>();
    ForkJoinPool pool = new ForkJoinPool(1);
    ExecutorService other = Executors.newSingleThreadExecutor();
    try (var cache = cache()) {
      Future<byte[]> first =
          other.submit(
              () ->
                  cache.get(
                      1,
                      key -> {
                        loads.countDown();
                        while (worker.get() == null
                            || worker.get().getState() != Thread.State.WAITING) {
                          Thread.onSpinWait();
                        }
                        return pool.submit(() -> value(key, 5)).join();
                      }));
      loads.await();
      ForkJoinTask<byte[]> second =
          pool.submit(
              () -> {
                worker.set(Thread.currentThread());
                return cache.get(1, key -> null);
              });
      assertArrayEquals(value(1, 5), first.get(1, TimeUnit.MINUTES));
      assertArrayEquals(value(1, 5), second.get(1, TimeUnit.MINUTES));
    } finally {
      pool.shutdownNow();
      other.shutdownNow();
    }
  }

  @Test
  void everyThreadGetsTheExceptionOfTheLoader() throws Exception {
    CompletionException thrown = new CompletionException(new IllegalArgumentException("cause"));
    CountDownLatch loads = new CountDownLatch(1);
    CountDownLatch goOn = new CountDownLatch(1);
    try (var cache = cache()) {
      CompletableFuture<byte[]> first =
          CompletableFuture.supplyAsync(
              () ->
                  cache.get(
                      1,
                      key -> {
                        loads.countDown();
                        await(goOn);
                        throw thrown;
                      }));
      loads.await();
      Thread second =
          new Thread(
              () ->
                  assertSame(
                      thrown,
                      assertThrows(CompletionException.class, () -> cache.get(1, key -> null))));
      AtomicReference<Throwable> failure = new AtomicReference<>();
      second.setUncaughtExceptionHandler((thread, e) -> failure.set(e));
      second.start();
      while (second.getState() != Thread.State.WAITING) {
        Thread.onSpinWait();
      }
      goOn.countDown();
      second.join();
      assertNull(failure.get());
      assertThrows(Exception.class, first::get);
    }
  }
}
