// SPDX-License-Identifier: Apache-2.0
package org.ashmem.cache;

import com.github.benmanes.caffeine.cache.Cache;
import com.github.benmanes.caffeine.cache.Caffeine;
import com.github.benmanes.caffeine.cache.RemovalCause;
import java.util.Objects;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * A cache of Caffeine with a second one behind it: what Caffeine evicts goes to a {@link
 * PurgeableCache}, and a miss looks there first. Objects that are used all the time stay on the
 * heap, and the rest takes memory that gives way.
 *
 * <pre>{@code
 * PurgeableCache<Long, Tile> behind = PurgeableCache.<Long, Tile>builder(codec).maximumBytes(1L << 30).build();
 * SpillCache<Long, Tile> tiles = new SpillCache<>(Caffeine.newBuilder().maximumSize(10_000), behind);
 * Tile tile = tiles.get(42L, this::render);
 * }</pre>
 *
 * <p>A key is in one of the two caches only. Each method is atomic for its key, as Caffeine's are:
 * a value that was replaced or invalidated never comes back.
 *
 * <p>The age of an entry begins anew when it moves to the second cache: where the front lets
 * entries expire, the second cache should, too. A removal listener of the second cache runs within
 * an operation of Caffeine's, and must not use either cache.
 *
 * <p>Thread-safe. Closing the second cache is left to the program.
 *
 * @param <K> the type of keys
 * @param <V> the type of values
 */
public final class SpillCache<K, V> {
  private final Cache<K, V> front;
  private final PurgeableCache<K, V> behind;

  /**
   * Creates both.
   *
   * @param front a builder that has no eviction listener; values that it lets expire, or that the
   *     collector took, do not go to the second cache
   * @param behind the second cache
   */
  public SpillCache(Caffeine<? super K, ? super V> front, PurgeableCache<K, V> behind) {
    this.behind = Objects.requireNonNull(behind, "behind");
    this.front =
        front
            .evictionListener(
                (@Nullable K key, @Nullable V value, RemovalCause cause) -> {
                  if (cause == RemovalCause.SIZE && key != null && value != null) {
                    behind.put(key, value);
                  }
                })
            .build();
  }

  /**
   * Returns the value of a key, from either cache, or else loads it.
   *
   * @param key the key
   * @param loader returns the value, or null to have nothing kept; must not use either cache
   * @return the value, or null if the loader returned null
   */
  public @Nullable V get(K key, Function<? super K, ? extends @Nullable V> loader) {
    return front.get(
        key,
        same -> {
          V value = take(same);
          return value == null ? loader.apply(same) : value;
        });
  }

  /**
   * Returns the value of a key, from either cache.
   *
   * @param key the key
   * @return the value, or null
   */
  public @Nullable V getIfPresent(K key) {
    V value = front.getIfPresent(key);
    return value == null && behind.mayHave(key) ? get(key, same -> null) : value;
  }

  private @Nullable V take(K key) {
    V value = behind.getIfPresent(key);
    if (value != null) {
      behind.invalidate(key);
    }
    return value;
  }

  /**
   * Keeps a value for a key, in place of any earlier one.
   *
   * @param key the key
   * @param value the value
   */
  public void put(K key, V value) {
    set(key, Objects.requireNonNull(value, "value"));
  }

  /**
   * Removes the entry of a key from both caches.
   *
   * @param key the key
   */
  public void invalidate(K key) {
    set(key, null);
  }

  private void set(K key, @Nullable V value) {
    V unused =
        front
            .asMap()
            .compute(
                key,
                (same, old) -> {
                  behind.invalidate(same);
                  return value;
                });
  }

  /**
   * Returns the cache in front, to look at its entries and statistics. What is put there or
   * invalidated there does not reach the second cache.
   *
   * @return Caffeine's cache
   */
  public Cache<K, V> front() {
    return front;
  }

  /**
   * Returns the second cache.
   *
   * @return the cache that gives way
   */
  public PurgeableCache<K, V> behind() {
    return behind;
  }
}
