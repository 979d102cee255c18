// SPDX-License-Identifier: Apache-2.0
package org.ashmem.cache.jcache;

import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Proxy;
import java.net.URI;
import java.nio.ByteBuffer;
import java.util.HashMap;
import java.util.Map;
import java.util.Properties;
import java.util.Random;
import javax.cache.Cache;
import javax.cache.CacheManager;
import javax.cache.configuration.Configuration;
import javax.cache.configuration.OptionalFeature;
import javax.cache.spi.CachingProvider;
import org.ashmem.cache.PurgeableCache;

/**
 * Our provider, whose caches lose all they have before some calls, at random by the system property
 * {@code purge.seed}. With {@code purge.how} as {@code purge} the memory is purged; as {@code
 * evict} the entries are removed from below, as if they had never been there: then whatever a test
 * says is due to what was missing. The calls before which this happens depend on the seed, the
 * cache's name and the number of the call, and so are the same for both.
 */
public final class PurgingProvider implements CachingProvider {
  private static final long SEED = Long.getLong("purge.seed", 0);
  private static final boolean PURGE = !"evict".equals(System.getProperty("purge.how"));

  private final CachingProvider provider = new PurgeableCachingProvider();

  /** The same manager has the same face, as the tests look whether it is the same. */
  private final Map<CacheManager, CacheManager> managers = new HashMap<>();

  /** Makes the provider. */
  public PurgingProvider() {
    System.out.println("seed " + SEED + ", " + (PURGE ? "purging" : "evicting"));
  }

  /** Loses all that a cache has. */
  static void purge(Cache<?, ?> cache) {
    PurgeableCache<Object, ByteBuffer> below = below(cache);
    // What is purgeable are segments that are full.
    Object filler = new Object();
    for (int i = 0; i < 2; i++) {
      below.put(filler, ByteBuffer.allocate(below.longestValue()));
    }
    below.invalidate(filler);
    below.discard();
  }

  @SuppressWarnings("unchecked")
  static PurgeableCache<Object, ByteBuffer> below(Cache<?, ?> cache) {
    return cache.unwrap(PurgeableCache.class);
  }

  private synchronized CacheManager face(CacheManager manager) {
    return managers.computeIfAbsent(manager, same -> face(CacheManager.class, new Faces(same)));
  }

  private static <T> T face(Class<T> type, java.lang.reflect.InvocationHandler handler) {
    return type.cast(Proxy.newProxyInstance(type.getClassLoader(), new Class<?>[] {type}, handler));
  }

  private static Object invoke(Object object, Method method, Object[] arguments) throws Throwable {
    try {
      return method.invoke(object, arguments);
    } catch (InvocationTargetException e) {
      throw e.getCause();
    }
  }

  /** A manager, whose caches have faces. */
  private final class Faces implements java.lang.reflect.InvocationHandler {
    private final CacheManager manager;
    private final Map<Cache<?, ?>, Cache<?, ?>> caches = new HashMap<>();

    Faces(CacheManager manager) {
      this.manager = manager;
    }

    @Override
    public Object invoke(Object proxy, Method method, Object[] arguments) throws Throwable {
      switch (method.getName()) {
        case "equals" -> {
          return proxy == arguments[0];
        }
        case "hashCode" -> {
          return System.identityHashCode(proxy);
        }
        case "getCachingProvider" -> {
          return PurgingProvider.this;
        }
        case "createCache" -> {
          if (arguments[1] != null) {
            // A small one is filled at once.
            PurgeableConfiguration<?, ?> small =
                PurgeableConfiguration.copy((Configuration<?, ?>) arguments[1]);
            arguments = new Object[] {arguments[0], small.setMaximumBytes(2 << 20)};
          }
        }
        default -> {}
      }
      Object result = PurgingProvider.invoke(manager, method, arguments);
      return result instanceof Cache<?, ?> cache ? face(cache, (CacheManager) proxy) : result;
    }

    private synchronized Cache<?, ?> face(Cache<?, ?> cache, CacheManager manager) {
      return caches.computeIfAbsent(
          cache, same -> PurgingProvider.face(Cache.class, new Losses(same, manager)));
    }
  }

  /** A cache that loses what it has. */
  private static final class Losses implements java.lang.reflect.InvocationHandler {
    private final Cache<?, ?> cache;
    private final CacheManager manager;
    private final Random random;

    Losses(Cache<?, ?> cache, CacheManager manager) {
      this.cache = cache;
      this.manager = manager;
      this.random = new Random(SEED * 31 + cache.getName().hashCode());
    }

    @Override
    public Object invoke(Object proxy, Method method, Object[] arguments) throws Throwable {
      return switch (method.getName()) {
        case "equals" -> proxy == arguments[0];
        case "hashCode" -> System.identityHashCode(proxy);
        case "getCacheManager" -> manager;
        default -> {
          if (random.nextInt(3) == 0 && !cache.isClosed()) {
            if (PURGE) {
              purge(cache);
            } else {
              below(cache).invalidateAll();
            }
          }
          yield PurgingProvider.invoke(cache, method, arguments);
        }
      };
    }
  }

  @Override
  public CacheManager getCacheManager(URI uri, ClassLoader loader, Properties properties) {
    return face(provider.getCacheManager(uri, loader, properties));
  }

  @Override
  public CacheManager getCacheManager(URI uri, ClassLoader loader) {
    return face(provider.getCacheManager(uri, loader));
  }

  @Override
  public CacheManager getCacheManager() {
    return face(provider.getCacheManager());
  }

  @Override
  public ClassLoader getDefaultClassLoader() {
    return provider.getDefaultClassLoader();
  }

  @Override
  public URI getDefaultURI() {
    return provider.getDefaultURI();
  }

  @Override
  public Properties getDefaultProperties() {
    return provider.getDefaultProperties();
  }

  @Override
  public void close() {
    provider.close();
  }

  @Override
  public void close(ClassLoader loader) {
    provider.close(loader);
  }

  @Override
  public void close(URI uri, ClassLoader loader) {
    provider.close(uri, loader);
  }

  @Override
  public boolean isSupported(OptionalFeature feature) {
    return provider.isSupported(feature);
  }
}
