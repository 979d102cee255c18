// SPDX-License-Identifier: Apache-2.0
package org.ashmem.cache.hibernate;

import java.util.Map;
import javax.cache.Caching;
import javax.cache.spi.CachingProvider;
import org.ashmem.cache.jcache.PurgeableCachingProvider;
import org.hibernate.cache.cfg.spi.DomainDataRegionBuildingContext;
import org.hibernate.cache.cfg.spi.DomainDataRegionConfig;
import org.hibernate.cache.jcache.ConfigSettings;
import org.hibernate.cache.jcache.internal.JCacheRegionFactory;
import org.hibernate.cache.spi.support.DomainDataStorageAccess;
import org.hibernate.cache.spi.support.StorageAccess;
import org.hibernate.engine.spi.SessionFactoryImplementor;

/**
 * Keeps Hibernate's second-level cache and its query results in caches of {@link
 * PurgeableCachingProvider}. Set it as {@code hibernate.cache.region.factory_class}; the settings
 * of {@code hibernate-jcache} are the same, {@code hibernate.javax.cache.uri} among them.
 *
 * <p>A purged entry is a miss, and read from the database again. But Hibernate must not forget that
 * something changed, or it keeps a value that was read before the change. So this does not lie in
 * purgeable memory, but on the heap:
 *
 * <ul>
 *   <li>the soft locks of entries that a transaction is changing, until it ends;
 *   <li>when entries were last changed: 8 KiB for each region. What a transaction loaded that began
 *       before is not kept, though Hibernate counts it as a put;
 *   <li>when each table was last changed, which says whether a query result is still right.
 * </ul>
 *
 * <p>So a purge makes nothing stale, with any strategy. {@code hibernate-jcache} alone has all of
 * that in its caches; {@link PurgeableCachingProvider} refuses it.
 *
 * <p>Thread-safe.
 */
public class PurgeableRegionFactory extends JCacheRegionFactory {
  private static final long serialVersionUID = 1;

  /** Makes a factory. Hibernate does so. */
  public PurgeableRegionFactory() {}

  /** Takes the provider of this project, unless the settings name another one. */
  @Override
  protected CachingProvider getCachingProvider(Map<String, Object> settings) {
    return settings.containsKey(ConfigSettings.PROVIDER)
        ? super.getCachingProvider(settings)
        : Caching.getCachingProvider(PurgeableCachingProvider.class.getName());
  }

  @Override
  protected DomainDataStorageAccess createDomainDataStorageAccess(
      DomainDataRegionConfig region, DomainDataRegionBuildingContext context) {
    return new PurgeableAccess(
        getOrCreateCache(region.getRegionName(), context.getSessionFactory()), this::nextTimestamp);
  }

  @Override
  protected StorageAccess createTimestampsRegionStorageAccess(
      String region, SessionFactoryImplementor sessionFactory) {
    return new HeapAccess();
  }
}
