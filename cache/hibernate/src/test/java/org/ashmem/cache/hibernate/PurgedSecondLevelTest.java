// SPDX-License-Identifier: Apache-2.0
package org.ashmem.cache.hibernate;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import jakarta.persistence.OptimisticLockException;
import jakarta.persistence.RollbackException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLongArray;
import java.util.concurrent.locks.LockSupport;
import javax.cache.CacheManager;
import org.ashmem.cache.hibernate.Shop.Read;
import org.hibernate.cache.jcache.internal.JCacheRegionFactory;
import org.hibernate.stat.Statistics;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** What Hibernate reads while its second-level cache is purged. */
class PurgedSecondLevelTest {
  private static final int PRODUCTS = 4;
  private static final List<Read> READS = List.of(Read.values());
  private static final String PRODUCT = Product.class.getName();

  private final Shop shop = new Shop(PRODUCTS, Map.of());
  private final ExecutorService threads = Executors.newCachedThreadPool();

  @AfterEach
  void close() throws Exception {
    threads.shutdownNow();
    assertTrue(threads.awaitTermination(60, TimeUnit.SECONDS));
    shop.close();
  }

  private static void await(CountDownLatch latch) {
    try {
      assertTrue(latch.await(60, TimeUnit.SECONDS));
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }

  @Test
  void whatWasPurgedIsReadFromTheDatabase() {
    Statistics statistics = shop.statistics();
    for (int round = 0; round < 3; round++) {
      shop.purge();
      statistics.clear();
      for (int i = 0; i < 10; i++) {
        assertEquals(0, shop.number(Read.COLLECTION, 1));
        assertEquals(0, shop.number(Read.QUERY, 1));
      }
      for (String region : List.of(PRODUCT, PRODUCT + ".labels")) {
        var counts = statistics.getDomainDataRegionStatistics(region);
        assertEquals(1, counts.getMissCount(), region);
        assertEquals(1, counts.getPutCount(), region);
        assertEquals(9, counts.getHitCount(), region);
      }
      assertEquals(1, statistics.getQueryCacheMissCount());
      assertEquals(1, statistics.getQueryCachePutCount());
      assertEquals(9, statistics.getQueryCacheHitCount());
      assertEquals(3, statistics.getPrepareStatementCount());
    }
  }

  /**
   * Loads, but reads the database before a change, and puts after it, when nothing is left. Returns
   * what is read then.
   */
  private long afterALateLoad(Shop shop, Read what) throws Exception {
    CountDownLatch isRead = new CountDownLatch(1);
    CountDownLatch isPurged = new CountDownLatch(1);
    shop.cache().evictAllRegions();
    Future<Long> loaded =
        threads.submit(
            () -> {
              Product.ON_READ.set(
                  column -> {
                    if (column == what.column) {
                      isRead.countDown();
                      await(isPurged);
                    }
                  });
              return shop.number(what, 1);
            });
    await(isRead);
    shop.in(session -> session.find(Product.class, 1L).change());
    shop.purge();
    isPurged.countDown();
    assertEquals(0, loaded.get(60, TimeUnit.SECONDS));
    return shop.number(what, 1);
  }

  @ParameterizedTest
  @EnumSource
  void aValueOfBeforeAChangeIsNotKept(Read what) throws Exception {
    assertEquals(1, afterALateLoad(shop, what));
  }

  @Test
  void aValueOfBeforeAChangeIsNotKeptWithoutSoftLocks() throws Exception {
    shop.close();
    try (Shop other =
        new Shop(
            PRODUCTS,
            Map.of("hibernate.cache.default_cache_concurrency_strategy", "nonstrict-read-write"))) {
      assertEquals(1, afterALateLoad(other, Read.ENTITY));
    }
  }

  /** A load while a transaction has changed the entity and not ended, when its lock was purged. */
  @Test
  void nothingIsKeptWhileATransactionChangesIt() throws Exception {
    shop.in(
        session -> {
          session.find(Product.class, 1L).change();
          session.flush();
          shop.purge();
          for (int i = 0; i < 2; i++) {
            Future<Long> loaded = threads.submit(() -> shop.number(Read.COLLECTION, 1));
            try {
              assertEquals(0, loaded.get(60, TimeUnit.SECONDS));
            } catch (Exception e) {
              throw new IllegalStateException(e);
            }
            assertFalse(shop.cache().containsEntity(Product.class, 1L));
            assertFalse(shop.cache().containsCollection(PRODUCT + ".labels", 1L));
          }
        });
    assertEquals(1, shop.number(Read.COLLECTION, 1));
  }

  /** Each read sees at least what was committed before it began, whatever is purged meanwhile. */
  @Test
  void nothingStaleIsReadWhileAllIsPurgedAtRandom() throws Exception {
    AtomicLongArray committed = new AtomicLongArray(PRODUCTS);
    AtomicBoolean ended = new AtomicBoolean();
    List<Future<?>> writers = new ArrayList<>();
    for (int i = 0; i < 2; i++) {
      Random random = new Random(i);
      writers.add(
          threads.submit(
              () -> {
                while (!ended.get()) {
                  int id = random.nextInt(PRODUCTS);
                  try {
                    long number =
                        shop.from(
                            session -> {
                              Product product = session.find(Product.class, (long) id);
                              product.change();
                              return product.number;
                            });
                    committed.accumulateAndGet(id, number, Math::max);
                  } catch (RollbackException e) {
                    // The other one was faster.
                    assertInstanceOf(OptimisticLockException.class, e.getCause());
                  }
                  Thread.sleep(random.nextInt(3));
                }
                return null;
              }));
    }
    List<Future<?>> readers = new ArrayList<>();
    for (int i = 0; i < 3; i++) {
      Random random = new Random(-i);
      readers.add(
          threads.submit(
              () -> {
                // So that others change and purge what this thread has not put yet.
                Product.ON_READ.set(
                    column -> LockSupport.parkNanos(random.nextInt(4) == 0 ? 1_000_000 : 0));
                for (int n = 0; n < 600; n++) {
                  if (random.nextInt(8) == 0) {
                    shop.purge();
                  }
                  int id = random.nextInt(PRODUCTS);
                  Read what = READS.get(random.nextInt(READS.size()));
                  long least = committed.get(id);
                  long number = shop.number(what, id);
                  assertTrue(number >= least, what + ": " + number + " after " + least);
                }
                return null;
              }));
    }
    try {
      for (Future<?> reader : readers) {
        reader.get();
      }
    } finally {
      ended.set(true);
    }
    for (Future<?> writer : writers) {
      writer.get();
    }
    assertTrue(shop.purge() > 0);
    assertTrue(shop.statistics().getSecondLevelCacheHitCount() > 0);
    assertTrue(shop.statistics().getQueryCacheHitCount() > 0);
    assertTrue(shop.statistics().getEntityUpdateCount() > 0);
  }

  /** Hibernate's own factory has in the caches what must not be purged. */
  @Test
  void theFactoryOfHibernateIsRefused() {
    // It would share its caches.
    shop.close();
    for (boolean queries : new boolean[] {true, false}) {
      Throwable thrown =
          assertThrows(
              RuntimeException.class,
              () -> {
                try (Shop other =
                    new Shop(
                        1,
                        Map.of(
                            "hibernate.cache.region.factory_class",
                            JCacheRegionFactory.class,
                            "hibernate.cache.use_query_cache",
                            queries))) {
                  other.in(session -> session.find(Product.class, 0L).change());
                }
              });
      while (thrown.getCause() != null) {
        thrown = thrown.getCause();
      }
      String message = String.valueOf(thrown.getMessage());
      assertTrue(message.contains(PurgeableRegionFactory.class.getName()), message);
      assertTrue(message.startsWith(queries ? "the cache default-update" : "a soft lock"), message);
    }
  }

  @Test
  void nothingStaysWhenTheSessionFactoryIsClosed() {
    CacheManager caches = shop.caches();
    shop.number(Read.ENTITY, 1);
    assertFalse(caches.isClosed());
    shop.close();
    assertTrue(caches.isClosed());
  }
}
