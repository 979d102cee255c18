// SPDX-License-Identifier: Apache-2.0
package org.ashmem.cache.infinispan;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.function.BiConsumer;
import java.util.function.Consumer;
import org.ashmem.cache.Codec;
import org.ashmem.cache.PurgeableCache;
import org.ashmem.cache.PurgeableCacheBuilder;
import org.ashmem.cache.RemovalCause;
import org.infinispan.client.hotrod.MetadataValue;
import org.infinispan.client.hotrod.configuration.NearCacheConfiguration;
import org.infinispan.client.hotrod.near.NearCache;
import org.infinispan.client.hotrod.near.NearCacheFactory;
import org.infinispan.commons.marshall.Marshaller;
import org.jspecify.annotations.Nullable;

/**
 * Makes near caches for Infinispan's Hot Rod client whose values lie outside the heap, in memory
 * that the kernel may take back. A value that was taken is a miss of the near cache: the client
 * asks the server again.
 *
 * <pre>{@code
 * Marshaller marshaller = new ProtoStreamMarshaller();
 * var near =
 *     new PurgeableNearCacheFactory(
 *         PurgeableNearCacheFactory.codec(marshaller), cache -> cache.maximumBytes(1L << 30));
 * ConfigurationBuilder client = new ConfigurationBuilder();
 * client.addServer().host("server").marshaller(marshaller);
 * client
 *     .remoteCache("tiles")
 *     .nearCacheMode(NearCacheMode.INVALIDATED)
 *     .nearCacheMaxEntries(-1)
 *     .nearCacheFactory(near);
 * }</pre>
 *
 * <p>Bytes limit such a near cache, not the client's {@code maxEntries}. With a bloom filter {@code
 * maxEntries} is the number of entries that the filter is sized for; more of them cost
 * invalidations that nobody needed. Keys stay on the heap. A near cache returns a copy of a value:
 * what a program changes in it does not come back.
 *
 * <p>What the client promises of its own near cache on the heap holds for this one:
 *
 * <ul>
 *   <li>After a write of its own was acknowledged, a client reads that write or a later one.
 *   <li>After an invalidation has reached a client, the value that it invalidates is not returned
 *       by the near cache, and no value that was asked for before.
 *   <li>Until then a client may return the older value: the server does not wait for it.
 *   <li>Without a connection for invalidations nothing is returned by the near cache. When that
 *       connection is lost all of the near cache is cleared.
 * </ul>
 *
 * <p>A factory serves one remote cache, or several that have the same type of values; each gets a
 * cache of its own. Thread-safe.
 */
public final class PurgeableNearCacheFactory implements NearCacheFactory, AutoCloseable {
  private final Codec<?> codec;
  private final Consumer<? super PurgeableCacheBuilder<?, ?>> options;
  private final List<PurgeableCache<?, ?>> caches = new CopyOnWriteArrayList<>();

  /**
   * Makes a factory.
   *
   * @param codec makes bytes of the values of the remote cache, and values of the bytes
   * @param options sets options of each cache, {@link PurgeableCacheBuilder#maximumBytes} at least.
   *     A removal listener that it sets is replaced
   */
  public PurgeableNearCacheFactory(
      Codec<?> codec, Consumer<? super PurgeableCacheBuilder<?, ?>> options) {
    this.codec = Objects.requireNonNull(codec, "codec");
    this.options = Objects.requireNonNull(options, "options");
  }

  /**
   * Returns a codec that keeps values as a marshaller of Infinispan writes them.
   *
   * @param marshaller the marshaller, usually the one that the client uses, too. One for
   *     ProtoStream knows the client's schemas only if it is the same object
   * @return the codec. It throws {@link UncheckedIOException} for what the marshaller cannot write
   *     or read
   */
  public static Codec<Object> codec(Marshaller marshaller) {
    Objects.requireNonNull(marshaller, "marshaller");
    return new Codec<>() {
      @Override
      public ByteBuffer encode(Object value) {
        try {
          return ByteBuffer.wrap(marshaller.objectToByteBuffer(value));
        } catch (IOException e) {
          throw new UncheckedIOException(e);
        } catch (InterruptedException e) {
          Thread.currentThread().interrupt();
          throw new IllegalStateException("interrupted while a value was written", e);
        }
      }

      @Override
      public Object decode(ByteBuffer bytes) {
        try {
          return marshaller.objectFromByteBuffer(
              bytes.array(), bytes.arrayOffset() + bytes.position(), bytes.remaining());
        } catch (IOException e) {
          throw new UncheckedIOException(e);
        } catch (ClassNotFoundException e) {
          throw new UncheckedIOException(new IOException(e));
        }
      }
    };
  }

  /**
   * Makes a near cache. The client calls this when it starts a remote cache.
   *
   * @throws IllegalStateException if the options set no maximum
   * @throws UnsupportedOperationException if the store cannot be had here
   */
  @Override
  @SuppressWarnings("unchecked") // the values of the remote cache are those of the codec
  public <K, V> NearCache<K, V> createNearCache(
      NearCacheConfiguration config, BiConsumer<K, @Nullable MetadataValue<V>> removedConsumer) {
    PurgeableCacheBuilder<K, MetadataValue<V>> builder =
        PurgeableCache.builder(new MetadataCodec<>((Codec<V>) codec));
    options.accept(builder);
    PurgeableCache<K, MetadataValue<V>> values =
        builder
            .removalListener(
                (key, cause) -> {
                  if (cause != RemovalCause.REPLACED) {
                    removedConsumer.accept(key, null);
                  }
                })
            .build();
    caches.add(values);
    return new PurgeableNearCache<>(values, removedConsumer);
  }

  /**
   * Returns the caches of the near caches, in the order in which they were made: to look at their
   * statistics, and to purge them in tests.
   *
   * @return the caches
   */
  public List<PurgeableCache<?, ?>> caches() {
    return List.copyOf(caches);
  }

  /**
   * Gives the memory of all near caches back. The client that uses them must be closed before, it
   * does not close near caches itself. A second call is a no-op.
   */
  @Override
  public void close() {
    caches.forEach(PurgeableCache::close);
    caches.clear();
  }
}
