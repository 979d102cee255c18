// SPDX-License-Identifier: Apache-2.0
package org.ashmem;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.ref.Cleaner;
import java.nio.ByteBuffer;
import org.jspecify.annotations.Nullable;

/**
 * The mapped memory of a {@link Mapping} from Java 22 on: a segment of a shared arena. Closing the
 * arena invalidates all views, which then throw IllegalStateException.
 *
 * <p>Closing a shared arena needs a handshake with every thread of the JVM. This takes longer than
 * everything else that a mapping does. Therefore the arena is created only on the first request for
 * a view.
 */
final class ArenaMemory extends Memory {
  private final Unmapping unmapping;
  private final long before;
  private final long length;
  private final Cleaner.Cleanable forgotten;

  /** Created and closed under the monitor of this object. */
  private @Nullable Arena arena;

  private volatile @Nullable MemorySegment segment;
  private boolean closed;

  private ArenaMemory(Cleaner cleaner, long before, long length, Unmapping unmapping) {
    this.unmapping = unmapping;
    this.before = before;
    this.length = length;
    this.forgotten = cleaner.register(this, unmapping);
  }

  /** Returns whether this is the class for Java 22. */
  static boolean isThere() {
    return true;
  }

  static Memory of(Cleaner cleaner, long before, long length, Unmapping unmapping) {
    return new ArenaMemory(cleaner, before, length, unmapping);
  }

  /** Returns the mapped pages as a segment that is valid until the arena is closed. */
  @SuppressWarnings("restricted") // the address is that of a mapping of this library
  static MemorySegment adopt(Unmapping unmapping, Arena arena, Runnable end) {
    return MemorySegment.ofAddress(unmapping.address())
        .reinterpret(unmapping.length(), arena, all -> end.run());
  }

  MemorySegment segment() {
    MemorySegment made = segment;
    return made != null ? made : makeSegment();
  }

  private synchronized MemorySegment makeSegment() {
    MemorySegment made = segment;
    if (made == null) {
      Arena shared = Arena.ofShared();
      // Every segment and buffer of the arena keeps the cleanup action reachable. The action keeps
      // this object reachable.
      made = adopt(unmapping, shared, this::unmap).asSlice(before, length);
      arena = shared;
      if (closed) {
        shared.close();
      }
      // Other threads see the segment from here on. It must not look open over unmapped pages.
      segment = made;
    }
    return made;
  }

  private void unmap() {
    boolean unused = unmapping.unmap();
  }

  @Override
  ByteBuffer buffer() {
    return segment().asByteBuffer();
  }

  @Override
  synchronized int close() {
    if (arena != null) {
      arena.close();
    }
    closed = true;
    unmap();
    forgotten.clean();
    return 0;
  }
}
