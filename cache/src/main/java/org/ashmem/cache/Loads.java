// SPDX-License-Identifier: Apache-2.0
package org.ashmem.cache;

import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentMap;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/** Loads of values: one for a key at a time, however many threads ask. Thread-safe. */
final class Loads<K, V> {
  private final ConcurrentMap<K, Load<V>> running = new ConcurrentHashMap<>();

  /** A load, and the thread that makes it. */
  private static final class Load<V> extends CompletableFuture<@Nullable V> {
    final Thread thread = Thread.currentThread();
  }

  /**
   * Returns the value that a running load of another thread returns, or loads it. A load that
   * returns null stores nothing.
   *
   * @param present returns the value if it is there by now, or null
   * @param load loads it
   * @param store stores it; not called if {@link #forget} was called meanwhile
   */
  @Nullable V load(
      K key,
      Supplier<@Nullable V> present,
      Function<? super K, ? extends @Nullable V> load,
      Consumer<V> store) {
    Load<V> mine = new Load<>();
    Load<V> other = running.putIfAbsent(key, mine);
    if (other != null) {
      return await(key, other);
    }
    try {
      V value = present.get();
      if (value == null) {
        V loaded = load.apply(key);
        if (loaded != null) {
          store(key, mine, () -> store.accept(loaded));
        }
        value = loaded;
      }
      boolean unused = mine.complete(value);
      return value;
    } catch (Throwable e) {
      boolean unused = mine.completeExceptionally(e);
      throw e;
    } finally {
      boolean unused = running.remove(key, mine);
    }
  }

  /** Stores while no other thread can forget the load. */
  private void store(K key, Load<V> mine, Runnable store) {
    Load<V> unused =
        running.computeIfPresent(
            key,
            (same, load) -> {
              if (load == mine) {
                store.run();
              }
              return load;
            });
  }

  private @Nullable V await(K key, Load<V> other) {
    if (other.thread == Thread.currentThread()) {
      throw new IllegalStateException("the loader of " + key + " asks the cache for the same key");
    }
    try {
      return other.join();
    } catch (CompletionException e) {
      if (e.getCause() instanceof RuntimeException cause) {
        throw cause;
      }
      if (e.getCause() instanceof Error cause) {
        throw cause;
      }
      throw e;
    }
  }

  /** Keeps the result of a running load out of the cache: the program said something newer. */
  void forget(Object key) {
    if (!running.isEmpty()) {
      Load<V> unused = running.remove(key);
    }
  }

  void forgetAll() {
    running.clear();
  }
}
