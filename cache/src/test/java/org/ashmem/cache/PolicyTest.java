// SPDX-License-Identifier: Apache-2.0
package org.ashmem.cache;

import static org.junit.jupiter.api.Assertions.assertTrue;

import com.github.benmanes.caffeine.cache.Cache;
import com.github.benmanes.caffeine.cache.Caffeine;
import java.util.Arrays;
import java.util.SplittableRandom;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What the policy keeps, compared with Caffeine's at equal bytes and on the same requests. */
class PolicyTest {
  private static final int KEYS = 50_000;
  private static final int REQUESTS = 600_000;
  private static final int VALUE = 1000;
  private static final int BYTES = 8 << 20;

  /** In points of the hit rate. A part of the cache's memory is always free or being filled. */
  private static final double MOST_BELOW = 0.03;

  @ParameterizedTest
  @CsvSource({"0.8, 0", "0.99, 0", "1.1, 0", "0.8, 4", "0.99, 4"})
  void hitRateIsThatOfCaffeine(double exponent, int scanEvery) {
    double[] sums = new double[KEYS];
    double sum = 0;
    for (int i = 0; i < KEYS; i++) {
      sum += 1 / Math.pow(i + 1, exponent);
      sums[i] = sum;
    }
    SplittableRandom random = new SplittableRandom(5);
    Cache<Integer, byte[]> caffeine =
        Caffeine.newBuilder()
            .executor(Runnable::run)
            .maximumWeight(BYTES)
            .weigher((Integer key, byte[] value) -> value.length)
            .build();
    byte[] value = new byte[VALUE];
    int theirs = 0;
    try (PurgeableCache<Integer, byte[]> cache =
        PurgeableCache.<Integer, byte[]>builder(Codec.bytes()).maximumBytes(BYTES).build()) {
      int passing = KEYS;
      for (int i = 0; i < REQUESTS; i++) {
        int key;
        if (scanEvery > 0 && random.nextInt(scanEvery) == 0) {
          key = passing++;
        } else {
          int at = Arrays.binarySearch(sums, random.nextDouble() * sum);
          key = at < 0 ? -at - 1 : at;
        }
        if (caffeine.getIfPresent(key) == null) {
          caffeine.put(key, value);
        } else {
          theirs++;
        }
        if (cache.getIfPresent(key) == null) {
          cache.put(key, value);
        }
      }
      double ours = cache.statistics().hitRate();
      double expected = (double) theirs / REQUESTS;
      assertTrue(ours >= expected - MOST_BELOW, ours + " of " + expected);
    }
  }
}
