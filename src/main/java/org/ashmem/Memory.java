// SPDX-License-Identifier: Apache-2.0
package org.ashmem;

import java.lang.ref.Cleaner;
import java.lang.ref.Reference;
import java.nio.ByteBuffer;

/**
 * The mapped memory of a {@link Mapping}. Before Java 22 a buffer cannot be invalidated. Therefore
 * close replaces the memory by zeros, the tombstone. The tombstone is unmapped when the last buffer
 * becomes unreachable.
 */
final class Memory {
  static {
    MultiRelease.warn(Memory.class);
  }

  private final Unmapping unmapping;

  /** Every view keeps this buffer reachable, and therefore the address space mapped. */
  private final ByteBuffer root;

  /** Makes {@code length} bytes visible, from the offset {@code before} in the mapped pages. */
  Memory(Cleaner cleaner, long before, long length, Unmapping unmapping) {
    this.unmapping = unmapping;
    this.root = Shim.buffer(unmapping.address() + before, length);
    cleaner.register(root, unmapping);
  }

  /** The maximum length of a view, in bytes. */
  static long maxLength() {
    return Integer.MAX_VALUE;
  }

  /** Returns a new view. Java treats it as writable, even if the mapping is read-only. */
  ByteBuffer buffer() {
    return root.duplicate();
  }

  /** Detaches all views from the mapping. Returns 0 or the negated errno. */
  int close() {
    try {
      return Shim.bury(unmapping.address(), unmapping.length());
    } finally {
      // Without this the cleaner could unmap the range first. The tombstone would then overwrite a
      // later mapping at the same address.
      Reference.reachabilityFence(root);
    }
  }
}
