// SPDX-License-Identifier: Apache-2.0
package org.ashmem.cache.hibernate;

import java.nio.ByteBuffer;
import java.util.Map;
import java.util.UUID;
import java.util.function.Consumer;
import java.util.function.Function;
import javax.cache.CacheManager;
import org.ashmem.cache.PurgeableCache;
import org.hibernate.Session;
import org.hibernate.SessionFactory;
import org.hibernate.cache.jcache.internal.JCacheRegionFactory;
import org.hibernate.cache.spi.CacheImplementor;
import org.hibernate.jpa.HibernatePersistenceConfiguration;
import org.hibernate.stat.Statistics;

/** A database of products in memory, behind a second-level cache of a few megabytes. */
final class Shop implements AutoCloseable {
  /** The ways to read a product's number. */
  enum Read {
    ENTITY(Product.Column.NUMBER) {
      @Override
      long number(Session session, long id) {
        return session.find(Product.class, id).number;
      }
    },
    COLLECTION(Product.Column.LABEL) {
      @Override
      long number(Session session, long id) {
        return session.find(Product.class, id).labels.iterator().next();
      }
    },
    QUERY(Product.Column.NUMBER) {
      @Override
      long number(Session session, long id) {
        return session
            .createSelectionQuery("select number from Product where id = :id", Long.class)
            .setParameter("id", id)
            .setCacheable(true)
            .getSingleResult();
      }
    };

    /** Where the number is. */
    final Product.Column column;

    Read(Product.Column column) {
      this.column = column;
    }

    abstract long number(Session session, long id);
  }

  private final SessionFactory sessions;

  /**
   * @param settings Hibernate's, in place of those here
   */
  Shop(int products, Map<String, ?> settings) {
    sessions =
        new HibernatePersistenceConfiguration("shop")
            .managedClass(Product.class)
            .property("hibernate.connection.url", "jdbc:h2:mem:" + UUID.randomUUID())
            .property("hibernate.connection.pool_size", 16)
            .property("hibernate.hbm2ddl.auto", "create")
            .property("hibernate.cache.region.factory_class", PurgeableRegionFactory.class)
            .property("hibernate.javax.cache.uri", "caches.properties")
            .property("hibernate.javax.cache.missing_cache_strategy", "create")
            .property("hibernate.cache.default_cache_concurrency_strategy", "read-write")
            .property("hibernate.cache.use_query_cache", true)
            .property("hibernate.generate_statistics", true)
            .properties(settings)
            .createEntityManagerFactory();
    in(
        session -> {
          for (long id = 0; id < products; id++) {
            session.persist(new Product(id));
          }
        });
  }

  /** Runs a transaction in a session of its own. */
  <R> R from(Function<Session, R> work) {
    return sessions.fromTransaction(work);
  }

  void in(Consumer<Session> work) {
    sessions.inTransaction(work);
  }

  long number(Read what, long id) {
    return from(session -> what.number(session, id));
  }

  Statistics statistics() {
    return sessions.getStatistics();
  }

  org.hibernate.Cache cache() {
    return sessions.getCache();
  }

  CacheManager caches() {
    CacheImplementor cache = (CacheImplementor) sessions.getCache();
    return ((JCacheRegionFactory) cache.getRegionFactory()).getCacheManager();
  }

  /** Purges all that the caches have. Returns how many entries were lost up to now. */
  long purge() {
    long purged = 0;
    for (String name : caches().getCacheNames()) {
      PurgeableCache<Object, ByteBuffer> cache = below(name);
      // What is purgeable are segments that are full.
      Object filler = new Object();
      for (int i = 0; i < 2; i++) {
        cache.put(filler, ByteBuffer.allocate(cache.longestValue()));
      }
      cache.invalidate(filler);
      cache.discard();
      purged += cache.statistics().purged();
    }
    return purged;
  }

  @SuppressWarnings("unchecked")
  private PurgeableCache<Object, ByteBuffer> below(String name) {
    return caches().getCache(name).unwrap(PurgeableCache.class);
  }

  @Override
  public void close() {
    sessions.close();
  }
}
