// SPDX-License-Identifier: Apache-2.0
package org.ashmem.cache;

import java.time.Duration;
import java.util.Objects;
import java.util.function.LongSupplier;
import org.apache.commons.lang3.Validate;
import org.ashmem.Ashmem;
import org.ashmem.AshmemException;
import org.ashmem.Backend;
import org.ashmem.LazyMemory;
import org.jspecify.annotations.Nullable;

/**
 * Builds caches: see {@link PurgeableCache#builder}.
 *
 * <p>Not thread-safe.
 *
 * @param <K> the type of keys
 * @param <V> the type of values
 */
public final class PurgeableCacheBuilder<K, V> {
  private static final int SMALLEST_SEGMENT = 256 << 10;
  private static final int LARGEST_SEGMENT = 16 << 20;
  private static final int USUAL_SEGMENTS = 64;

  final Codec<V> codec;
  private Store store = Store.AUTO;
  private long maximumBytes;
  long minimumBytes;
  long lifetime;
  LongSupplier ticker = System::nanoTime;
  @Nullable RemovalListener<? super K> listener;

  PurgeableCacheBuilder(Codec<V> codec) {
    this.codec = Objects.requireNonNull(codec, "codec");
  }

  /**
   * Sets how much memory the values may take. This may be more than the process should use: the
   * kernel takes what it needs.
   *
   * @param bytes bytes of memory, from 2 MiB on
   * @return this builder
   */
  public PurgeableCacheBuilder<K, V> maximumBytes(long bytes) {
    Validate.isTrue(
        bytes >= (long) Log.LEAST_SEGMENTS * SMALLEST_SEGMENT,
        "a cache has at least 2097152 bytes, not %s",
        bytes);
    maximumBytes = bytes;
    return this;
  }

  /**
   * Sets how much of the memory is never given back: that of the segments that were filled last.
   * The two segments that are being filled are not given back either.
   *
   * @param bytes bytes of memory, not negative and at most the maximum
   * @return this builder
   */
  public PurgeableCacheBuilder<K, V> minimumBytes(long bytes) {
    Validate.isTrue(bytes >= 0, "bytes %s are negative", bytes);
    minimumBytes = bytes;
    return this;
  }

  /**
   * Sets the memory to use. Without this it is {@link Store#AUTO}.
   *
   * @param store the memory
   * @return this builder
   */
  public PurgeableCacheBuilder<K, V> store(Store store) {
    this.store = Objects.requireNonNull(store, "store");
    return this;
  }

  /**
   * Sets the age at which an entry is removed: that long after it was put. It is removed when it is
   * asked for, or when its memory is needed.
   *
   * @param age a positive duration
   * @return this builder
   */
  public PurgeableCacheBuilder<K, V> expireAfterWrite(Duration age) {
    Validate.isTrue(!age.isNegative() && !age.isZero(), "the age %s is not positive", age);
    lifetime =
        age.compareTo(Duration.ofNanos(Long.MAX_VALUE / 2)) < 0
            ? age.toNanos()
            : Long.MAX_VALUE / 2;
    return this;
  }

  /**
   * Sets the clock for the age of entries, for tests.
   *
   * @param ticker returns nanoseconds, as {@link System#nanoTime}
   * @return this builder
   */
  public PurgeableCacheBuilder<K, V> ticker(LongSupplier ticker) {
    this.ticker = Objects.requireNonNull(ticker, "ticker");
    return this;
  }

  /**
   * Sets the listener that is told of removed entries.
   *
   * @param listener the listener
   * @return this builder
   */
  public PurgeableCacheBuilder<K, V> removalListener(RemovalListener<? super K> listener) {
    this.listener = Objects.requireNonNull(listener, "listener");
    return this;
  }

  /**
   * Builds a cache.
   *
   * @return the cache
   * @throws IllegalStateException if there is no maximum, or the minimum is larger
   * @throws UnsupportedOperationException if the store cannot be had here; the message and the
   *     cause say why
   * @throws AshmemException if the kernel has no memory for it
   */
  public PurgeableCache<K, V> build() {
    Validate.validState(maximumBytes > 0, "maximumBytes is not set");
    Validate.validState(
        minimumBytes <= maximumBytes,
        "the minimum of %s bytes is larger than the maximum of %s",
        minimumBytes,
        maximumBytes);
    long segment = Long.highestOneBit(maximumBytes / USUAL_SEGMENTS);
    int segmentBytes = (int) Math.min(LARGEST_SEGMENT, Math.max(SMALLEST_SEGMENT, segment));
    int slots = Math.toIntExact(maximumBytes / segmentBytes);
    Storage storage = storage(segmentBytes, slots);
    try {
      return new PurgeableCache<>(this, storage);
    } catch (Throwable e) {
      storage.close();
      throw e;
    }
  }

  private Storage storage(int segmentBytes, int slots) {
    return switch (choice()) {
      case DEVICE -> new RegionStorage(Backend.DEVICE, segmentBytes, slots);
      case LAZY -> new LazyStorage(segmentBytes, slots);
      default -> new RegionStorage(Backend.MEMFD, segmentBytes, slots);
    };
  }

  private Store choice() {
    if (store == Store.AUTO) {
      return Ashmem.isAvailable(Backend.DEVICE)
          ? Store.DEVICE
          : LazyMemory.isAvailable() ? Store.LAZY : Store.MEMFD;
    }
    Throwable cause =
        (switch (store) {
              case DEVICE -> Ashmem.unavailabilityCause(Backend.DEVICE);
              case LAZY -> LazyMemory.unavailabilityCause();
              default -> Ashmem.unavailabilityCause(Backend.MEMFD);
            })
            .orElse(null);
    if (cause != null) {
      throw new UnsupportedOperationException(
          "no cache on " + store + " here: " + cause.getMessage(), cause);
    }
    return store;
  }
}
