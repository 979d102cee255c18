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
  private final Unmapping unmapping;

  /** Every view keeps this one reachable, and with it the address space. */
  private final ByteBuffer root;

  /** Of a mapping of which {@code length} bytes, from {@code before} on, are to be seen. */
  Memory(Cleaner cleaner, long before, long length, Unmapping unmapping) {
    this.unmapping = unmapping;
    this.root = Shim.buffer(unmapping.address() + before, length);
    cleaner.register(root, unmapping);
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
      return Shim.bury(unmapping.address(), unmapping.length());
    } finally {
      // Or the cleaner may unmap the range first, and the tombstone falls on whoever got it next.
      Reference.reachabilityFence(root);
    }
  }
}
