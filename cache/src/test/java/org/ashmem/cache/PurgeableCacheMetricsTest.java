// SPDX-License-Identifier: Apache-2.0
package org.ashmem.cache;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import org.ashmem.cache.micrometer.PurgeableCacheMetrics;
import org.junit.jupiter.api.Test;

class PurgeableCacheMetricsTest {
  @Test
  void metersShowWhatTheCacheCounts() {
    SimpleMeterRegistry registry = new SimpleMeterRegistry();
    PurgeableCache<Integer, byte[]> cache =
        PurgeableCache.<Integer, byte[]>builder(Codec.bytes()).maximumBytes(4 << 20).build();
    new PurgeableCacheMetrics(cache, "tiles").bindTo(registry);
    for (int i = 0; i < 6; i++) {
      cache.put(i, new byte[200_000]);
    }
    cache.discard();
    assertEquals(null, cache.getIfPresent(0));
    assertEquals(200_000, cache.getIfPresent(5).length);
    assertEquals(1, registry.get("cache.gets").tag("result", "hit").functionCounter().count());
    assertEquals(1, registry.get("cache.gets").tag("result", "miss").functionCounter().count());
    assertEquals(
        1, registry.get("cache.evictions").tag("cause", "purged").functionCounter().count());
    assertEquals(5, registry.get("cache.size").tag("cache", "tiles").gauge().value());
    assertTrue(registry.get("cache.given.back").gauge().value() >= 800_000);
    assertTrue(registry.get("cache.resident").gauge().value() >= 200_000);
    cache.close();
    assertTrue(Double.isNaN(registry.get("cache.size").gauge().value()));
  }
}
