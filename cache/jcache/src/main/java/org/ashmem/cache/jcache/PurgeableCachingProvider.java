// SPDX-License-Identifier: Apache-2.0
package org.ashmem.cache.jcache;

import java.net.URI;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import javax.cache.CacheException;
import javax.cache.CacheManager;
import javax.cache.configuration.OptionalFeature;
import javax.cache.spi.CachingProvider;
import org.ashmem.cache.PurgeableCache;
import org.jspecify.annotations.Nullable;

/**
 * The provider of caches whose values lie in memory that the kernel may take back. {@link
 * javax.cache.Caching} finds it.
 *
 * <p><b>A purge is a miss.</b> An entry whose memory was taken is absent for each operation: a
 * cache that reads through loads it again, {@code replace} and {@code remove} of an old value do
 * nothing, {@code getAndPut} returns null, an entry processor sees no entry, and a value that is
 * put then is a creation. It counts as an eviction, when it is noticed. Listeners are told nothing
 * of it: the specification has no event for evictions, and the value that EXPIRED carries is gone.
 *
 * <p><b>By value.</b> Values are bytes outside the heap, made by a codec: by Java's serialization,
 * if {@link PurgeableConfiguration#setCodecFactory} sets no other. Each read makes a new object,
 * with classes that the class loader of the cache manager finds. {@code equals} compares old
 * values, and arrays by their elements. Keys stay on the heap; those that the program might change
 * are copied, and must be serializable. There is no way to store by reference: {@code createCache}
 * throws UnsupportedOperationException for a configuration that asks for it.
 *
 * <p><b>Atomic.</b> An operation holds the lock of its key, which other keys share, while it calls
 * a loader, a writer, an entry processor, an expiry policy or a synchronous listener; those with
 * many keys that load or write hold the locks of all of them; {@code clear} and {@code removeAll}
 * wait for all. So these must not use the same cache: a call that needs a lock throws
 * IllegalStateException there, instead of waiting for ever. They may use another cache, if nothing
 * that this one calls uses the first one. {@code get} of a value that is there takes no lock,
 * unless its expiry policy changes the deadline. Asynchronous listeners have a thread each, and may
 * use the cache.
 *
 * <p><b>Configured by a file.</b> The URI of a cache manager names a file of properties, by {@code
 * file:}, {@code classpath:} or whatever Java can open:
 *
 * <pre>
 * tiles.maximumBytes=2GiB
 * tiles.minimumBytes=64MiB
 * tiles.store=LAZY
 * tiles.codec=bytes
 * tiles.expiry=created PT10M
 * tiles.keyType=java.lang.String
 * tiles.valueType=[B
 * tiles.statisticsEnabled=true
 * </pre>
 *
 * {@code getCache} creates a cache that the file describes, and {@code getCacheNames} names it.
 * {@code createCache} takes the memory and the codec from the file, unless it is given a {@link
 * PurgeableConfiguration}. {@code store} is a {@link org.ashmem.cache.Store}; {@code codec} is
 * bytes, string, buffer, or the name of a class; {@code expiry} is created, accessed, modified or
 * touched, and a duration as {@link java.time.Duration#parse} reads it. What nobody understands in
 * the file is a CacheException that names it.
 *
 * <p><b>Under Hibernate</b> set {@code PurgeableRegionFactory} of {@code ashmem-hibernate}. The one
 * of {@code hibernate-jcache} keeps soft locks and the times of changes in caches, and returns
 * stale data when they are purged: so each is refused by a CacheException.
 *
 * <p>{@code unwrap(PurgeableCache.class)} of a cache returns what is below it: its {@link
 * PurgeableCache#statistics}, {@link PurgeableCache#memory} and {@link PurgeableCache#discard} are
 * for everybody, what it maps is not.
 *
 * <p>Thread-safe, as are its managers and caches.
 */
public final class PurgeableCachingProvider implements CachingProvider {
  private static final URI DEFAULT = URI.create("ashmem:default");

  private final Map<Place, Manager> managers = new HashMap<>();

  private record Place(URI uri, ClassLoader loader) {}

  /** Makes a provider. {@link javax.cache.Caching} does so. */
  public PurgeableCachingProvider() {}

  @Override
  public CacheManager getCacheManager(
      @Nullable URI uri, @Nullable ClassLoader loader, @Nullable Properties properties) {
    Place place = place(uri, loader);
    synchronized (managers) {
      Manager manager = managers.get(place);
      if (manager == null || manager.isClosed()) {
        CacheFile file = place.uri.equals(DEFAULT) ? null : new CacheFile(place.uri, place.loader);
        manager = new Manager(this, place.uri, place.loader, properties, file);
        managers.put(place, manager);
      }
      return manager;
    }
  }

  private Place place(@Nullable URI uri, @Nullable ClassLoader loader) {
    return new Place(
        uri == null ? getDefaultURI() : uri, loader == null ? getDefaultClassLoader() : loader);
  }

  @Override
  public ClassLoader getDefaultClassLoader() {
    return getClass().getClassLoader();
  }

  @Override
  public URI getDefaultURI() {
    return DEFAULT;
  }

  @Override
  public Properties getDefaultProperties() {
    return new Properties();
  }

  @Override
  public CacheManager getCacheManager(@Nullable URI uri, @Nullable ClassLoader loader) {
    return getCacheManager(uri, loader, null);
  }

  @Override
  public CacheManager getCacheManager() {
    return getCacheManager(null, null, null);
  }

  @Override
  public void close() {
    closeAll(null, null);
  }

  @Override
  public void close(@Nullable ClassLoader loader) {
    closeAll(null, loader == null ? getDefaultClassLoader() : loader);
  }

  @Override
  public void close(@Nullable URI uri, @Nullable ClassLoader loader) {
    Place place = place(uri, loader);
    closeAll(place.uri, place.loader);
  }

  private void closeAll(@Nullable URI uri, @Nullable ClassLoader loader) {
    List<Manager> closing = new ArrayList<>();
    synchronized (managers) {
      managers.forEach(
          (place, manager) -> {
            if ((uri == null || place.uri.equals(uri))
                && (loader == null || place.loader.equals(loader))) {
              closing.add(manager);
            }
          });
    }
    closing.forEach(Manager::close);
  }

  /** Forgets a manager that was closed. */
  void forget(Manager manager) {
    synchronized (managers) {
      boolean unused =
          managers.remove(new Place(manager.getURI(), manager.getClassLoader()), manager);
    }
  }

  /**
   * Says which optional features there are: none, since store by reference is the only one.
   *
   * @throws CacheException never
   */
  @Override
  public boolean isSupported(OptionalFeature feature) {
    return false;
  }
}
