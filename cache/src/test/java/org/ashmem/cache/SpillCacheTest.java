// SPDX-License-Identifier: Apache-2.0
package org.ashmem.cache;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.github.benmanes.caffeine.cache.Caffeine;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class SpillCacheTest {
  private final List<Integer> loads = new ArrayList<>();

  private String load(int key) {
    loads.add(key);
    return "value " + key;
  }

  @Test
  void whatCaffeineEvictsIsFoundAgain() {
    try (PurgeableCache<Integer, String> behind = behind()) {
      SpillCache<Integer, String> cache = spill(behind);
      for (int i = 0; i < 100; i++) {
        assertEquals("value " + i, cache.get(i, this::load));
      }
      assertEquals(90, behind.asMap().size());
      for (int i = 0; i < 100; i++) {
        assertEquals("value " + i, cache.get(i, this::load));
      }
      assertEquals(100, loads.size());
      assertEquals("value 7", cache.getIfPresent(7));
      assertNull(cache.getIfPresent(1000));
    }
  }

  @Test
  void invalidatedOrReplacedValueNeverComesBack() {
    try (PurgeableCache<Integer, String> behind = behind()) {
      SpillCache<Integer, String> cache = spill(behind);
      for (int i = 0; i < 100; i++) {
        cache.put(i, "old " + i);
      }
      for (int i = 0; i < 100; i++) {
        if (i % 2 == 0) {
          cache.invalidate(i);
        } else {
          cache.put(i, "new " + i);
        }
      }
      for (int i = 0; i < 100; i++) {
        assertEquals(i % 2 == 0 ? null : "new " + i, cache.getIfPresent(i));
      }
    }
  }

  @Test
  void purgedValueIsLoadedAgain() {
    try (PurgeableCache<Integer, String> behind = behind()) {
      SpillCache<Integer, String> cache = spill(behind);
      String longer = "x".repeat(100_000);
      for (int i = 0; i < 30; i++) {
        cache.put(i, longer);
      }
      behind.discard();
      for (int i = 0; i < 30; i++) {
        String found = cache.get(i, this::load);
        assertTrue(found.equals(longer) || loads.contains(i));
      }
      assertTrue(loads.size() >= 10, loads.size() + " loads");
    }
  }

  private static PurgeableCache<Integer, String> behind() {
    return PurgeableCache.<Integer, String>builder(Codec.string()).maximumBytes(4 << 20).build();
  }

  private static SpillCache<Integer, String> spill(PurgeableCache<Integer, String> behind) {
    return new SpillCache<>(Caffeine.newBuilder().maximumSize(10).executor(Runnable::run), behind);
  }
}
