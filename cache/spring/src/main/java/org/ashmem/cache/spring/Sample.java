// SPDX-License-Identifier: Apache-2.0
package org.ashmem.cache.spring;

import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.binder.MeterBinder;
import javax.cache.CacheManager;
import org.ashmem.cache.PurgeableCache;
import org.springframework.boot.SpringApplication;
import org.springframework.boot.autoconfigure.SpringBootApplication;
import org.springframework.cache.annotation.EnableCaching;
import org.springframework.context.annotation.Bean;

/** Serves reports on orders. */
@SpringBootApplication
@EnableCaching
public class Sample {
  /** Spring makes the application. */
  public Sample() {}

  /**
   * Runs the application.
   *
   * @param arguments Spring Boot's
   */
  public static void main(String[] arguments) {
    SpringApplication.run(Sample.class, arguments);
  }

  /**
   * Publishes how much memory the caches have. Hits, misses and evictions, purges among them, are
   * published by Spring Boot.
   *
   * @param caches the caches
   * @return what publishes it
   */
  @Bean
  MeterBinder memory(CacheManager caches) {
    return registry ->
        caches
            .getCacheNames()
            .forEach(
                name ->
                    Gauge.builder(
                            "cache.resident",
                            caches.getCache(name).unwrap(PurgeableCache.class),
                            cache -> cache.memory().residentBytes())
                        .baseUnit("bytes")
                        .tag("cache", name)
                        .register(registry));
  }
}
