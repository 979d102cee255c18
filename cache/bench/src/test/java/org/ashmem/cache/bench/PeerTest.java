// SPDX-License-Identifier: Apache-2.0
package org.ashmem.cache.bench;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertNotSame;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Each cache returns what was put; the device needs a guest. */
class PeerTest {
  private static final long BYTES = 64L << 20;

  @ParameterizedTest
  @ValueSource(
      strings = {"lazy", "memfd", "caffeine", "caffeine-soft", "ohc", "ehcache", "infinispan"})
  void returnsWhatWasPutByteForByte(String name) {
    try (Peer peer = Peer.open(name, BYTES)) {
      assertNull(peer.get(1));
      for (int length : new int[] {1, 255, 256, 4096, 65536}) {
        byte[] value = value(length);
        byte[] put = value.clone();
        peer.put(length, put);
        assertArrayEquals(value, put);
        assertArrayEquals(value, peer.get(length));
      }
      for (int length : new int[] {1, 255, 256, 4096, 65536}) {
        assertArrayEquals(value(length), peer.get(length));
      }
      assertNull(peer.get(2));
      assertNull(peer.get(-256));
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"lazy", "memfd", "caffeine", "ohc", "ehcache", "infinispan"})
  void sharesNoArrayAndReplaces(String name) {
    try (Peer peer = Peer.open(name, BYTES)) {
      byte[] put = value(1000);
      peer.put(Long.MAX_VALUE, put);
      put[0]++;
      byte[] got = peer.get(Long.MAX_VALUE);
      assertArrayEquals(value(1000), got);
      got[1]++;
      assertArrayEquals(value(1000), peer.get(Long.MAX_VALUE));
      assertNotSame(got, peer.get(Long.MAX_VALUE));
      peer.put(Long.MAX_VALUE, value(999));
      assertArrayEquals(value(999), peer.get(Long.MAX_VALUE));
    }
  }

  /** Of four times what fits, each cache that has a bound loses some. */
  @ParameterizedTest
  @ValueSource(strings = {"lazy", "memfd", "caffeine", "ohc", "ehcache", "infinispan"})
  void staysWithinItsBytes(String name) {
    long bytes = 16L << 20;
    try (Peer peer = Peer.open(name, bytes)) {
      int count = (int) (4 * bytes / 4096);
      for (int key = 0; key < count; key++) {
        peer.put(key, value(4096));
      }
      // Caffeine evicts a moment later.
      int kept = 0;
      for (int tries = 0; tries < 100; tries++) {
        kept = 0;
        for (int key = 0; key < count; key++) {
          byte[] got = peer.get(key);
          if (got != null) {
            assertArrayEquals(value(4096), got);
            kept++;
          }
        }
        if (kept <= count / 4) {
          break;
        }
      }
      assertTrue(kept > 0 && kept <= count / 4, kept + " of " + count);
    }
  }

  @Test
  void anUnknownNameIsRefused() {
    assertThrows(IllegalArgumentException.class, () -> Peer.open("map", BYTES));
  }

  private static byte[] value(int length) {
    byte[] value = new byte[length];
    new Random(length).nextBytes(value);
    return value;
  }
}
