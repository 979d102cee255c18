// SPDX-License-Identifier: Apache-2.0
package org.ashmem.cache.infinispan;

import java.nio.ByteBuffer;
import org.ashmem.cache.Codec;
import org.infinispan.client.hotrod.MetadataValue;

/** Keeps all that the client has of an entry: times and version first, then the value's bytes. */
record MetadataCodec<V>(Codec<V> values) implements Codec<MetadataValue<V>> {
  private static final int HEADER = 3 * Long.BYTES + 2 * Integer.BYTES;

  @Override
  public ByteBuffer encode(MetadataValue<V> entry) {
    ByteBuffer value = values.encode(entry.getValue()).duplicate();
    return ByteBuffer.allocate(HEADER + value.remaining())
        .putLong(entry.getVersion())
        .putLong(entry.getCreated())
        .putLong(entry.getLastUsed())
        .putInt(entry.getLifespan())
        .putInt(entry.getMaxIdle())
        .put(value)
        .flip();
  }

  @Override
  public MetadataValue<V> decode(ByteBuffer bytes) {
    return new Entry<>(
        bytes.getLong(),
        bytes.getLong(),
        bytes.getLong(),
        bytes.getInt(),
        bytes.getInt(),
        values.decode(bytes.slice()));
  }

  /** What was kept. */
  private record Entry<V>(
      long version, long created, long lastUsed, int lifespan, int maxIdle, V value)
      implements MetadataValue<V> {
    @Override
    public long getVersion() {
      return version;
    }

    @Override
    public long getCreated() {
      return created;
    }

    @Override
    public long getLastUsed() {
      return lastUsed;
    }

    @Override
    public int getLifespan() {
      return lifespan;
    }

    @Override
    public int getMaxIdle() {
      return maxIdle;
    }

    @Override
    public V getValue() {
      return value;
    }
  }
}
