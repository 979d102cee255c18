// SPDX-License-Identifier: Apache-2.0
package org.ashmem.cache.jcache;

import java.util.List;
import java.util.stream.Stream;
import javax.cache.CacheException;

/**
 * What Hibernate keeps in caches and must not lose, or it takes a value that is stale for right:
 * soft locks, and when each table was last changed. Its own region factory for JCache puts them
 * here, and would notice nothing; so they are refused.
 */
final class Unpurgeable {
  private static final String SOFT_LOCK = "org.hibernate.cache.spi.access.SoftLock";
  private static final List<String> TIMESTAMPS =
      List.of(
          "default-update-timestamps-region",
          "org.hibernate.cache.spi.TimestampsRegion",
          "org.hibernate.cache.spi.UpdateTimestampsCache");
  private static final ClassValue<Boolean> IS_LOCK =
      new ClassValue<>() {
        @Override
        protected Boolean computeValue(Class<?> type) {
          return Stream.of(type.getInterfaces())
              .anyMatch(implemented -> implemented.getName().equals(SOFT_LOCK));
        }
      };

  private Unpurgeable() {}

  /** Refuses a cache, whose name may have a prefix. */
  static void refuseCache(String name) {
    for (String timestamps : TIMESTAMPS) {
      if (name.equals(timestamps) || name.endsWith("." + timestamps)) {
        throw refusal("the cache " + name);
      }
    }
  }

  static void refuseValue(Object value) {
    if (IS_LOCK.get(value.getClass())) {
      throw refusal("a soft lock");
    }
  }

  private static CacheException refusal(String what) {
    return new CacheException(
        what
            + " must not be purged, or Hibernate returns stale data: set"
            + " hibernate.cache.region.factory_class to"
            + " org.ashmem.cache.hibernate.PurgeableRegionFactory, of ashmem-hibernate");
  }
}
