// SPDX-License-Identifier: Apache-2.0
package org.ashmem.cache.jcache;

import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import javax.cache.Cache;
import javax.cache.configuration.CacheEntryListenerConfiguration;
import javax.cache.event.CacheEntryCreatedListener;
import javax.cache.event.CacheEntryEvent;
import javax.cache.event.CacheEntryEventFilter;
import javax.cache.event.CacheEntryExpiredListener;
import javax.cache.event.CacheEntryListener;
import javax.cache.event.CacheEntryListenerException;
import javax.cache.event.CacheEntryRemovedListener;
import javax.cache.event.CacheEntryUpdatedListener;
import javax.cache.event.EventType;
import org.ashmem.cache.Codec;
import org.jspecify.annotations.Nullable;

/**
 * The listeners of a cache. Those that are synchronous are called by the thread that changed the
 * entry, which holds its lock; each of the others by a thread of its own. So each is told of the
 * changes of a key in their order. Thread-safe.
 */
final class Listeners<K, V> {
  private final Cache<K, V> cache;
  private final Codec<V> codec;
  private final List<Registration> registrations = new CopyOnWriteArrayList<>();

  Listeners(Cache<K, V> cache, Codec<V> codec) {
    this.cache = cache;
    this.codec = codec;
  }

  /**
   * What happens to entries while their locks are held. Closing it tells the listeners, and then
   * releases the locks.
   */
  final class Events implements AutoCloseable {
    private final KeyLocks.Held locks;
    private final List<Event> events = new ArrayList<>(1);

    private Events(KeyLocks.Held locks) {
      this.locks = locks;
    }

    /**
     * @param value the bytes that were put or, of a removed entry, those that it had
     * @param old the bytes before, if there were any
     */
    void add(EventType type, K key, ByteBuffer value, @Nullable ByteBuffer old) {
      if (!registrations.isEmpty()) {
        events.add(new Event(type, key, value, old));
      }
    }

    /**
     * Tells the listeners.
     *
     * @throws CacheEntryListenerException if a synchronous listener threw; all were told
     */
    @Override
    public void close() {
      try (locks) {
        tell();
      }
    }

    private void tell() {
      Throwable thrown = null;
      for (Event event : events) {
        for (Registration registration : registrations) {
          try {
            registration.tell(event);
          } catch (RuntimeException | Error e) {
            if (thrown == null) {
              thrown = e;
            } else if (thrown != e) {
              thrown.addSuppressed(e);
            }
          }
        }
      }
      if (thrown instanceof Error error) {
        throw error;
      }
      if (thrown instanceof CacheEntryListenerException exception) {
        throw exception;
      }
      if (thrown != null) {
        throw new CacheEntryListenerException("a listener threw", thrown);
      }
    }
  }

  /** What happened to an entry. Each call of a getter makes the value anew: no two share it. */
  @SuppressWarnings("serial") // nobody serializes it
  private final class Event extends CacheEntryEvent<K, V> {
    private final transient K key;
    private final transient ByteBuffer value;
    private final transient @Nullable ByteBuffer old;

    Event(EventType type, K key, ByteBuffer value, @Nullable ByteBuffer old) {
      super(cache, type);
      this.key = key;
      this.value = value;
      this.old = old;
    }

    @Override
    public K getKey() {
      return key;
    }

    @Override
    public V getValue() {
      return codec.decode(Entries.value(value));
    }

    @Override
    public @Nullable V getOldValue() {
      return old == null ? null : codec.decode(Entries.value(old));
    }

    @Override
    public boolean isOldValueAvailable() {
      return old != null;
    }

    @Override
    public <T> T unwrap(Class<T> type) {
      return Unwrapping.unwrap(type, this);
    }
  }

  /** A listener that is registered. */
  private final class Registration {
    private final CacheEntryListenerConfiguration<K, V> configuration;
    private final CacheEntryListener<K, V> listener;
    private final @Nullable CacheEntryEventFilter<? super K, ? super V> filter;

    /** Calls a listener that is not synchronous: one thread, so that the order is kept. */
    private final @Nullable ExecutorService thread;

    @SuppressWarnings("unchecked") // a listener of a super type takes these events, too
    Registration(CacheEntryListenerConfiguration<K, V> configuration) {
      this.configuration = configuration;
      this.listener =
          (CacheEntryListener<K, V>) configuration.getCacheEntryListenerFactory().create();
      this.filter =
          configuration.getCacheEntryEventFilterFactory() == null
              ? null
              : configuration.getCacheEntryEventFilterFactory().create();
      this.thread = configuration.isSynchronous() ? null : thread("listener of " + cache.getName());
    }

    void tell(Event event) {
      if (thread == null) {
        call(event);
        return;
      }
      try {
        thread.execute(
            () -> {
              try {
                call(event);
              } catch (RuntimeException | Error e) {
                System.getLogger("org.ashmem.cache")
                    .log(System.Logger.Level.WARNING, "a listener threw", e);
              }
            });
      } catch (RejectedExecutionException e) {
        // It was removed meanwhile, or the cache was closed.
      }
    }

    private void call(Event event) {
      if (filter != null && !filter.evaluate(event)) {
        return;
      }
      List<CacheEntryEvent<? extends K, ? extends V>> one = List.of(event);
      switch (event.getEventType()) {
        case CREATED -> {
          if (listener instanceof CacheEntryCreatedListener<K, V> created) {
            created.onCreated(one);
          }
        }
        case UPDATED -> {
          if (listener instanceof CacheEntryUpdatedListener<K, V> updated) {
            updated.onUpdated(one);
          }
        }
        case REMOVED -> {
          if (listener instanceof CacheEntryRemovedListener<K, V> removed) {
            removed.onRemoved(one);
          }
        }
        case EXPIRED -> {
          if (listener instanceof CacheEntryExpiredListener<K, V> expired) {
            expired.onExpired(one);
          }
        }
      }
    }

    void close() {
      if (thread != null) {
        List<Runnable> untold = thread.shutdownNow();
        untold.clear();
      }
      JCache.close(listener);
      JCache.close(filter);
    }
  }

  /** Returns an executor of one daemon thread, which ends while there is nothing to do. */
  static ExecutorService thread(String name) {
    ThreadPoolExecutor executor =
        new ThreadPoolExecutor(
            1,
            1,
            1,
            TimeUnit.SECONDS,
            new LinkedBlockingQueue<>(),
            task -> {
              Thread thread = new Thread(task, "ashmem-jcache " + name);
              thread.setDaemon(true);
              return thread;
            });
    executor.allowCoreThreadTimeOut(true);
    return executor;
  }

  Events events(KeyLocks.Held locks) {
    return new Events(locks);
  }

  void add(CacheEntryListenerConfiguration<K, V> configuration) {
    registrations.add(new Registration(configuration));
  }

  void remove(CacheEntryListenerConfiguration<K, V> configuration) {
    for (Registration registration : List.copyOf(registrations)) {
      if (registration.configuration.equals(configuration) && registrations.remove(registration)) {
        registration.close();
      }
    }
  }

  void close() {
    for (Registration registration : List.copyOf(registrations)) {
      if (registrations.remove(registration)) {
        registration.close();
      }
    }
  }
}
