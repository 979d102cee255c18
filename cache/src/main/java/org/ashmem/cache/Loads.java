// SPDX-License-Identifier: Apache-2.0
package org.ashmem.cache;

import java.util.concurrent.CompletionException;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentMap;
import java.util.concurrent.ForkJoinPool;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.BiConsumer;
import java.util.function.BooleanSupplier;
import java.util.function.Function;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/** Loads of values: one for a key at a time, however many threads ask. Thread-safe. */
final class Loads<K, V> {
  private final ConcurrentMap<K, Load<V>> running = new ConcurrentHashMap<>();

  /** Counts the loads before they are in the map, so that a put without any need not look. */
  private final AtomicInteger count = new AtomicInteger();

  /**
   * A load. The thread that makes it holds the lock until its result is there. Ending it allocates
   * nothing: the heap may be full.
   */
  @SuppressWarnings("serial") // nobody serializes it
  private static final class Load<V> extends ReentrantLock implements ForkJoinPool.ManagedBlocker {
    @Nullable V value;
    @Nullable Throwable thrown;

    @Override
    public boolean block() {
      lock();
      return true;
    }

    @Override
    public boolean isReleasable() {
      return isHeldByCurrentThread() || tryLock();
    }
  }

  /**
   * Returns the value that a running load of another thread returns, or loads it. A load that
   * returns null stores nothing.
   *
   * @param present returns the value if it is there by now, or null
   * @param load loads it
   * @param store stores it, if what it is given says, under the lock of the key, that nobody put or
   *     invalidated the key meanwhile. Until the value is stored, a thread that asks waits for this
   *     load.
   */
  @Nullable V load(
      K key,
      Supplier<@Nullable V> present,
      Function<? super K, ? extends @Nullable V> load,
      BiConsumer<V, BooleanSupplier> store) {
    Load<V> mine = new Load<>();
    int unusedCount = count.incrementAndGet();
    mine.lock();
    try {
      Load<V> other = running.putIfAbsent(key, mine);
      return other == null ? run(key, mine, present, load, store) : await(key, other);
    } finally {
      unusedCount = count.decrementAndGet();
      mine.unlock();
    }
  }

  private @Nullable V run(
      K key,
      Load<V> mine,
      Supplier<@Nullable V> present,
      Function<? super K, ? extends @Nullable V> load,
      BiConsumer<V, BooleanSupplier> store) {
    try {
      V value = present.get();
      if (value == null) {
        V loaded = load.apply(key);
        if (loaded != null) {
          store.accept(loaded, () -> running.get(key) == mine);
        }
        value = loaded;
      }
      mine.value = value;
      return value;
    } catch (Throwable e) {
      mine.thrown = e;
      throw e;
    } finally {
      boolean unused = running.remove(key, mine);
    }
  }

  private @Nullable V await(K key, Load<V> other) {
    if (other.isHeldByCurrentThread()) {
      throw new IllegalStateException("the loader of " + key + " asks the cache for the same key");
    }
    try {
      // If a ForkJoinPool's worker waits, the pool starts another one: the loader may need it.
      ForkJoinPool.managedBlock(other);
    } catch (InterruptedException e) {
      throw new AssertionError("the wait for a lock is not interrupted", e);
    }
    try {
      if (other.thrown instanceof RuntimeException thrown) {
        throw thrown;
      }
      if (other.thrown instanceof Error thrown) {
        throw thrown;
      }
      if (other.thrown != null) {
        throw new CompletionException(other.thrown);
      }
      return other.value;
    } finally {
      other.unlock();
    }
  }

  /**
   * Keeps the result of a running load out of the cache: the program said something newer. The
   * caller changes the entry of the key, and has the lock of the key: a load that finds the earlier
   * value then is forgotten, too.
   */
  void forget(K key) {
    if (count.get() > 0) {
      Load<V> unused = running.remove(key);
    }
  }

  /** Does so for all loads. */
  void forgetAll() {
    running.clear();
  }
}
