// SPDX-License-Identifier: Apache-2.0
package org.ashmem.cache.jcache;

import com.github.benmanes.caffeine.cache.Cache;
import com.github.benmanes.caffeine.cache.Caffeine;
import com.github.benmanes.caffeine.cache.Expiry;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.Iterator;
import java.util.Map;
import java.util.function.UnaryOperator;
import org.ashmem.cache.PurgeableCache;
import org.jspecify.annotations.Nullable;

/**
 * The entries of a cache: for each key the bytes of a value, after the time at which it expires.
 *
 * <p>Who changes an entry, or asks for its exact deadline, holds the lock of its key.
 */
final class Entries<K> {
  private final PurgeableCache<K, ByteBuffer> cache;
  private final Map<K, ByteBuffer> view;
  private final UnaryOperator<K> copier;

  /**
   * Deadlines that an access moved away, because what is purgeable cannot be written to. To lose
   * one ends an entry early, and never late: a deadline that comes nearer is written with the
   * value.
   */
  private final Cache<K, Long> moved;

  /** A value that is there, with the time at which it expires at the earliest. */
  record Stored(ByteBuffer bytes, long deadline) {
    private static Stored of(ByteBuffer bytes) {
      return new Stored(bytes, bytes.getLong(0));
    }

    /** The bytes of the value. */
    ByteBuffer value() {
      return Entries.value(bytes);
    }
  }

  /**
   * @param copier copies keys, since the program may change those that it passed
   */
  Entries(PurgeableCache<K, ByteBuffer> cache, UnaryOperator<K> copier, Deadlines clock) {
    this.cache = cache;
    this.view = cache.asMap();
    this.copier = copier;
    this.moved =
        Caffeine.newBuilder()
            .executor(Runnable::run)
            .expireAfter(
                Expiry.<K, Long>writing(
                    (key, deadline) -> Duration.ofMillis(deadline - clock.now() + 1)))
            .build();
  }

  /** Returns the bytes to put for those of a value. */
  static ByteBuffer bytes(ByteBuffer value) {
    ByteBuffer source = value.duplicate();
    return ByteBuffer.allocate(Long.BYTES + source.remaining())
        .position(Long.BYTES)
        .put(source)
        .flip();
  }

  static ByteBuffer value(ByteBuffer bytes) {
    return bytes.duplicate().position(Long.BYTES).slice();
  }

  /** Returns the value of a key without its lock, and counts a hit or a miss. */
  @Nullable Stored peek(K key) {
    ByteBuffer bytes = cache.getIfPresent(key);
    return bytes == null ? null : Stored.of(bytes);
  }

  /** Returns the value of a key, with its exact deadline if the caller holds the lock. */
  @Nullable Stored find(K key) {
    ByteBuffer bytes = view.get(key);
    if (bytes == null) {
      return null;
    }
    Stored stored = Stored.of(bytes);
    Long later = stored.deadline == Deadlines.NEVER ? null : moved.getIfPresent(key);
    return later == null ? stored : new Stored(bytes, later);
  }

  /** Puts what {@link #bytes} returned. */
  void put(K key, ByteBuffer bytes, long deadline) {
    moved.invalidate(key);
    cache.put(copier.apply(key), bytes.putLong(0, deadline));
  }

  /** Changes the deadline of an entry. */
  void move(K key, Stored stored, long deadline) {
    if (deadline == stored.deadline) {
      return;
    }
    if (deadline != Deadlines.NEVER && deadline >= stored.bytes.getLong(0)) {
      moved.put(copier.apply(key), deadline);
    } else {
      put(key, stored.bytes, deadline);
    }
  }

  void remove(K key) {
    cache.invalidate(key);
    moved.invalidate(key);
  }

  /** Removes all entries. The caller holds all locks. */
  void clear() {
    cache.invalidateAll();
    moved.invalidateAll();
  }

  /** Walks over what is there, as the cache's view does. */
  Iterator<Map.Entry<K, Stored>> iterator() {
    Iterator<Map.Entry<K, ByteBuffer>> iterator = view.entrySet().iterator();
    return new Iterator<>() {
      @Override
      public boolean hasNext() {
        return iterator.hasNext();
      }

      @Override
      public Map.Entry<K, Stored> next() {
        Map.Entry<K, ByteBuffer> entry = iterator.next();
        return Map.entry(entry.getKey(), Stored.of(entry.getValue()));
      }
    };
  }

  PurgeableCache<K, ByteBuffer> cache() {
    return cache;
  }
}
