// SPDX-License-Identifier: Apache-2.0
package org.ashmem.cache;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What must hold on each store. */
abstract class StoreCases {
  private static final long MIB = 1 << 20;

  private record Removal(Object key, RemovalCause cause) {}

  private final List<Removal> removals = new ArrayList<>();

  /** Returns the store of the cases. */
  abstract Store store();

  private PurgeableCacheBuilder<Integer, byte[]> builder() {
    return PurgeableCache.<Integer, byte[]>builder(Codec.bytes())
        .store(store())
        .maximumBytes(4 * MIB)
        .removalListener((key, cause) -> removals.add(new Removal(key, cause)));
  }

  private PurgeableCache<Integer, byte[]> cache() {
    return builder().build();
  }

  private static byte[] value(int key, int length) {
    byte[] value = new byte[length];
    new Random(key).nextBytes(value);
    return value;
  }

  /** Fills more than two segments after what was put before, so that it is purgeable. */
  private static void fillSegments(PurgeableCache<Integer, byte[]> cache) {
    for (int i = 0; i < 3; i++) {
      cache.put(-1 - i, new byte[200_000]);
    }
  }

  @Test
  void returnsWhatWasPut() {
    try (var cache = cache()) {
      assertEquals(store(), cache.store());
      for (int length : new int[] {0, 1, 7, 8, 4087, 4088, 4089, 65_536, cache.longestValue()}) {
        cache.put(length, value(length, length));
        assertArrayEquals(value(length, length), cache.getIfPresent(length), "length " + length);
      }
      assertNull(cache.getIfPresent(2));
      assertEquals(9, cache.statistics().hits());
      assertEquals(1, cache.statistics().misses());
      assertEquals(0.9, cache.statistics().hitRate(), 0.001);
    }
  }

  /**
   * The first bytes of each page have another place than the rest, whatever part of a value they
   * are.
   */
  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void valuesBeginAndEndAnywhereInAPage(boolean expires) {
    PurgeableCacheBuilder<Integer, byte[]> builder = builder();
    if (expires) {
      builder.expireAfterWrite(Duration.ofDays(1));
    }
    try (var cache = builder.build()) {
      for (int i = 0; i < 3000; i++) {
        byte[] value = value(i, i * 37 % 9001);
        cache.put(i, value);
        assertArrayEquals(value, cache.getIfPresent(i), "length " + value.length);
        byte[] joined =
            cache.read(
                i,
                parts -> {
                  ByteBuffer all = ByteBuffer.allocate(length(parts));
                  Arrays.stream(parts).forEach(all::put);
                  return all.array();
                });
        assertArrayEquals(value, joined, "length " + value.length);
      }
      // A value of a page, at its start.
      cache.discard();
      for (int i = 0; i < 3000; i++) {
        cache.put(i, value(i, 4096));
      }
      assertArrayEquals(value(2999, 4096), cache.getIfPresent(2999));
    }
  }

  @Test
  void discardedValueIsAMiss() {
    try (var cache = cache()) {
      cache.put(1, value(1, 100_000));
      fillSegments(cache);
      assertNotNull(cache.getIfPresent(1));
      cache.discard();
      assertNull(cache.getIfPresent(1));
      assertEquals(List.of(new Removal(1, RemovalCause.PURGED)), removals);
      assertEquals(1, cache.statistics().purged());
      // What is being filled is not purgeable.
      assertNotNull(cache.getIfPresent(-3));
    }
  }

  @Test
  void minimumIsNeverGivenBack() {
    try (PurgeableCache<Integer, byte[]> cache =
        PurgeableCache.<Integer, byte[]>builder(Codec.bytes())
            .store(store())
            .maximumBytes(4 * MIB)
            .minimumBytes(MIB)
            .build()) {
      for (int i = 0; i < 12; i++) {
        cache.put(i, value(i, 200_000));
      }
      cache.discard();
      for (int i = 8; i < 12; i++) {
        assertArrayEquals(value(i, 200_000), cache.getIfPresent(i), "value " + i);
      }
      assertNull(cache.getIfPresent(0));
    }
  }

  @Test
  void valuesSharePagesAndSurviveTheirNeighbours() {
    Map<Integer, byte[]> model = new HashMap<>();
    Random random = new Random(7);
    try (var cache = cache()) {
      for (int i = 0; i < 50_000; i++) {
        int key = random.nextInt(3000);
        switch (random.nextInt(4)) {
          case 0 -> {
            cache.invalidate(key);
            model.remove(key);
          }
          case 1 -> {
            byte[] value = value(i, random.nextInt(900));
            cache.put(key, value);
            model.put(key, value);
          }
          default -> {
            byte[] found = cache.getIfPresent(key);
            if (found != null) {
              assertArrayEquals(model.get(key), found, "key " + key);
            }
          }
        }
      }
      long entries = cache.asMap().entrySet().stream().count();
      assertEquals(entries, cache.statistics().entries());
      assertTrue(entries > 1000, entries + " entries");
    }
  }

  @Test
  void fullCacheKeepsWhatIsRead() {
    try (var cache = cache()) {
      for (int i = 0; i < 400; i++) {
        cache.put(i, value(i, 20_000));
        for (int hot = 0; hot < Math.min(i, 10); hot++) {
          byte[] found = cache.getIfPresent(hot);
          assertArrayEquals(value(hot, 20_000), found, "value " + hot + " after " + i);
        }
      }
      CacheStatistics statistics = cache.statistics();
      assertTrue(statistics.kept() > 0);
      assertEquals(400, statistics.evicted() + statistics.entries());
      assertTrue(statistics.bytes() <= 4 * MIB, statistics.toString());
      assertEquals(
          statistics.evicted(),
          removals.stream().filter(removal -> removal.cause() == RemovalCause.SIZE).count());
    }
  }

  @Test
  void readerSeesTheValueInPlaceAndKeepsIt() {
    try (var cache = cache()) {
      cache.put(1, value(1, 10_000));
      fillSegments(cache);
      byte[] joined =
          cache.read(
              1,
              parts -> {
                cache.discard();
                // Half of the cache passes by.
                for (int i = 100; i < 250; i++) {
                  cache.put(i, new byte[20_000]);
                }
                assertTrue(parts.length >= 3);
                ByteBuffer all = ByteBuffer.allocate(10_000);
                Arrays.stream(parts).forEach(all::put);
                assertThrows(RuntimeException.class, () -> parts[0].put(0, (byte) 1));
                return all.array();
              });
      assertArrayEquals(value(1, 10_000), joined);
      assertNull(cache.read(2, parts -> "none"));
      // Nobody holds it any more.
      cache.discard();
      assertNull(cache.read(1, parts -> "none"));
    }
  }

  /** A call that is in progress may still return the value. */
  @Test
  void closeEndsTheCallsOfOtherThreads() throws Exception {
    for (int round = 0; round < 10; round++) {
      var cache = cache();
      cache.put(1, value(1, 20_000));
      fillSegments(cache);
      AtomicInteger reads = new AtomicInteger();
      List<CompletableFuture<Void>> readers = new ArrayList<>();
      for (int i = 0; i < 2; i++) {
        boolean copies = i == 0;
        readers.add(
            CompletableFuture.runAsync(
                () -> {
                  for (; ; reads.incrementAndGet()) {
                    if (copies) {
                      assertArrayEquals(value(1, 20_000), cache.getIfPresent(1));
                    } else {
                      assertEquals(20_000, cache.read(1, StoreCases::length));
                    }
                  }
                }));
      }
      while (reads.get() < 100) {
        Thread.onSpinWait();
      }
      cache.close();
      for (CompletableFuture<Void> reader : readers) {
        ExecutionException thrown = assertThrows(ExecutionException.class, reader::get);
        assertInstanceOf(IllegalStateException.class, thrown.getCause());
      }
    }
  }

  private static int length(ByteBuffer[] parts) {
    return Arrays.stream(parts).mapToInt(ByteBuffer::remaining).sum();
  }

  /**
   * Returns how many reads race: few, as a guest is slow, unless its script says that it is not.
   */
  int reads() {
    return Integer.getInteger("org.ashmem.cache.reads", 300_000);
  }

  @Test
  void noReadReturnsAWrongByte() throws Exception {
    RacingReads.race(store(), reads());
  }
}
