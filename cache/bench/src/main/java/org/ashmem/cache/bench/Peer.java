// SPDX-License-Identifier: Apache-2.0
package org.ashmem.cache.bench;

import org.ashmem.cache.Store;
import org.jspecify.annotations.Nullable;

/**
 * A cache of byte arrays, as its own guide configures it. Thread-safe.
 *
 * <p>What is put and what is got are copies, but with {@code caffeine-shared} and {@code
 * caffeine-soft}: these share their arrays with the caller, who must not change them.
 */
public interface Peer extends AutoCloseable {
  /**
   * Opens a cache.
   *
   * @param name {@code lazy}, {@code device} or {@code memfd} for ours on that store, {@code
   *     caffeine}, {@code caffeine-shared}, {@code caffeine-soft}, {@code ohc}, {@code ehcache} or
   *     {@code infinispan}
   * @param bytes the most bytes of values that it may hold, which {@code caffeine-soft} ignores
   * @return the cache, empty
   * @throws IllegalArgumentException for any other name
   * @throws UnsupportedOperationException if the store cannot be had here
   */
  static Peer open(String name, long bytes) {
    return switch (name) {
      case "lazy" -> new PurgeablePeer(Store.LAZY, bytes);
      case "device" -> new PurgeablePeer(Store.DEVICE, bytes);
      case "memfd" -> new PurgeablePeer(Store.MEMFD, bytes);
      case "caffeine" -> CaffeinePeer.bounded(bytes, true);
      case "caffeine-shared" -> CaffeinePeer.bounded(bytes, false);
      case "caffeine-soft" -> CaffeinePeer.soft();
      case "ohc" -> new OhcPeer(bytes);
      case "ehcache" -> new EhcachePeer(bytes);
      case "infinispan" -> new InfinispanPeer(bytes);
      default -> throw new IllegalArgumentException("no cache is named '" + name + "'");
    };
  }

  /**
   * Keeps a value, in place of any earlier one.
   *
   * @param key the key
   * @param value the value, at least one byte: Infinispan keeps no empty value
   */
  void put(long key, byte[] value);

  /**
   * Returns a value.
   *
   * @param key the key
   * @return the value, or null for a miss
   */
  byte @Nullable [] get(long key);

  /** Gives the memory back. */
  @Override
  void close();
}
