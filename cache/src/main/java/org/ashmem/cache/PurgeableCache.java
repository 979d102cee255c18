// SPDX-License-Identifier: Apache-2.0
package org.ashmem.cache;

import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.BooleanSupplier;
import java.util.function.Function;
import java.util.function.LongSupplier;
import org.ashmem.AshmemException;
import org.jspecify.annotations.Nullable;

/**
 * A cache whose memory the kernel may take back when memory is short, before it kills anybody. A
 * value whose memory was taken is a miss, never garbage.
 *
 * <pre>{@code
 * try (PurgeableCache<String, byte[]> tiles =
 *     PurgeableCache.<String, byte[]>builder(Codec.bytes()).maximumBytes(2L << 30).build()) {
 *   byte[] tile = tiles.get("7/66/42", key -> render(key));
 * }
 * }</pre>
 *
 * <p>The values lie outside the heap. Reading one takes no lock and no system call, but for two
 * calls now and then on a region, so that what is read goes last; it copies the bytes and then
 * checks that all of them were there. So {@code maximumBytes} may be larger than what the container
 * leaves to the process: the kernel takes what it needs, the values that were read least first.
 * What it takes, and when, depends on the {@link Store}.
 *
 * <p>After {@link #close} each method throws IllegalStateException. A process that ends needs no
 * close. A child that the process forks has none of the memory on {@link Store#LAZY}, and the same
 * regions on the others; it must not use the cache.
 *
 * <p>Thread-safe.
 *
 * @param <K> the type of keys, which stay on the heap
 * @param <V> the type of values
 */
public final class PurgeableCache<K, V> implements AutoCloseable {
  private final Codec<V> codec;
  private final Storage storage;
  private final Index<K> index = new Index<>();
  private final Log<K> log;
  private final Loads<K, V> loads = new Loads<>();
  private final @Nullable RemovalListener<? super K> listener;
  private final LongSupplier ticker;
  private final long lifetime;
  private final LongAdder hits = new LongAdder();
  private final LongAdder misses = new LongAdder();
  private final LongAdder loaded = new LongAdder();
  private final LongAdder failedLoads = new LongAdder();
  private final LongAdder purged = new LongAdder();
  private final LongAdder evicted = new LongAdder();
  private final LongAdder expired = new LongAdder();
  private volatile boolean closed;

  /** An entry that was removed, of which the listener is to be told. */
  private record Removal<K>(K key, RemovalCause cause) {}

  PurgeableCache(PurgeableCacheBuilder<K, V> builder, Storage storage) {
    this.codec = builder.codec;
    this.storage = storage;
    this.listener = builder.listener;
    this.ticker = builder.ticker;
    this.lifetime = builder.lifetime;
    this.log = new Log<>(storage, index, builder.minimumBytes, lifetime > 0, ticker);
  }

  /**
   * Returns a builder of caches. {@link PurgeableCacheBuilder#maximumBytes} must be set.
   *
   * @param codec makes bytes of values, and values of bytes
   * @param <K> the type of keys
   * @param <V> the type of values
   * @return a new builder
   */
  public static <K, V> PurgeableCacheBuilder<K, V> builder(Codec<V> codec) {
    return new PurgeableCacheBuilder<>(codec);
  }

  /**
   * Returns the value of a key, if every byte of it is there.
   *
   * @param key the key
   * @return a value that the codec decoded for this call, or null
   */
  public @Nullable V getIfPresent(K key) {
    V value = find(key);
    (value == null ? misses : hits).increment();
    return value;
  }

  /**
   * Returns the value of a key, or else loads and puts it. However many threads ask at once, one of
   * them loads it; the others wait for its value, or get the same exception. If another value is
   * put, or the key invalidated, while the loader runs, what it returns is not kept, and the next
   * thread that asks loads it anew.
   *
   * @param key the key
   * @param loader returns the value, or null to have nothing kept; must not ask this cache for the
   *     same key, also not by way of the loader of another key
   * @return the value, or null if the loader returned null
   * @throws IllegalStateException if the loader asks for the same key
   */
  public @Nullable V get(K key, Function<? super K, ? extends @Nullable V> loader) {
    Objects.requireNonNull(loader, "loader");
    V value = getIfPresent(key);
    if (value != null) {
      return value;
    }
    List<Removal<K>> removals = new ArrayList<>();
    try {
      return loads.load(
          key,
          () -> find(key, removals),
          same -> load(same, loader),
          (found, mayStore) -> {
            // Asked again later. What is in vain now need not take memory of the log.
            if (mayStore.getAsBoolean()) {
              store(key, found, mayStore, removals);
            }
          });
    } finally {
      tell(removals);
    }
  }

  private @Nullable V load(K key, Function<? super K, ? extends @Nullable V> loader) {
    try {
      V value = loader.apply(key);
      loaded.increment();
      return value;
    } catch (Throwable e) {
      failedLoads.increment();
      throw e;
    }
  }

  /**
   * Keeps a value for a key, in place of any earlier one. A value that is longer than {@link
   * #longestValue} is not kept: the listener is told that the key was removed, as {@link
   * RemovalCause#SIZE}.
   *
   * @param key the key
   * @param value the value; the cache keeps its bytes, not the object
   */
  public void put(K key, V value) {
    Objects.requireNonNull(key, "key");
    Objects.requireNonNull(value, "value");
    List<Removal<K>> removals = new ArrayList<>();
    try {
      store(key, value, () -> forget(key), removals);
    } finally {
      tell(removals);
    }
  }

  /**
   * Keeps a value for a key, as {@link #put} does, if a condition holds. It is asked when the value
   * takes its place, under the lock of the key: a thread that makes the condition false and then
   * invalidates the key can be sure that the value does not stay. It is asked before, too.
   *
   * @param key the key
   * @param value the value; the cache keeps its bytes, not the object
   * @param condition must be short and must not use this cache
   * @return whether the condition held
   */
  public boolean putIf(K key, V value, BooleanSupplier condition) {
    Objects.requireNonNull(key, "key");
    Objects.requireNonNull(value, "value");
    // What is in vain now need not take memory of the log.
    if (!condition.getAsBoolean()) {
      return false;
    }
    boolean[] held = new boolean[1];
    List<Removal<K>> removals = new ArrayList<>();
    try {
      store(
          key,
          value,
          () -> {
            held[0] = condition.getAsBoolean();
            return held[0] && forget(key);
          },
          removals);
    } finally {
      tell(removals);
    }
    return held[0];
  }

  /**
   * Keeps many values, as {@link #put} does one after the other.
   *
   * @param values the values by key
   */
  public void putAll(Map<? extends K, ? extends V> values) {
    values.forEach(this::put);
  }

  private void store(K key, V value, BooleanSupplier mayStore, List<Removal<K>> removals) {
    // A copy, so that the codec cannot move its ends meanwhile.
    ByteBuffer bytes = codec.encode(value).duplicate();
    int hash = Index.hash(key);
    long deadline = lifetime > 0 ? ticker.getAsLong() + lifetime : 0;
    Index.Removals<K> removed = (k, cause) -> remove(removals, k, cause);
    if (bytes.remaining() > log.longest()) {
      Node<K> unused =
          index.remove(
              key,
              hash,
              () -> {
                boolean may = mayStore.getAsBoolean();
                if (may) {
                  removed.removed(key, RemovalCause.SIZE);
                }
                return may;
              });
    } else {
      Node<K> node;
      log.lockForPut();
      try {
        requireOpen();
        node = log.append(key, hash, bytes, deadline, removed);
      } finally {
        log.lock.unlock();
      }
      index.put(node, mayStore, removed);
    }
    // Afterwards: a close empties the index.
    requireOpen();
  }

  /** Called under the lock of the key. */
  private boolean forget(K key) {
    loads.forget(key);
    return true;
  }

  /**
   * Reads a value where it is, without a copy. It stays in memory until the reader returns. That
   * takes a few system calls, so that for values of less than some hundred kilobytes {@link
   * #getIfPresent} is faster.
   *
   * @param key the key
   * @param reader reads the value; it must be short, because the cache cannot use the memory around
   *     the value for anything else meanwhile
   * @param <R> the type of results
   * @return what the reader returned, or null if the value is not there
   */
  public <R> @Nullable R read(K key, ValueReader<? extends R> reader) {
    Objects.requireNonNull(reader, "reader");
    int hash = Index.hash(key);
    for (; ; ) {
      Node<K> node = index.find(key, hash);
      // Afterwards: a close empties the index.
      requireOpen();
      if (node == null) {
        misses.increment();
        return null;
      }
      if (node.segment.hold(node)) {
        try {
          return read(node, node.segment.parts(node), isExpired(node), reader);
        } finally {
          node.segment.release();
        }
      }
      // It is lost, or its segment is about to be filled anew.
      boolean expired = isExpired(node);
      byte[] copy = node.segment.read(node);
      if (copy != null) {
        ByteBuffer[] parts = {ByteBuffer.wrap(copy).asReadOnlyBuffer()};
        return read(node, parts, expired, reader);
      }
      if (isLost(node, null)) {
        misses.increment();
        return null;
      }
    }
  }

  private <R> @Nullable R read(
      Node<K> node, ByteBuffer[] parts, boolean expired, ValueReader<? extends R> reader) {
    if (expired) {
      removeNode(node, RemovalCause.EXPIRED, null);
      misses.increment();
      return null;
    }
    hits.increment();
    node.use();
    R result = reader.read(parts);
    // Before Java 22, the memory of a cache that was closed meanwhile reads as zeros.
    requireOpen();
    return result;
  }

  /** Returns the value of a key, or null. Counts neither a hit nor a miss. */
  @Nullable V find(K key) {
    return find(key, null);
  }

  /** The same. The listener is told later of what {@code removals} gets, or at once without it. */
  private @Nullable V find(K key, @Nullable List<Removal<K>> removals) {
    int hash = Index.hash(key);
    for (; ; ) {
      Node<K> node = index.find(key, hash);
      // Afterwards: a close empties the index.
      requireOpen();
      if (node == null) {
        return null;
      }
      boolean expired = isExpired(node);
      byte[] bytes = node.segment.read(node);
      if (bytes != null) {
        if (expired) {
          removeNode(node, RemovalCause.EXPIRED, removals);
          return null;
        }
        node.use();
        node.segment.renew(node);
        return codec.decode(ByteBuffer.wrap(bytes));
      }
      if (isLost(node, removals)) {
        return null;
      }
    }
  }

  /** Does the cache have an entry for a key, which may be purged or expired? */
  boolean mayHave(K key) {
    return index.find(key, Index.hash(key)) != null;
  }

  /** The caller has to look afterwards whether the value is intact, or hold it. */
  private boolean isExpired(Node<K> node) {
    return lifetime > 0 && node.segment.deadline(node) - ticker.getAsLong() <= 0;
  }

  /** Removes an entry whose value is gone. Returns false if it moved, or has another value. */
  private boolean isLost(Node<K> node, @Nullable List<Removal<K>> removals) {
    // Before Java 22, the memory of a cache that was closed meanwhile reads as zeros.
    requireOpen();
    if (!removeNode(node, RemovalCause.PURGED, removals)) {
      return false;
    }
    try {
      node.segment.clean(node);
    } catch (AshmemException e) {
      // A page of zeros stays.
    }
    return true;
  }

  private boolean removeNode(
      Node<K> node, RemovalCause cause, @Nullable List<Removal<K>> removals) {
    if (!index.remove(node)) {
      return false;
    }
    List<Removal<K>> told = removals == null ? new ArrayList<>(1) : removals;
    remove(told, node.key, cause);
    if (removals == null) {
      tell(told);
    }
    return true;
  }

  private void remove(List<Removal<K>> removals, K key, RemovalCause cause) {
    switch (cause) {
      case PURGED -> purged.increment();
      case SIZE -> evicted.increment();
      case EXPIRED -> expired.increment();
      default -> {}
    }
    if (listener != null) {
      removals.add(new Removal<>(key, cause));
    }
  }

  private void tell(List<Removal<K>> removals) {
    RemovalListener<? super K> told = listener;
    if (told == null) {
      return;
    }
    for (Removal<K> removal : removals) {
      try {
        told.onRemoval(removal.key(), removal.cause());
      } catch (RuntimeException | Error e) {
        System.getLogger("org.ashmem.cache")
            .log(System.Logger.Level.WARNING, "a removal listener threw", e);
      }
    }
  }

  /**
   * Removes the entry of a key. What a loader that runs now returns is not kept.
   *
   * @param key the key
   * @return whether there was an entry, which may have been purged or expired
   */
  public boolean invalidate(K key) {
    List<Removal<K>> removals = new ArrayList<>(1);
    boolean wasThere = invalidate(key, Index.hash(key), removals);
    // Afterwards: a close empties the index.
    requireOpen();
    tell(removals);
    return wasThere;
  }

  /** Removes all entries. What loaders that run now return is not kept. */
  public void invalidateAll() {
    List<Removal<K>> removals = new ArrayList<>();
    requireOpen();
    // Those of keys without an entry.
    loads.forgetAll();
    try {
      for (int stripe = 0; stripe < index.stripes(); stripe++) {
        index.nodes(stripe).forEach(node -> invalidate(node.key, node.hash, removals));
      }
    } finally {
      tell(removals);
    }
  }

  private boolean invalidate(K key, int hash, List<Removal<K>> removals) {
    if (index.remove(key, hash, () -> forget(key)) == null) {
      return false;
    }
    remove(removals, key, RemovalCause.EXPLICIT);
    return true;
  }

  /**
   * Drops all that the kernel might take at any moment: the values in memory that is purgeable. The
   * entries are noticed as purged when they are asked for. For tests of what a program does then.
   */
  public void discard() {
    log.lock.lock();
    try {
      requireOpen();
      log.segments().forEach(Segment::discard);
    } finally {
      log.lock.unlock();
    }
  }

  /**
   * Returns a view of the entries that cannot be changed. Its iterator shows values that are there
   * when it comes to them, decoded anew; its size counts entries that are purged, too. Looking at
   * it counts as reading, but not as a hit or a miss. Its set of keys does not look at the values:
   * it has the keys of entries that are purged or expired, too.
   *
   * @return the view
   */
  public Map<K, V> asMap() {
    return new CacheMap<>(this, index);
  }

  /**
   * Returns the store in use, which is not {@link Store#AUTO}.
   *
   * @return the store
   */
  public Store store() {
    return storage.store();
  }

  /**
   * Returns the largest number of bytes that a value may have to be kept.
   *
   * @return bytes
   */
  public int longestValue() {
    return log.longest();
  }

  /**
   * Returns counts of this cache.
   *
   * @return the counts
   */
  public CacheStatistics statistics() {
    requireOpen();
    return new CacheStatistics(
        hits.sum(),
        misses.sum(),
        purged.sum(),
        evicted.sum(),
        expired.sum(),
        log.kept.sum(),
        loaded.sum(),
        failedLoads.sum(),
        index.size(),
        index.bytes());
  }

  /**
   * Returns the memory of the values. This asks the kernel about each page, which takes time in
   * proportion to the maximum.
   *
   * @return the memory
   */
  public CacheMemory memory() {
    long used = 0;
    log.lock.lock();
    try {
      requireOpen();
      for (Segment<K> segment : log.segments()) {
        used += segment.usedBytes();
      }
    } finally {
      log.lock.unlock();
    }
    long resident = storage.residentBytes();
    return new CacheMemory(resident, Math.max(0, used - resident));
  }

  void requireOpen() {
    if (closed) {
      throw new IllegalStateException("the cache is closed");
    }
  }

  /**
   * Gives the memory back. A call that reads a value meanwhile throws IllegalStateException. A
   * second call is a no-op.
   *
   * @throws IllegalStateException from Java 22 on, if a reader of {@link #read} is in the middle of
   *     an operation with its buffers that cannot be ended, such as the write of a channel. The
   *     cache is closed; another call gives back the memory that this one could not
   */
  @Override
  public void close() {
    log.lock.lock();
    try {
      closed = true;
      index.clear();
      storage.close();
    } finally {
      log.lock.unlock();
    }
  }

  @Override
  public String toString() {
    return "cache of " + (long) storage.slots() * storage.segmentBytes() + " bytes on " + store();
  }
}
