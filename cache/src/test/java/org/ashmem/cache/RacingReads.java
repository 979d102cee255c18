// SPDX-License-Identifier: Apache-2.0
package org.ashmem.cache;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicLong;

/**
 * The promise: what the cache returns is what was put. Threads read and write while memory is taken
 * away and used again under them. Each byte of each value that is returned is looked at.
 */
final class RacingReads {
  private static final int KEYS = 4096;
  private static final int THreads = 3;

  /** Each 8 bytes of a value say which key and which put they are of. */
  private static final class Values implements Codec<Long> {
    @Override
    public ByteBuffer encode(Long value) {
      int words = 1 + (int) ((value * 0x9E3779B97F4A7C15L) >>> 56) * (value % 16 == 0 ? 8 : 1);
      ByteBuffer bytes = ByteBuffer.allocate(words * 8).order(ByteOrder.nativeOrder());
      for (int i = 0; i < words; i++) {
        bytes.putLong(value * 31 + i);
      }
      return bytes.flip();
    }

    @Override
    public Long decode(ByteBuffer bytes) {
      bytes.order(ByteOrder.nativeOrder());
      long first = bytes.getLong(0);
      for (int i = 1; i < bytes.limit() / 8; i++) {
        assertEquals(first + i, bytes.getLong(8 * i), "word " + i);
      }
      assertEquals(0, first % 31);
      return first / 31;
    }
  }

  private RacingReads() {}

  /** Reads so often. Fails if a byte is wrong, or if there was no race. */
  static void race(Store store, int reads) throws Exception {
    ExecutorService threads = Executors.newFixedThreadPool(THreads);
    AtomicLong left = new AtomicLong(reads);
    AtomicLong hits = new AtomicLong();
    AtomicLong purged = new AtomicLong();
    try (PurgeableCache<Integer, Long> cache =
        PurgeableCache.<Integer, Long>builder(new Values())
            .store(store)
            .maximumBytes(2 << 20)
            .removalListener(
                (key, cause) -> {
                  if (cause == RemovalCause.PURGED) {
                    purged.incrementAndGet();
                  }
                })
            .build()) {
      List<Future<?>> results = new ArrayList<>();
      for (int thread = 0; thread < THreads; thread++) {
        SplittableRandom random = new SplittableRandom(thread);
        boolean disturbs = thread == 0;
        results.add(
            threads.submit(
                () -> {
                  for (long n = 1; left.get() > 0; n++) {
                    int key = random.nextInt(KEYS);
                    if (disturbs && n % 2000 == 0) {
                      cache.discard();
                    }
                    if (disturbs ? n % 2 == 0 : n % 16 == 0) {
                      cache.put(key, key + n * KEYS);
                      continue;
                    }
                    Long value = n % 64 == 1 ? inPlace(cache, key) : cache.getIfPresent(key);
                    left.decrementAndGet();
                    if (value != null) {
                      assertEquals(key, (int) (value % KEYS));
                      hits.incrementAndGet();
                    }
                  }
                }));
      }
      for (Future<?> result : results) {
        result.get();
      }
      assertTrue(purged.get() > 0, "nothing was purged");
      assertTrue(cache.statistics().evicted() > 0, "nothing was evicted");
    } finally {
      threads.shutdownNow();
    }
    assertTrue(hits.get() > reads / 10, hits + " hits");
  }

  private static Long inPlace(PurgeableCache<Integer, Long> cache, int key) {
    return cache.read(
        key,
        parts -> {
          int length = 0;
          for (ByteBuffer part : parts) {
            length += part.remaining();
          }
          ByteBuffer all = ByteBuffer.allocate(length);
          for (ByteBuffer part : parts) {
            all.put(part);
          }
          return new Values().decode(all.flip());
        });
  }
}
