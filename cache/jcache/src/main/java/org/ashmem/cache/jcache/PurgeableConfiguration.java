// SPDX-License-Identifier: Apache-2.0
package org.ashmem.cache.jcache;

import java.util.Objects;
import javax.cache.configuration.CompleteConfiguration;
import javax.cache.configuration.Configuration;
import javax.cache.configuration.Factory;
import javax.cache.configuration.MutableConfiguration;
import org.apache.commons.lang3.Validate;
import org.ashmem.cache.Codec;
import org.ashmem.cache.PurgeableCache;
import org.ashmem.cache.Store;
import org.jspecify.annotations.Nullable;

/**
 * The configuration of a cache, with what other providers do not have: its memory, and how values
 * become bytes. A cache of another configuration has the defaults of this class.
 *
 * <pre>{@code
 * manager.createCache(
 *     "tiles",
 *     new PurgeableConfiguration<String, byte[]>()
 *         .setMaximumBytes(2L << 30)
 *         .setCodecFactory(Codec::bytes)
 *         .setTypes(String.class, byte[].class));
 * }</pre>
 *
 * <p>Not thread-safe.
 *
 * @param <K> the type of keys
 * @param <V> the type of values
 */
public class PurgeableConfiguration<K, V> extends MutableConfiguration<K, V> {
  /** The maximum of a cache for which none was set: 64 MiB. */
  public static final long DEFAULT_MAXIMUM_BYTES = 64L << 20;

  private static final long serialVersionUID = 1;

  private long maximumBytes = DEFAULT_MAXIMUM_BYTES;
  private long minimumBytes;
  private Store store = Store.AUTO;
  private @Nullable Factory<? extends Codec<V>> codecFactory;

  /** Makes a configuration with the defaults. */
  public PurgeableConfiguration() {}

  /**
   * Makes a copy of a configuration.
   *
   * @param configuration any configuration; of another class, it gets the defaults of this class
   */
  public PurgeableConfiguration(CompleteConfiguration<K, V> configuration) {
    super(configuration);
    if (configuration instanceof PurgeableConfiguration<K, V> purgeable) {
      setMemory(purgeable);
    }
  }

  static <K, V> PurgeableConfiguration<K, V> copy(Configuration<K, V> configuration) {
    if (configuration instanceof CompleteConfiguration<K, V> complete) {
      return new PurgeableConfiguration<>(complete);
    }
    PurgeableConfiguration<K, V> copy = new PurgeableConfiguration<>();
    copy.setTypes(configuration.getKeyType(), configuration.getValueType());
    copy.setStoreByValue(configuration.isStoreByValue());
    return copy;
  }

  /** Takes over what this class has beside its super class. */
  final void setMemory(PurgeableConfiguration<K, V> other) {
    maximumBytes = other.maximumBytes;
    minimumBytes = other.minimumBytes;
    store = other.store;
    codecFactory = other.codecFactory;
  }

  /**
   * Returns how much memory the values may take.
   *
   * @return bytes
   */
  public long getMaximumBytes() {
    return maximumBytes;
  }

  /**
   * Sets how much memory the values may take. The kernel takes back what it needs of it. A value is
   * not longer than about a 64th of it, or 256 KiB if that is more; a longer one is not kept, which
   * counts as an eviction.
   *
   * @param bytes bytes of memory, from 2 MiB on
   * @return this configuration
   * @throws IllegalArgumentException if it is less
   */
  public final PurgeableConfiguration<K, V> setMaximumBytes(long bytes) {
    var unused = PurgeableCache.builder(Codec.bytes()).maximumBytes(bytes);
    maximumBytes = bytes;
    return this;
  }

  /**
   * Returns how much of the memory is never given back.
   *
   * @return bytes
   */
  public long getMinimumBytes() {
    return minimumBytes;
  }

  /**
   * Sets how much of the memory is never given back: that of the values that were put last. Without
   * this it is nothing.
   *
   * @param bytes bytes of memory, not negative and at most the maximum
   * @return this configuration
   * @throws IllegalArgumentException if it is negative
   */
  public final PurgeableConfiguration<K, V> setMinimumBytes(long bytes) {
    var unused = PurgeableCache.builder(Codec.bytes()).minimumBytes(bytes);
    minimumBytes = bytes;
    return this;
  }

  /**
   * Returns the memory to use.
   *
   * @return the store
   */
  public Store getStore() {
    return store;
  }

  /**
   * Sets the memory to use. Without this it is {@link Store#AUTO}.
   *
   * @param store the memory
   * @return this configuration
   */
  public final PurgeableConfiguration<K, V> setStore(Store store) {
    this.store = Objects.requireNonNull(store, "store");
    return this;
  }

  /**
   * Returns what makes the codec of the values.
   *
   * @return the factory, or null for Java's serialization
   */
  public @Nullable Factory<? extends Codec<V>> getCodecFactory() {
    return codecFactory;
  }

  /**
   * Sets what makes the codec of the values. Without this they are serialized by Java, and read
   * with the class loader of the cache manager.
   *
   * @param factory makes the codec; {@code Codec::bytes}, for example
   * @return this configuration
   */
  public final PurgeableConfiguration<K, V> setCodecFactory(Factory<? extends Codec<V>> factory) {
    codecFactory = Objects.requireNonNull(factory, "factory");
    return this;
  }

  /**
   * Looks at what no single setter can see.
   *
   * @throws IllegalArgumentException if the minimum is larger than the maximum
   */
  final void check() {
    Validate.isTrue(
        minimumBytes <= maximumBytes,
        "minimumBytes, %s, is larger than maximumBytes, %s",
        minimumBytes,
        maximumBytes);
  }

  @Override
  public boolean equals(Object other) {
    return super.equals(other)
        && other instanceof PurgeableConfiguration<?, ?> configuration
        && maximumBytes == configuration.maximumBytes
        && minimumBytes == configuration.minimumBytes
        && store == configuration.store
        && Objects.equals(codecFactory, configuration.codecFactory);
  }

  @Override
  public int hashCode() {
    return Objects.hash(super.hashCode(), maximumBytes, minimumBytes, store, codecFactory);
  }
}
