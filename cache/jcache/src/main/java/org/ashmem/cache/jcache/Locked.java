// SPDX-License-Identifier: Apache-2.0
package org.ashmem.cache.jcache;

import java.nio.ByteBuffer;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import javax.cache.event.EventType;
import org.ashmem.cache.Codec;
import org.ashmem.cache.jcache.Entries.Stored;
import org.jspecify.annotations.Nullable;

/** What the operations of a cache do while they hold the lock of the key. */
final class Locked<K, V> {
  private final Codec<V> codec;
  private final ByValue<K> keys;
  private final Deadlines deadlines;
  private final Entries<K> entries;
  private final Through<K, V> through;
  private final Statistics statistics;

  Locked(
      Codec<V> codec,
      ByValue<K> keys,
      Deadlines deadlines,
      Entries<K> entries,
      Through<K, V> through,
      Statistics statistics) {
    this.codec = codec;
    this.keys = keys;
    this.deadlines = deadlines;
    this.entries = entries;
    this.through = through;
    this.statistics = statistics;
  }

  ByteBuffer bytes(V value) {
    Unpurgeable.refuseValue(Objects.requireNonNull(value, "value"));
    return Entries.bytes(codec.encode(value));
  }

  V value(Stored stored) {
    return codec.decode(stored.value());
  }

  boolean hasValue(Stored stored, V expected) {
    return Objects.deepEquals(value(stored), expected);
  }

  /** Returns the value of a key, if it is there and has not expired. */
  @Nullable Stored find(K key, Listeners<K, V>.Events events) {
    Stored stored = entries.find(key);
    if (stored != null && deadlines.hasPassed(stored.deadline())) {
      expire(key, stored.bytes(), events);
      return null;
    }
    return stored;
  }

  void expire(K key, ByteBuffer bytes, Listeners<K, V>.Events events) {
    entries.remove(key);
    events.add(EventType.EXPIRED, keys.copy(key), bytes, bytes);
  }

  /** Returns false if the value was not put, because it is born expired. */
  boolean put(K key, ByteBuffer bytes, @Nullable Stored old, Listeners<K, V>.Events events) {
    long deadline = old == null ? deadlines.afterCreation() : deadlines.afterUpdate(old.deadline());
    boolean expired = deadlines.hasPassed(deadline);
    if (old == null && expired) {
      return false;
    }
    entries.put(key, bytes, deadline);
    events.add(
        old == null ? EventType.CREATED : EventType.UPDATED,
        keys.copy(key),
        bytes,
        old == null ? null : old.bytes());
    if (expired) {
      expire(key, bytes, events);
    }
    return true;
  }

  /** Asks the expiry policy after an access. */
  void access(K key, Stored stored, Listeners<K, V>.Events events) {
    long deadline = deadlines.afterAccess(stored.deadline());
    if (deadlines.hasPassed(deadline)) {
      expire(key, stored.bytes(), events);
    } else {
      entries.move(key, stored, deadline);
    }
  }

  void remove(K key, Stored stored, Listeners<K, V>.Events events) {
    entries.remove(key);
    events.add(EventType.REMOVED, keys.copy(key), stored.bytes(), stored.bytes());
  }

  /** Writes a value through, and puts it. */
  void write(
      K key,
      V value,
      ByteBuffer bytes,
      @Nullable Stored old,
      long start,
      Listeners<K, V>.Events events) {
    through.write(key, value);
    if (put(key, bytes, old, events)) {
      statistics.put(start);
    }
  }

  /** Returns a value, and counts a hit or a miss. */
  @Nullable V find(K key, long start, Listeners<K, V>.Events events) {
    Stored stored = find(key, events);
    statistics.got(stored != null, start);
    if (stored == null) {
      return null;
    }
    access(key, stored, events);
    return value(stored);
  }

  /** Loads and puts values. */
  Map<K, V> load(Set<? extends K> wanted, Listeners<K, V>.Events events) {
    Map<K, V> loaded = through.loadAll(wanted);
    loaded.forEach((key, value) -> put(key, bytes(value), find(key, events), events));
    return loaded;
  }

  /** Deletes a key behind the cache, and its entry, if it has one. Returns that. */
  @Nullable Stored delete(K key, @Nullable Stored old, long start, Listeners<K, V>.Events events) {
    through.delete(key);
    if (old != null) {
      remove(key, old, events);
      statistics.removed(start);
    }
    return old;
  }

  /** Returns the value of a key if it is as expected. Another one was accessed. */
  @Nullable Stored findExpected(K key, V expected, long start, Listeners<K, V>.Events events) {
    Stored old = find(key, events);
    statistics.got(old != null, start);
    if (old != null && !hasValue(old, expected)) {
      access(key, old, events);
      return null;
    }
    return old;
  }

  void removeAll(Set<? extends K> unwanted, Listeners<K, V>.Events events) {
    long start = statistics.start();
    Through.Done<K> deleted = through.deleteAll(unwanted);
    for (K key : unwanted) {
      Stored stored = deleted.has(key) ? find(key, events) : null;
      if (stored != null) {
        remove(key, stored, events);
        statistics.removed(start);
      }
    }
    deleted.rethrow();
  }

  void finish(
      ProcessedEntry<K, V> entry,
      @Nullable Stored stored,
      long start,
      Listeners<K, V>.Events events) {
    K key = entry.getKey();
    V value = entry.value();
    switch (entry.work()) {
      case NONE -> {}
      case ACCESS -> access(key, Objects.requireNonNull(stored), events);
      case LOAD -> put(key, bytes(Objects.requireNonNull(value)), null, events);
      case WRITE -> {
        V written = Objects.requireNonNull(value);
        write(key, written, bytes(written), stored, start, events);
      }
      case REMOVE -> {
        Stored unused = delete(key, stored, start, events);
      }
    }
  }
}
