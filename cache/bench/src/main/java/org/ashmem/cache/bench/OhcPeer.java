// SPDX-License-Identifier: Apache-2.0
package org.ashmem.cache.bench;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import org.caffinitas.ohc.CacheSerializer;
import org.caffinitas.ohc.OHCache;
import org.caffinitas.ohc.OHCacheBuilder;
import org.jspecify.annotations.Nullable;

/** OHC with its linked implementation, which is the default and the one for values of any size. */
final class OhcPeer implements Peer {
  private final OHCache<Long, byte[]> cache;

  OhcPeer(long bytes) {
    cache =
        OHCacheBuilder.<Long, byte[]>newBuilder()
            .keySerializer(new Keys())
            .valueSerializer(new Values())
            .capacity(bytes)
            .build();
  }

  @Override
  public void put(long key, byte[] value) {
    boolean unused = cache.put(key, value);
  }

  @Override
  public byte @Nullable [] get(long key) {
    return cache.get(key);
  }

  @Override
  public void close() {
    try {
      cache.close();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static final class Keys implements CacheSerializer<Long> {
    @Override
    public void serialize(Long key, ByteBuffer bytes) {
      bytes.putLong(key);
    }

    @Override
    public Long deserialize(ByteBuffer bytes) {
      return bytes.getLong();
    }

    @Override
    public int serializedSize(Long key) {
      return Long.BYTES;
    }
  }

  /** The buffer that is read may be longer than the value, so the length comes first. */
  private static final class Values implements CacheSerializer<byte[]> {
    @Override
    public void serialize(byte[] value, ByteBuffer bytes) {
      bytes.putInt(value.length).put(value);
    }

    @Override
    public byte[] deserialize(ByteBuffer bytes) {
      byte[] value = new byte[bytes.getInt()];
      bytes.get(value);
      return value;
    }

    @Override
    public int serializedSize(byte[] value) {
      return Integer.BYTES + value.length;
    }
  }
}
