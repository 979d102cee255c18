// SPDX-License-Identifier: Apache-2.0
package org.ashmem.cache.jcache;

import java.util.Collection;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.Map;
import java.util.Set;
import javax.cache.Cache;
import javax.cache.integration.CacheLoader;
import javax.cache.integration.CacheLoaderException;
import javax.cache.integration.CacheWriter;
import javax.cache.integration.CacheWriterException;
import org.jspecify.annotations.Nullable;

/** The loader and the writer of a cache, with the exceptions of the specification. */
final class Through<K, V> {
  final @Nullable CacheLoader<K, V> loader;
  final @Nullable CacheWriter<K, V> writer;
  private final boolean reads;
  private final boolean writes;

  @SuppressWarnings("unchecked") // a writer of a super type takes these entries, too
  Through(PurgeableConfiguration<K, V> configuration) {
    loader =
        configuration.getCacheLoaderFactory() == null
            ? null
            : configuration.getCacheLoaderFactory().create();
    writer =
        configuration.getCacheWriterFactory() == null
            ? null
            : (CacheWriter<K, V>) configuration.getCacheWriterFactory().create();
    reads = configuration.isReadThrough();
    writes = configuration.isWriteThrough();
  }

  boolean reads() {
    return reads && loader != null;
  }

  /** Loads a value for a cache that reads through; null otherwise. */
  @Nullable V load(K key) {
    if (!reads || loader == null) {
      return null;
    }
    try {
      return loader.load(key);
    } catch (CacheLoaderException e) {
      throw e;
    } catch (Exception e) {
      throw new CacheLoaderException("the loader of " + key + " threw", e);
    }
  }

  /** Loads values, without those that the loader does not know. */
  Map<K, V> loadAll(Set<? extends K> keys) {
    Map<K, V> known = new LinkedHashMap<>();
    if (loader == null || keys.isEmpty()) {
      return known;
    }
    Map<K, V> loaded;
    try {
      loaded = loader.loadAll(keys);
    } catch (CacheLoaderException e) {
      throw e;
    } catch (Exception e) {
      throw new CacheLoaderException("the loader of " + keys.size() + " keys threw", e);
    }
    if (loaded != null) {
      for (K key : keys) {
        V value = loaded.get(key);
        if (value != null) {
          known.put(key, value);
        }
      }
    }
    return known;
  }

  void write(K key, V value) {
    if (writes && writer != null) {
      try {
        writer.write(new Pair<>(key, value));
      } catch (CacheWriterException e) {
        throw e;
      } catch (Exception e) {
        throw new CacheWriterException("the writer of " + key + " threw", e);
      }
    }
  }

  void delete(K key) {
    if (writes && writer != null) {
      try {
        writer.delete(key);
      } catch (CacheWriterException e) {
        throw e;
      } catch (Exception e) {
        throw new CacheWriterException("the writer threw when it deleted " + key, e);
      }
    }
  }

  /** What a writer did of what it was given, and what it threw. */
  record Done<K>(Set<K> failed, @Nullable CacheWriterException thrown) {
    boolean has(K key) {
      return !failed.contains(key);
    }

    void rethrow() {
      if (thrown != null) {
        throw thrown;
      }
    }
  }

  Done<K> writeAll(Map<? extends K, ? extends V> values) {
    if (!writes || writer == null || values.isEmpty()) {
      return new Done<>(Set.of(), null);
    }
    Collection<Cache.Entry<? extends K, ? extends V>> left = new LinkedHashSet<>();
    values.forEach((key, value) -> left.add(new Pair<K, V>(key, value)));
    try {
      writer.writeAll(left);
      return new Done<>(Set.of(), null);
    } catch (Exception e) {
      Set<K> failed = new HashSet<>();
      left.forEach(entry -> failed.add(entry.getKey()));
      return new Done<>(failed, wrapped(e));
    }
  }

  Done<K> deleteAll(Set<? extends K> keys) {
    if (!writes || writer == null || keys.isEmpty()) {
      return new Done<>(Set.of(), null);
    }
    Set<K> left = new HashSet<>(keys);
    try {
      writer.deleteAll(left);
      return new Done<>(Set.of(), null);
    } catch (Exception e) {
      return new Done<>(left, wrapped(e));
    }
  }

  private static CacheWriterException wrapped(Exception e) {
    return e instanceof CacheWriterException thrown
        ? thrown
        : new CacheWriterException("the writer threw", e);
  }
}
