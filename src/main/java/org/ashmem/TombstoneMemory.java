// SPDX-License-Identifier: Apache-2.0
package org.ashmem;

import java.lang.ref.Cleaner;
import java.lang.ref.Reference;
import java.nio.ByteBuffer;
import org.jspecify.annotations.Nullable;

/**
 * The mapped memory of a {@link Mapping} before Java 22. A buffer cannot be invalidated there.
 * Therefore close replaces the memory by zeros, the tombstone. The tombstone is unmapped when the
 * last buffer becomes unreachable. If there was no buffer, close unmaps the memory.
 */
final class TombstoneMemory extends Memory {
  private final Cleaner cleaner;
  private final long before;
  private final long length;
  private final Unmapping unmapping;

  /** Unmaps the memory if this object becomes unreachable before there is a buffer. */
  private final Forgotten forgotten;

  private final Cleaner.Cleanable cleanable;

  /** Every view keeps this buffer reachable, and therefore the address space mapped. */
  private volatile @Nullable ByteBuffer root;

  /** The monitor of this object protects this field, and the writes of {@link #root}. */
  private boolean closed;

  TombstoneMemory(Cleaner cleaner, long before, long length, Unmapping unmapping) {
    this.cleaner = cleaner;
    this.before = before;
    this.length = length;
    this.unmapping = unmapping;
    this.forgotten = new Forgotten(unmapping);
    this.cleanable = cleaner.register(this, forgotten);
  }

  @Override
  @Nullable ByteBuffer buffer() {
    ByteBuffer made = root;
    if (made == null) {
      made = makeRoot();
    }
    return made == null ? null : made.duplicate();
  }

  private synchronized @Nullable ByteBuffer makeRoot() {
    ByteBuffer made = root;
    if (made == null && !closed) {
      made = Shim.buffer(unmapping.address() + before, length);
      cleaner.register(made, unmapping);
      // From now on the buffer decides when the memory is unmapped.
      forgotten.handOver();
      cleanable.clean();
      root = made;
    }
    return made;
  }

  @Override
  synchronized int close() {
    ByteBuffer made = root;
    try {
      if (made != null) {
        return Shim.bury(unmapping.address(), unmapping.length());
      }
      closed = true;
      boolean unused = unmapping.unmap();
      cleanable.clean();
      return 0;
    } finally {
      // Without this the cleaner could unmap the range first. The tombstone would then overwrite a
      // later mapping at the same address.
      Reference.reachabilityFence(made);
    }
  }

  /** Unmaps the memory, unless a buffer does. */
  private static final class Forgotten implements Runnable {
    private final Unmapping unmapping;
    private volatile boolean handedOver;

    Forgotten(Unmapping unmapping) {
      this.unmapping = unmapping;
    }

    void handOver() {
      handedOver = true;
    }

    @Override
    public void run() {
      if (!handedOver) {
        unmapping.run();
      }
    }
  }
}
