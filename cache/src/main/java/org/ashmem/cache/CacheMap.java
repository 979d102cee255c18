// SPDX-License-Identifier: Apache-2.0
package org.ashmem.cache;

import java.util.AbstractMap;
import java.util.AbstractSet;
import java.util.Iterator;
import java.util.Map;
import java.util.NoSuchElementException;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** The entries of a cache as a map. */
final class CacheMap<K, V> extends AbstractMap<K, V> {
  private final PurgeableCache<K, V> cache;
  private final Index<K> index;

  CacheMap(PurgeableCache<K, V> cache, Index<K> index) {
    this.cache = cache;
    this.index = index;
  }

  @Override
  @SuppressWarnings("unchecked") // a key of another type is equal to none
  public @Nullable V get(Object key) {
    return cache.find((K) key);
  }

  @Override
  public boolean containsKey(Object key) {
    return get(key) != null;
  }

  @Override
  public int size() {
    cache.requireOpen();
    return (int) Math.min(Integer.MAX_VALUE, index.size());
  }

  @Override
  public Set<Entry<K, V>> entrySet() {
    return new AbstractSet<>() {
      @Override
      public Iterator<Entry<K, V>> iterator() {
        return new Entries();
      }

      @Override
      public int size() {
        return CacheMap.this.size();
      }
    };
  }

  @Override
  public Set<K> keySet() {
    return new AbstractSet<>() {
      @Override
      public Iterator<K> iterator() {
        cache.requireOpen();
        return new Keys();
      }

      @Override
      @SuppressWarnings("unchecked") // a key of another type is equal to none
      public boolean contains(Object key) {
        cache.requireOpen();
        return cache.mayHave((K) key);
      }

      @Override
      public int size() {
        return CacheMap.this.size();
      }
    };
  }

  /** Takes the keys of one stripe of the index after the other. */
  private final class Keys implements Iterator<K> {
    private int stripe;
    private Iterator<Node<K>> nodes = index.nodes(0).iterator();

    @Override
    public boolean hasNext() {
      while (!nodes.hasNext()) {
        if (++stripe >= index.stripes()) {
          return false;
        }
        nodes = index.nodes(stripe).iterator();
      }
      return true;
    }

    @Override
    public K next() {
      if (!hasNext()) {
        throw new NoSuchElementException();
      }
      return nodes.next().key;
    }
  }

  private final class Entries implements Iterator<Entry<K, V>> {
    private final Iterator<K> keys = new Keys();
    private @Nullable Entry<K, V> next;

    @Override
    public boolean hasNext() {
      while (next == null) {
        if (!keys.hasNext()) {
          return false;
        }
        K key = keys.next();
        V value = cache.find(key);
        next = value == null ? null : Map.entry(key, value);
      }
      return true;
    }

    @Override
    public Entry<K, V> next() {
      if (!hasNext() || next == null) {
        throw new NoSuchElementException();
      }
      Entry<K, V> entry = next;
      next = null;
      return entry;
    }
  }
}
