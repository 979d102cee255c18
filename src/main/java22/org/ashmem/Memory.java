// SPDX-License-Identifier: Apache-2.0
package org.ashmem;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.ref.Cleaner;
import java.nio.ByteBuffer;

/**
 * Mapped memory as Java sees it: a segment of a shared arena. Closing that takes it away from all
 * views, which throw IllegalStateException from then on.
 */
final class Memory {
  private final Arena arena = Arena.ofShared();
  private final MemorySegment segment;
  private final Cleaner.Cleanable forgotten;

  /** Of a mapping of which {@code length} bytes, from {@code before} on, are to be seen. */
  Memory(Cleaner cleaner, long before, long length, Unmapping unmapping) {
    this.segment = adopt(unmapping, arena).asSlice(before, length);
    // Every segment and every buffer of the arena keeps its scope reachable.
    this.forgotten = cleaner.register(segment.scope(), unmapping);
  }

  /** A mapping as a segment that the end of the arena unmaps. */
  @SuppressWarnings("restricted") // the address is one of ours
  static MemorySegment adopt(Unmapping unmapping, Arena arena) {
    return MemorySegment.ofAddress(unmapping.address())
        .reinterpret(
            unmapping.length(),
            arena,
            all -> {
              boolean unused = unmapping.unmap();
            });
  }

  MemorySegment segment() {
    return segment;
  }

  /** The longest that can be handed out, in bytes. */
  static long maxLength() {
    return Long.MAX_VALUE;
  }

  /** A new view, which can be written as far as Java knows. */
  ByteBuffer buffer() {
    return segment.asByteBuffer();
  }

  /** Takes the mapping away from all views: 0. */
  int close() {
    arena.close();
    forgotten.clean();
    return 0;
  }
}
