// SPDX-License-Identifier: Apache-2.0
package org.ashmem.cache.bench.container;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;

/** The values: each is computed from its key, and so is each of its bytes when it is checked. */
final class Value {
  static final int BYTES = 64 << 10;

  private static final VarHandle LONGS =
      MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.LITTLE_ENDIAN);

  private Value() {}

  /** Loads the value of a key. */
  static byte[] of(long key) {
    byte[] value = new byte[BYTES];
    for (int at = 0; at < BYTES; at += Long.BYTES) {
      LONGS.set(value, at, word(key, at));
    }
    return value;
  }

  /** Is each byte that of the value of the key? */
  static boolean is(long key, byte[] value) {
    if (value.length != BYTES) {
      return false;
    }
    long differences = 0;
    for (int at = 0; at < BYTES; at += Long.BYTES) {
      differences |= (long) LONGS.get(value, at) ^ word(key, at);
    }
    return differences == 0;
  }

  /** Eight bytes of a value, of which none are those of another key or another place. */
  private static long word(long key, int at) {
    return (key << 32 | at) * 0x9E3779B97F4A7C15L;
  }
}
