// SPDX-License-Identifier: Apache-2.0
package org.ashmem.cache.demo;

import java.nio.ByteBuffer;
import org.caffinitas.ohc.CacheSerializer;
import org.caffinitas.ohc.OHCache;
import org.caffinitas.ohc.OHCacheBuilder;

/** A process with a cache outside the heap that holds its memory: OHC. */
final class Peer {
  private static final int VALUE = 64 << 10;

  /** At this pace the page shows how the memory changes hands. */
  private static final int VALUES_AT_ONCE = 16;

  private static final long PAUSE_MILLIS = 25;

  private Peer() {}

  private static final class Bytes implements CacheSerializer<byte[]> {
    @Override
    public void serialize(byte[] value, ByteBuffer bytes) {
      bytes.put(value);
    }

    @Override
    public byte[] deserialize(ByteBuffer bytes) {
      byte[] value = new byte[bytes.remaining()];
      bytes.get(value);
      return value;
    }

    @Override
    public int serializedSize(byte[] value) {
      return value.length;
    }
  }

  /**
   * Puts values of 64 KiB, for as long as its standard input has no end.
   *
   * @param arguments the capacity of the cache in bytes
   */
  public static void main(String[] arguments) throws Exception {
    Sibling.endWithTheParent();
    try (OHCache<byte[], byte[]> cache =
        OHCacheBuilder.<byte[], byte[]>newBuilder()
            .keySerializer(new Bytes())
            .valueSerializer(new Bytes())
            .capacity(Long.parseLong(arguments[0]))
            .build()) {
      for (int key = 0; ; key++) {
        boolean unused =
            cache.put(ByteBuffer.allocate(Integer.BYTES).putInt(key).array(), new byte[VALUE]);
        if (key % VALUES_AT_ONCE == 0) {
          Thread.sleep(PAUSE_MILLIS);
        }
      }
    }
  }
}
