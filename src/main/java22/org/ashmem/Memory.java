// SPDX-License-Identifier: Apache-2.0
package org.ashmem;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.ref.Cleaner;
import java.nio.ByteBuffer;
import org.jspecify.annotations.Nullable;

/**
 * Mapped memory as Java sees it: a segment of a shared arena. Closing that takes it away from all
 * views, which throw IllegalStateException from then on.
 *
 * <p>Every thread of the JVM has to look up when a shared arena is closed, which takes longer than
 * all the rest of a mapping's life. So there is none before somebody asks for a view.
 */
final class Memory {
  private final Unmapping unmapping;
  private final long before;
  private final long length;
  private final Cleaner.Cleanable forgotten;

  /** Made and closed under this object's monitor. */
  private @Nullable Arena arena;

  private volatile @Nullable MemorySegment segment;
  private boolean closed;

  /** Of a mapping of which {@code length} bytes, from {@code before} on, are to be seen. */
  Memory(Cleaner cleaner, long before, long length, Unmapping unmapping) {
    this.unmapping = unmapping;
    this.before = before;
    this.length = length;
    this.forgotten = cleaner.register(this, unmapping);
  }

  /** A mapping as a segment that the end of the arena takes away. */
  @SuppressWarnings("restricted") // the address is one of ours
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
      // Every segment and every buffer of the arena keeps its end reachable, and that this object.
      made = adopt(unmapping, shared, this::unmap).asSlice(before, length);
      arena = shared;
      segment = made;
      if (closed) {
        shared.close();
      }
    }
    return made;
  }

  private void unmap() {
    boolean unused = unmapping.unmap();
  }

  /** The longest that can be handed out, in bytes. */
  static long maxLength() {
    return Long.MAX_VALUE;
  }

  /** A new view, which can be written as far as Java knows. */
  ByteBuffer buffer() {
    return segment().asByteBuffer();
  }

  /** Takes the mapping away from all views: 0. */
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
