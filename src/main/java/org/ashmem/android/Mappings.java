// SPDX-License-Identifier: Apache-2.0
package org.ashmem.android;

import java.lang.ref.Cleaner;
import java.lang.ref.WeakReference;
import java.nio.ByteBuffer;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.ashmem.Mapping;
import org.jspecify.annotations.Nullable;

/** Maps each buffer to its mapping, for as long as the buffer is reachable. */
final class Mappings {
  private static final Cleaner CLEANER = Cleaner.create();

  private static final Map<Key, Mapping> MAPPINGS = new ConcurrentHashMap<>();

  private Mappings() {}

  /** Returns a new buffer of the mapping. {@link #of} finds the mapping by this buffer. */
  static ByteBuffer handOut(Mapping mapping) {
    ByteBuffer buffer = mapping.buffer();
    Key key = new Key(buffer);
    MAPPINGS.put(key, mapping);
    // Do not close the mapping: a slice of the buffer may still be in use. The mapping's own
    // cleaner unmaps it.
    CLEANER.register(buffer, () -> MAPPINGS.remove(key));
    return buffer;
  }

  static @Nullable Mapping of(ByteBuffer buffer) {
    return MAPPINGS.get(new Key(buffer));
  }

  /** Compares buffers by identity, not by content. */
  private static final class Key extends WeakReference<ByteBuffer> {
    private final int hash;

    Key(ByteBuffer buffer) {
      super(buffer);
      hash = System.identityHashCode(buffer);
    }

    @Override
    public int hashCode() {
      return hash;
    }

    @Override
    public boolean equals(@Nullable Object other) {
      if (this == other) {
        return true;
      }
      ByteBuffer buffer = get();
      return buffer != null && other instanceof Key key && key.refersTo(buffer);
    }
  }
}
