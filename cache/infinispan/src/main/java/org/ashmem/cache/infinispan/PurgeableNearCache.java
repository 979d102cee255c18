// SPDX-License-Identifier: Apache-2.0
package org.ashmem.cache.infinispan;

import com.github.benmanes.caffeine.cache.Caffeine;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentMap;
import java.util.function.BiConsumer;
import org.ashmem.AshmemException;
import org.ashmem.cache.PurgeableCache;
import org.infinispan.client.hotrod.MetadataValue;
import org.infinispan.client.hotrod.near.NearCache;
import org.jspecify.annotations.Nullable;

/**
 * A near cache of one remote cache.
 *
 * <p>Before the client asks the server it puts a placeholder, which has no value. When the answer
 * is there it replaces the placeholder by the value, if the placeholder is still there: a write of
 * its own and an invalidation by the server remove it. So the placeholders are what keeps a value
 * out that is older than a write. They stay on the heap, and are told apart by their identity; the
 * values are in the purgeable cache. A value that was purged is a miss, and the client asks again.
 *
 * <p>The order of steps matters. A value is stored if its placeholder is there, under the lock that
 * an invalidation takes, and the placeholder goes afterwards. A removal takes the placeholder first
 * and invalidates afterwards, also if it found nothing. So after a removal neither is there, and a
 * value whose placeholder was removed is not stored. A thread that looks at the placeholders first
 * and at the values afterwards misses no key.
 *
 * <p>Thread-safe.
 */
final class PurgeableNearCache<K, V> implements NearCache<K, V> {
  /** After this time a placeholder goes. The client leaves one behind if a server fails. */
  private static final Duration LONGEST_WAIT = Duration.ofMinutes(1);

  private final PurgeableCache<K, MetadataValue<V>> values;
  private final BiConsumer<K, @Nullable MetadataValue<V>> removed;
  private final ConcurrentMap<K, MetadataValue<V>> placeholders =
      Caffeine.newBuilder()
          .expireAfterWrite(LONGEST_WAIT)
          .executor(Runnable::run)
          .<K, MetadataValue<V>>build()
          .asMap();

  /**
   * Set by {@link #clear}, until the next {@link #get}. The client clears a near cache when it has
   * lost the connection for invalidations, and does not look into it until it has one again. But it
   * goes on to put what it reads meanwhile, which nobody would invalidate. A get that the client
   * began before the loss may reset this too early: the client does not tell more.
   */
  private volatile boolean cleared;

  /**
   * Makes a near cache.
   *
   * @param values keeps the values, and tells {@code removed} what left it
   * @param removed is told of placeholders that were removed
   */
  PurgeableNearCache(
      PurgeableCache<K, MetadataValue<V>> values,
      BiConsumer<K, @Nullable MetadataValue<V>> removed) {
    this.values = values;
    this.removed = removed;
  }

  @Override
  public @Nullable MetadataValue<V> get(K key) {
    if (cleared) {
      cleared = false;
    }
    MetadataValue<V> value = values.getIfPresent(key);
    return value != null ? value : placeholders.get(key);
  }

  @Override
  public boolean putIfAbsent(K key, MetadataValue<V> value) {
    if (cleared
        || values.asMap().containsKey(key)
        || placeholders.putIfAbsent(key, value) != null) {
      return false;
    }
    return value.getValue() == null || replace(key, value, value);
  }

  /** Replaces a placeholder. A value is never that of the caller: it is decoded anew. */
  @Override
  public boolean replace(K key, MetadataValue<V> placeholder, MetadataValue<V> value) {
    try {
      return values.putIf(key, value, () -> placeholders.get(key) == placeholder);
    } catch (AshmemException e) {
      // The kernel has no memory. The caller has the value.
      return false;
    } finally {
      boolean unused = placeholders.remove(key, placeholder);
    }
  }

  @Override
  public boolean remove(K key) {
    MetadataValue<V> placeholder = placeholders.remove(key);
    boolean hadValue = values.invalidate(key);
    if (placeholder != null) {
      removed.accept(key, placeholder);
    }
    return hadValue || placeholder != null;
  }

  @Override
  public boolean remove(K key, MetadataValue<V> value) {
    if (value.getValue() != null) {
      // It may be this one: they have no identity.
      return remove(key);
    }
    boolean wasThere = placeholders.remove(key, value);
    if (wasThere) {
      removed.accept(key, value);
    }
    return wasThere;
  }

  @Override
  public void clear() {
    cleared = true;
    placeholders.clear();
    values.invalidateAll();
  }

  @Override
  public int size() {
    return (int) Math.min(Integer.MAX_VALUE, (long) placeholders.size() + values.asMap().size());
  }

  /** The keys are those of now; a value is read when the entry is asked for it. */
  @Override
  public Iterator<Map.Entry<K, MetadataValue<V>>> iterator() {
    List<K> keys = new ArrayList<>(placeholders.keySet());
    keys.addAll(values.asMap().keySet());
    return keys.stream().<Map.Entry<K, MetadataValue<V>>>map(Lazy::new).iterator();
  }

  /** An entry that reads its value when it is asked for it. */
  private final class Lazy implements Map.Entry<K, MetadataValue<V>> {
    private final K key;

    Lazy(K key) {
      this.key = key;
    }

    @Override
    public K getKey() {
      return key;
    }

    @Override
    public @Nullable MetadataValue<V> getValue() {
      return get(key);
    }

    @Override
    public MetadataValue<V> setValue(MetadataValue<V> value) {
      throw new UnsupportedOperationException();
    }
  }
}
