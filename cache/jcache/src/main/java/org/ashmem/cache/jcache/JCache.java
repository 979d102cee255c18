// SPDX-License-Identifier: Apache-2.0
package org.ashmem.cache.jcache;

import java.nio.ByteBuffer;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Iterator;
import java.util.Map;
import java.util.NoSuchElementException;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.ExecutorService;
import javax.cache.Cache;
import javax.cache.CacheException;
import javax.cache.CacheManager;
import javax.cache.configuration.CacheEntryListenerConfiguration;
import javax.cache.configuration.Configuration;
import javax.cache.integration.CompletionListener;
import javax.cache.processor.EntryProcessor;
import javax.cache.processor.EntryProcessorException;
import javax.cache.processor.EntryProcessorResult;
import org.ashmem.cache.Codec;
import org.ashmem.cache.PurgeableCache;
import org.ashmem.cache.RemovalCause;
import org.ashmem.cache.jcache.Entries.Stored;
import org.jspecify.annotations.Nullable;

/**
 * A cache. Each operation that changes an entry holds the lock of its key from the first look at it
 * until the listeners were told. Thread-safe.
 */
final class JCache<K, V> implements Cache<K, V> {
  private final Manager manager;
  private final String name;
  private final PurgeableConfiguration<K, V> configuration;
  private final ByValue<K> keys;
  private final Deadlines deadlines;
  private final Entries<K> entries;
  private final KeyLocks locks = new KeyLocks();
  private final Through<K, V> through;
  private final Listeners<K, V> listeners;
  private final Statistics statistics = new Statistics();
  private final Beans beans;
  private final ExecutorService loads;
  private final Locked<K, V> locked;
  private volatile boolean closed;

  JCache(Manager manager, String name, PurgeableConfiguration<K, V> configuration) {
    this.manager = manager;
    this.name = name;
    this.configuration = configuration;
    this.keys = new ByValue<>(manager.getClassLoader());
    this.beans = new Beans(manager.getURI(), name);
    this.loads = Listeners.thread("loads of " + name);
    PurgeableCache<K, ByteBuffer> memory =
        PurgeableCache.<K, ByteBuffer>builder(Codec.buffer())
            .maximumBytes(configuration.getMaximumBytes())
            .minimumBytes(configuration.getMinimumBytes())
            .store(configuration.getStore())
            .removalListener((key, cause) -> count(cause))
            .build();
    try {
      Codec<V> codec =
          configuration.getCodecFactory() == null
              ? new ByValue<>(manager.getClassLoader())
              : configuration.getCodecFactory().create();
      this.deadlines = new Deadlines(configuration.getExpiryPolicyFactory().create());
      this.entries = new Entries<>(memory, keys::copy, deadlines);
      this.through = new Through<>(configuration);
      this.listeners = new Listeners<>(this, codec);
      this.locked = new Locked<>(codec, keys, deadlines, entries, through, statistics);
      configuration.getCacheEntryListenerConfigurations().forEach(listeners::add);
    } catch (Throwable e) {
      memory.close();
      throw e;
    }
    enableStatistics(configuration.isStatisticsEnabled());
    enableManagement(configuration.isManagementEnabled());
  }

  private void count(RemovalCause cause) {
    if (cause == RemovalCause.PURGED || cause == RemovalCause.SIZE) {
      statistics.evicted();
    }
  }

  private void requireOpen() {
    if (closed) {
      throw new IllegalStateException("the cache " + name + " is closed");
    }
  }

  private void require(Object key) {
    requireOpen();
    Objects.requireNonNull(key, "key");
  }

  private void requireAll(Set<? extends K> wanted) {
    requireOpen();
    for (K key : wanted) {
      Objects.requireNonNull(key, "key");
    }
  }

  /** Returns a value without a lock, or null if that takes one, or there is none. */
  private @Nullable V peek(K key, long start) {
    Stored stored = entries.peek(key);
    if (stored == null
        || deadlines.hasPassed(stored.deadline())
        || deadlines.afterAccess(stored.deadline()) != stored.deadline()) {
      return null;
    }
    statistics.got(true, start);
    return locked.value(stored);
  }

  @Override
  public @Nullable V get(K key) {
    require(key);
    long start = statistics.start();
    V value = peek(key, start);
    if (value != null) {
      return value;
    }
    try (var events = listeners.events(locks.hold(key))) {
      value = locked.find(key, start, events);
      if (value == null) {
        value = through.load(key);
        if (value != null) {
          locked.put(key, locked.bytes(value), null, events);
        }
      }
      return value;
    }
  }

  @Override
  public Map<K, V> getAll(Set<? extends K> wanted) {
    requireAll(wanted);
    Map<K, V> found = new HashMap<>();
    Set<K> missing = new HashSet<>();
    for (K key : wanted) {
      V value = peek(key, statistics.start());
      if (value == null) {
        missing.add(key);
      } else {
        found.put(key, value);
      }
    }
    try (var events = listeners.events(locks.holdAll(missing))) {
      Set<K> absent = new HashSet<>();
      for (K key : missing) {
        V value = locked.find(key, statistics.start(), events);
        if (value == null) {
          absent.add(key);
        } else {
          found.put(key, value);
        }
      }
      if (through.reads()) {
        found.putAll(locked.load(absent, events));
      }
    }
    return found;
  }

  @Override
  public void loadAll(
      Set<? extends K> wanted, boolean replace, @Nullable CompletionListener listener) {
    requireAll(wanted);
    Set<K> copy = new HashSet<>(wanted);
    loads.execute(
        () -> {
          try {
            try (var events = listeners.events(locks.holdAll(copy))) {
              requireOpen();
              copy.removeIf(key -> !replace && locked.find(key, events) != null);
              locked.load(copy, events);
            }
            if (listener != null) {
              listener.onCompletion();
            }
          } catch (Exception e) {
            if (listener != null) {
              listener.onException(e);
            }
          }
        });
  }

  @Override
  public boolean containsKey(K key) {
    require(key);
    Stored stored = entries.find(key);
    if (stored == null || !deadlines.hasPassed(stored.deadline())) {
      return stored != null;
    }
    try (var events = listeners.events(locks.hold(key))) {
      return locked.find(key, events) != null;
    }
  }

  @Override
  public void put(K key, V value) {
    require(key);
    long start = statistics.start();
    ByteBuffer bytes = locked.bytes(value);
    try (var events = listeners.events(locks.hold(key))) {
      locked.write(key, value, bytes, locked.find(key, events), start, events);
    }
  }

  @Override
  public @Nullable V getAndPut(K key, V value) {
    require(key);
    long start = statistics.start();
    ByteBuffer bytes = locked.bytes(value);
    try (var events = listeners.events(locks.hold(key))) {
      Stored old = locked.find(key, events);
      statistics.got(old != null, start);
      locked.write(key, value, bytes, old, start, events);
      return old == null ? null : locked.value(old);
    }
  }

  @Override
  public void putAll(Map<? extends K, ? extends V> values) {
    requireOpen();
    long start = statistics.start();
    Map<K, ByteBuffer> bytes = new HashMap<>();
    values.forEach(
        (key, value) -> bytes.put(Objects.requireNonNull(key, "key"), locked.bytes(value)));
    try (var events = listeners.events(locks.holdAll(bytes.keySet()))) {
      Through.Done<K> written = through.writeAll(values);
      bytes.forEach(
          (key, of) -> {
            if (written.has(key) && locked.put(key, of, locked.find(key, events), events)) {
              statistics.put(start);
            }
          });
      written.rethrow();
    }
  }

  @Override
  public boolean putIfAbsent(K key, V value) {
    require(key);
    long start = statistics.start();
    ByteBuffer bytes = locked.bytes(value);
    try (var events = listeners.events(locks.hold(key))) {
      Stored old = locked.find(key, events);
      statistics.got(old != null, start);
      if (old == null) {
        locked.write(key, value, bytes, null, start, events);
      }
      return old == null;
    }
  }

  @Override
  public boolean remove(K key) {
    require(key);
    long start = statistics.start();
    try (var events = listeners.events(locks.hold(key))) {
      return locked.delete(key, locked.find(key, events), start, events) != null;
    }
  }

  @Override
  public boolean remove(K key, V expected) {
    require(key);
    Objects.requireNonNull(expected, "value");
    long start = statistics.start();
    try (var events = listeners.events(locks.hold(key))) {
      Stored old = locked.findExpected(key, expected, start, events);
      return old != null && locked.delete(key, old, start, events) != null;
    }
  }

  @Override
  public @Nullable V getAndRemove(K key) {
    require(key);
    long start = statistics.start();
    try (var events = listeners.events(locks.hold(key))) {
      Stored old = locked.find(key, events);
      statistics.got(old != null, start);
      old = locked.delete(key, old, start, events);
      return old == null ? null : locked.value(old);
    }
  }

  @Override
  public boolean replace(K key, V expected, V value) {
    require(key);
    Objects.requireNonNull(expected, "old value");
    long start = statistics.start();
    ByteBuffer bytes = locked.bytes(value);
    try (var events = listeners.events(locks.hold(key))) {
      Stored old = locked.findExpected(key, expected, start, events);
      if (old != null) {
        locked.write(key, value, bytes, old, start, events);
      }
      return old != null;
    }
  }

  @Override
  public boolean replace(K key, V value) {
    return getAndReplace(key, value) != null;
  }

  @Override
  public @Nullable V getAndReplace(K key, V value) {
    require(key);
    long start = statistics.start();
    ByteBuffer bytes = locked.bytes(value);
    try (var events = listeners.events(locks.hold(key))) {
      Stored old = locked.find(key, events);
      statistics.got(old != null, start);
      if (old == null) {
        return null;
      }
      locked.write(key, value, bytes, old, start, events);
      return locked.value(old);
    }
  }

  @Override
  public void removeAll(Set<? extends K> unwanted) {
    requireAll(unwanted);
    try (var events = listeners.events(locks.holdAll(unwanted))) {
      locked.removeAll(unwanted, events);
    }
  }

  @Override
  public void removeAll() {
    requireOpen();
    try (var events = listeners.events(locks.holdAll())) {
      Set<K> present = new HashSet<>();
      entries
          .iterator()
          .forEachRemaining(
              entry -> {
                if (locked.find(entry.getKey(), events) != null) {
                  present.add(keys.copy(entry.getKey()));
                }
              });
      locked.removeAll(present, events);
    }
  }

  @Override
  public void clear() {
    requireOpen();
    KeyLocks.Held held = locks.holdAll();
    try {
      entries.clear();
    } finally {
      held.close();
    }
  }

  @Override
  public <T> @Nullable T invoke(K key, EntryProcessor<K, V, T> processor, Object... arguments) {
    require(key);
    Objects.requireNonNull(processor, "processor");
    long start = statistics.start();
    try (var events = listeners.events(locks.hold(key))) {
      Stored stored = locked.find(key, events);
      statistics.got(stored != null, start);
      ProcessedEntry<K, V> entry =
          new ProcessedEntry<>(
              key,
              stored != null,
              () -> stored == null ? null : locked.value(stored),
              () -> through.load(key));
      T result;
      try {
        result = processor.process(entry, arguments);
      } catch (EntryProcessorException e) {
        throw e;
      } catch (RuntimeException e) {
        throw new EntryProcessorException("the entry processor of " + key + " threw", e);
      }
      locked.finish(entry, stored, start, events);
      return result;
    }
  }

  @Override
  public <T> Map<K, EntryProcessorResult<T>> invokeAll(
      Set<? extends K> wanted, EntryProcessor<K, V, T> processor, Object... arguments) {
    requireAll(wanted);
    Objects.requireNonNull(processor, "processor");
    Map<K, EntryProcessorResult<T>> results = new HashMap<>();
    for (K key : wanted) {
      try {
        T result = invoke(key, processor, arguments);
        if (result != null) {
          results.put(key, () -> result);
        }
      } catch (EntryProcessorException e) {
        results.put(
            key,
            () -> {
              throw e;
            });
      } catch (CacheException e) {
        results.put(
            key,
            () -> {
              throw new EntryProcessorException(e);
            });
      }
    }
    return results;
  }

  @Override
  public Iterator<Entry<K, V>> iterator() {
    requireOpen();
    return new Walk(entries.iterator());
  }

  /** Shows each entry that is there when it comes to it. */
  private final class Walk implements Iterator<Entry<K, V>> {
    private final Iterator<Map.Entry<K, Stored>> all;
    private Map.@Nullable Entry<K, Stored> next;
    private @Nullable K last;

    Walk(Iterator<Map.Entry<K, Stored>> all) {
      this.all = all;
    }

    @Override
    public boolean hasNext() {
      requireOpen();
      while (next == null && all.hasNext()) {
        Map.Entry<K, Stored> entry = all.next();
        if (!deadlines.hasPassed(entry.getValue().deadline())) {
          next = entry;
        } else {
          K key = entry.getKey();
          try (var events = listeners.events(locks.hold(key))) {
            Stored stored = locked.find(key, events);
            next = stored == null ? null : Map.entry(key, stored);
          }
        }
      }
      return next != null;
    }

    @Override
    public Entry<K, V> next() {
      if (!hasNext() || next == null) {
        throw new NoSuchElementException();
      }
      long start = statistics.start();
      K key = next.getKey();
      Stored stored = next.getValue();
      next = null;
      last = key;
      statistics.got(true, start);
      if (deadlines.afterAccess(stored.deadline()) != stored.deadline()) {
        try (var events = listeners.events(locks.hold(key))) {
          Stored now = locked.find(key, events);
          if (now != null) {
            locked.access(key, now, events);
          }
        }
      }
      return new Pair<>(keys.copy(key), locked.value(stored));
    }

    @Override
    public void remove() {
      if (last == null) {
        throw new IllegalStateException("next was not called, or the entry was removed");
      }
      boolean unused = JCache.this.remove(last);
      last = null;
    }
  }

  @Override
  public void registerCacheEntryListener(CacheEntryListenerConfiguration<K, V> listener) {
    requireOpen();
    synchronized (configuration) {
      configuration.addCacheEntryListenerConfiguration(listener);
      listeners.add(listener);
    }
  }

  @Override
  public void deregisterCacheEntryListener(CacheEntryListenerConfiguration<K, V> listener) {
    requireOpen();
    synchronized (configuration) {
      configuration.removeCacheEntryListenerConfiguration(listener);
      listeners.remove(listener);
    }
  }

  void enableStatistics(boolean on) {
    synchronized (configuration) {
      configuration.setStatisticsEnabled(on);
      statistics.enable(on);
      beans.show("CacheStatistics", statistics, on);
    }
  }

  void enableManagement(boolean on) {
    synchronized (configuration) {
      configuration.setManagementEnabled(on);
      beans.show("CacheConfiguration", new Beans.Management(configuration), on);
    }
  }

  Class<K> keyType() {
    return configuration.getKeyType();
  }

  Class<V> valueType() {
    return configuration.getValueType();
  }

  @Override
  public <C extends Configuration<K, V>> C getConfiguration(Class<C> type) {
    synchronized (configuration) {
      return Unwrapping.unwrap(type, new PurgeableConfiguration<>(configuration));
    }
  }

  @Override
  public String getName() {
    return name;
  }

  @Override
  public CacheManager getCacheManager() {
    return manager;
  }

  @Override
  public void close() {
    synchronized (configuration) {
      if (closed) {
        return;
      }
      closed = true;
    }
    manager.forget(this);
    beans.show("CacheStatistics", statistics, false);
    beans.show("CacheConfiguration", this, false);
    loads.shutdown();
    listeners.close();
    close(through.loader);
    close(through.writer);
    close(deadlines.policy());
    entries.cache().close();
  }

  /** Closes what the program gave to the cache, if it can be closed. */
  static void close(@Nullable Object given) {
    if (given instanceof AutoCloseable closeable) {
      try {
        closeable.close();
      } catch (Exception e) {
        System.getLogger("org.ashmem.cache")
            .log(System.Logger.Level.WARNING, given.getClass() + " could not be closed", e);
      }
    }
  }

  @Override
  public boolean isClosed() {
    return closed;
  }

  @Override
  public <T> T unwrap(Class<T> type) {
    return Unwrapping.unwrap(type, this, entries.cache());
  }
}
