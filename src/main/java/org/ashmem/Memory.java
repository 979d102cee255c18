// SPDX-License-Identifier: Apache-2.0
package org.ashmem;

import java.lang.ref.Cleaner;
import java.lang.ref.Reference;
import java.nio.ByteBuffer;

/**
 * Mapped memory as Java sees it. Before Java 22 no buffer can be told that its memory is gone: a
 * tombstone of zeros is laid there, which goes when the last buffer is unreachable.
 */
final class Memory {
  private final long address;
  private final long mappedLength;

  /** Every view keeps this one reachable, and with it the address space. */
  private final ByteBuffer root;

  /** Takes over a mapping; {@code length} bytes of it, from {@code before} on, are to be seen. */
  Memory(Cleaner cleaner, long address, long mappedLength, long before, long length) {
    this.address = address;
    this.mappedLength = mappedLength;
    this.root = Shim.buffer(address + before, length);
    cleaner.register(root, new Unmapping(address, mappedLength));
  }

  /** The longest that can be handed out, in bytes. */
  static long maxLength() {
    return Integer.MAX_VALUE;
  }

  /** A new view, which can be written as far as Java knows. */
  ByteBuffer buffer() {
    return root.duplicate();
  }

  /** Takes the mapping away from all views: 0 or the negated errno. */
  int close() {
    try {
      return Shim.bury(address, mappedLength);
    } finally {
      // Or the cleaner may unmap the range first, and the tombstone falls on whoever got it next.
      Reference.reachabilityFence(root);
    }
  }
}
