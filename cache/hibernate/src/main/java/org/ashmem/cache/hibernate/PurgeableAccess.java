// SPDX-License-Identifier: Apache-2.0
package org.ashmem.cache.hibernate;

import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicLongArray;
import java.util.function.LongSupplier;
import javax.cache.Cache;
import org.hibernate.cache.spi.support.AbstractReadWriteAccess.SoftLockImpl;
import org.hibernate.cache.spi.support.DomainDataStorageAccess;
import org.hibernate.engine.spi.SharedSessionContractImplementor;
import org.jspecify.annotations.Nullable;

/**
 * The entries of a region of entities, collections or natural ids. Values may be purged.
 *
 * <p>A value that was read from the database before a change must not be put after it. Hibernate
 * looks at the entry of the key for that: it is a soft lock while a transaction changes the key,
 * and afterwards a newer value or the time of the change. Here the lock is on the heap while it is
 * held. For what comes afterwards an entry is not asked, as it may be gone: a stripe of keys has
 * the time of its last change, and what a transaction loads that began before is not kept.
 *
 * <p>For READ_WRITE, Hibernate's own lock makes each of its steps one. Other strategies have no
 * lock: so who puts looks at the time again afterwards, and who removes sets it before.
 * Thread-safe.
 */
final class PurgeableAccess implements DomainDataStorageAccess {
  private static final int STRIPES = 1024;

  private final Cache<Object, Object> cache;
  private final LongSupplier clock;
  private final Map<Object, SoftLockImpl> locks = new ConcurrentHashMap<>();
  private final AtomicLongArray changes = new AtomicLongArray(STRIPES);

  /**
   * @param clock returns Hibernate's timestamps, each later than all before
   */
  PurgeableAccess(Cache<Object, Object> cache, LongSupplier clock) {
    this.cache = cache;
    this.clock = clock;
  }

  private static int stripe(Object key) {
    return (key.hashCode() * 0x9E3779B9) >>> 22;
  }

  private void changed(int stripe) {
    changes.accumulateAndGet(stripe, clock.getAsLong(), Math::max);
  }

  private boolean isLoadedAfterChange(Object key, SharedSessionContractImplementor session) {
    return session.getCacheTransactionSynchronization().getCachingTimestamp()
        > changes.get(stripe(key));
  }

  /** Asks a lock whether it would let in what was loaded now. Then nobody holds it. */
  private boolean isHeld(SoftLockImpl lock) {
    return !lock.isWriteable(clock.getAsLong(), null, (unusedLock, unusedLoaded) -> -1);
  }

  @Override
  public @Nullable Object getFromCache(Object key, SharedSessionContractImplementor session) {
    Object lock = locks.get(key);
    return lock == null ? cache.get(key) : lock;
  }

  @Override
  public void putIntoCache(Object key, Object value, SharedSessionContractImplementor session) {
    if (value instanceof SoftLockImpl lock) {
      changed(stripe(key));
      if (isHeld(lock)) {
        locks.put(key, lock);
      } else {
        locks.remove(key);
      }
      cache.remove(key);
    } else if (locks.remove(key) != null) {
      // The only transaction that held the lock has ended, and puts what it wrote.
      changed(stripe(key));
      cache.put(key, value);
    } else if (isLoadedAfterChange(key, session)) {
      cache.put(key, value);
      if (!isLoadedAfterChange(key, session)) {
        cache.remove(key);
      }
    }
  }

  @Override
  public boolean contains(Object key) {
    return cache.containsKey(key);
  }

  @Override
  public void evictData(Object key) {
    changed(stripe(key));
    cache.remove(key);
  }

  @Override
  public void evictData() {
    for (int stripe = 0; stripe < STRIPES; stripe++) {
      changed(stripe);
    }
    cache.clear();
  }

  @Override
  public void release() {
    cache.close();
  }
}
