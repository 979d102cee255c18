// SPDX-License-Identifier: Apache-2.0
package org.ashmem.cache.jcache;

import java.net.URI;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Properties;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import javax.cache.Cache;
import javax.cache.CacheException;
import javax.cache.CacheManager;
import javax.cache.configuration.Configuration;
import javax.cache.spi.CachingProvider;
import org.jspecify.annotations.Nullable;

/** The caches of a provider for a URI and a class loader. Thread-safe. */
final class Manager implements CacheManager {
  private final PurgeableCachingProvider provider;
  private final URI uri;
  private final ClassLoader loader;
  private final Properties properties = new Properties();
  private final @Nullable CacheFile file;
  private final Map<String, JCache<?, ?>> caches = new TreeMap<>();
  private volatile boolean closed;

  Manager(
      PurgeableCachingProvider provider,
      URI uri,
      ClassLoader loader,
      @Nullable Properties properties,
      @Nullable CacheFile file) {
    this.provider = provider;
    this.uri = uri;
    this.loader = loader;
    this.file = file;
    if (properties != null) {
      this.properties.putAll(properties);
    }
  }

  @Override
  public CachingProvider getCachingProvider() {
    return provider;
  }

  @Override
  public URI getURI() {
    return uri;
  }

  @Override
  public ClassLoader getClassLoader() {
    return loader;
  }

  @Override
  public Properties getProperties() {
    return properties;
  }

  @Override
  public <K, V, C extends Configuration<K, V>> Cache<K, V> createCache(
      String name, C configuration) {
    Objects.requireNonNull(name, "name");
    PurgeableConfiguration<K, V> copy = PurgeableConfiguration.copy(configuration);
    synchronized (caches) {
      requireOpen();
      if (caches.containsKey(name)) {
        throw new CacheException("there is a cache " + name + " already");
      }
      PurgeableConfiguration<K, V> described = described(name);
      if (described != null && !(configuration instanceof PurgeableConfiguration)) {
        copy.setMemory(described);
      }
      return create(name, copy);
    }
  }

  /** Creates a cache. The caller holds the lock of the caches. */
  private <K, V> JCache<K, V> create(String name, PurgeableConfiguration<K, V> configuration) {
    configuration.check();
    Unpurgeable.refuseCache(name);
    if (!configuration.isStoreByValue()) {
      throw new UnsupportedOperationException(
          "the cache " + name + " cannot store by reference: its values are outside the heap");
    }
    JCache<K, V> cache = new JCache<>(this, name, configuration);
    caches.put(name, cache);
    return cache;
  }

  /** What the file says has any types. */
  @SuppressWarnings("unchecked")
  private <K, V> @Nullable PurgeableConfiguration<K, V> described(String name) {
    return file == null ? null : (PurgeableConfiguration<K, V>) file.cache(name);
  }

  @Override
  public <K, V> @Nullable Cache<K, V> getCache(String name, Class<K> keyType, Class<V> valueType) {
    Objects.requireNonNull(keyType, "keyType");
    Objects.requireNonNull(valueType, "valueType");
    JCache<K, V> cache = find(name);
    if (cache != null) {
      requireType(name, "keys", cache.keyType(), keyType);
      requireType(name, "values", cache.valueType(), valueType);
    }
    return cache;
  }

  private static void requireType(String name, String what, Class<?> has, Class<?> asked) {
    if (!has.equals(asked)) {
      throw new ClassCastException(
          "the cache "
              + name
              + " has "
              + what
              + " of "
              + has.getName()
              + ", not "
              + asked.getName());
    }
  }

  @Override
  public <K, V> @Nullable Cache<K, V> getCache(String name) {
    return find(name);
  }

  /** The caller says which types the cache has. */
  @SuppressWarnings("unchecked")
  private <K, V> @Nullable JCache<K, V> find(String name) {
    Objects.requireNonNull(name, "name");
    synchronized (caches) {
      requireOpen();
      JCache<K, V> cache = (JCache<K, V>) caches.get(name);
      if (cache == null) {
        PurgeableConfiguration<K, V> described = described(name);
        return described == null ? null : create(name, described);
      }
      return cache;
    }
  }

  /** Those of the file are among them, as {@link #getCache} has them. */
  @Override
  public Iterable<String> getCacheNames() {
    synchronized (caches) {
      requireOpen();
      Set<String> names = new TreeSet<>(caches.keySet());
      if (file != null) {
        names.addAll(file.names());
      }
      return List.copyOf(names);
    }
  }

  @Override
  public void destroyCache(String name) {
    Objects.requireNonNull(name, "name");
    JCache<?, ?> cache;
    synchronized (caches) {
      requireOpen();
      cache = caches.get(name);
    }
    if (cache != null) {
      cache.close();
    }
  }

  @Override
  public void enableManagement(String name, boolean enabled) {
    JCache<?, ?> cache = existing(name);
    if (cache != null) {
      cache.enableManagement(enabled);
    }
  }

  @Override
  public void enableStatistics(String name, boolean enabled) {
    JCache<?, ?> cache = existing(name);
    if (cache != null) {
      cache.enableStatistics(enabled);
    }
  }

  private @Nullable JCache<?, ?> existing(String name) {
    Objects.requireNonNull(name, "name");
    synchronized (caches) {
      requireOpen();
      return caches.get(name);
    }
  }

  /** Forgets a cache that was closed. */
  void forget(JCache<?, ?> cache) {
    synchronized (caches) {
      boolean unused = caches.remove(cache.getName(), cache);
    }
  }

  @Override
  public void close() {
    List<JCache<?, ?>> closing;
    synchronized (caches) {
      closed = true;
      closing = new ArrayList<>(caches.values());
    }
    closing.forEach(cache -> cache.close());
    provider.forget(this);
  }

  @Override
  public boolean isClosed() {
    return closed;
  }

  private void requireOpen() {
    if (closed) {
      throw new IllegalStateException("the cache manager " + uri + " is closed");
    }
  }

  @Override
  public <T> T unwrap(Class<T> type) {
    return Unwrapping.unwrap(type, this);
  }
}
