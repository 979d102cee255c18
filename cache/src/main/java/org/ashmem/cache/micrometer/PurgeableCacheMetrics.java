// SPDX-License-Identifier: Apache-2.0
package org.ashmem.cache.micrometer;

import io.micrometer.core.instrument.FunctionCounter;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Tag;
import io.micrometer.core.instrument.Tags;
import io.micrometer.core.instrument.binder.BaseUnits;
import io.micrometer.core.instrument.binder.MeterBinder;
import java.util.function.ToDoubleFunction;
import org.ashmem.cache.CacheMemory;
import org.ashmem.cache.CacheStatistics;
import org.ashmem.cache.PurgeableCache;

/**
 * Publishes the {@link CacheStatistics} and the {@link CacheMemory} of a cache as meters. Those
 * that caches of all kinds have are named as Micrometer's own binders name them.
 *
 * <table>
 *   <caption>The meters, all with the tag {@code cache}</caption>
 *   <tr><th>name</th><th>type and value</th></tr>
 *   <tr><td>{@code cache.gets} with {@code result} {@code hit} or {@code miss}</td>
 *     <td>counter: lookups</td></tr>
 *   <tr><td>{@code cache.evictions} with {@code cause} {@code purged}, {@code size} or
 *     {@code expired}</td><td>counter: entries that the program did not remove</td></tr>
 *   <tr><td>{@code cache.size}</td><td>gauge: entries</td></tr>
 *   <tr><td>{@code cache.resident}</td>
 *     <td>gauge, in bytes: {@link CacheMemory#residentBytes()}</td></tr>
 *   <tr><td>{@code cache.given.back}</td>
 *     <td>gauge, in bytes: {@link CacheMemory#givenBackBytes()}</td></tr>
 * </table>
 *
 * <p>The meters of a closed cache keep it reachable and show NaN.
 *
 * <p>Thread-safe.
 */
@SuppressWarnings("exports") // Micrometer is not required transitively: it is optional
public final class PurgeableCacheMetrics implements MeterBinder {
  private final PurgeableCache<?, ?> cache;
  private final Iterable<Tag> tags;

  /**
   * Creates a binder.
   *
   * @param cache the cache
   * @param name the value of the tag {@code cache}
   */
  public PurgeableCacheMetrics(PurgeableCache<?, ?> cache, String name) {
    this.cache = cache;
    this.tags = Tags.of("cache", name);
  }

  @Override
  public void bindTo(MeterRegistry registry) {
    count(registry, "cache.gets", Tags.of("result", "hit"), CacheStatistics::hits);
    count(registry, "cache.gets", Tags.of("result", "miss"), CacheStatistics::misses);
    count(registry, "cache.evictions", Tags.of("cause", "purged"), CacheStatistics::purged);
    count(registry, "cache.evictions", Tags.of("cause", "size"), CacheStatistics::evicted);
    count(registry, "cache.evictions", Tags.of("cause", "expired"), CacheStatistics::expired);
    gauge(registry, "cache.size", "entries", of -> of.statistics().entries());
    gauge(registry, "cache.resident", BaseUnits.BYTES, of -> of.memory().residentBytes());
    gauge(registry, "cache.given.back", BaseUnits.BYTES, of -> of.memory().givenBackBytes());
  }

  private void count(
      MeterRegistry registry, String name, Tags more, ToDoubleFunction<CacheStatistics> value) {
    FunctionCounter.builder(
            name, cache, of -> value(of, open -> value.applyAsDouble(open.statistics())))
        .tags(tags)
        .tags(more)
        .register(registry);
  }

  private void gauge(
      MeterRegistry registry,
      String name,
      String unit,
      ToDoubleFunction<PurgeableCache<?, ?>> value) {
    Gauge.builder(name, cache, of -> value(of, value))
        .baseUnit(unit)
        .tags(tags)
        .strongReference(true)
        .register(registry);
  }

  private static double value(
      PurgeableCache<?, ?> cache, ToDoubleFunction<PurgeableCache<?, ?>> value) {
    try {
      return value.applyAsDouble(cache);
    } catch (IllegalStateException e) {
      return Double.NaN; // it is closed
    }
  }
}
