// SPDX-License-Identifier: Apache-2.0
package org.ashmem;

import java.util.concurrent.atomic.AtomicBoolean;

/** How a mapping is unmapped, once: at its end, or for the cleaner when nobody can reach it. */
final class Unmapping implements Runnable {
  private final long address;
  private final long length;
  private final Runnable forgotten;
  private final AtomicBoolean done = new AtomicBoolean();

  /** Of pages at an address; with what is to be run if the cleaner unmaps them. */
  Unmapping(long address, long length, Runnable forgotten) {
    this.address = address;
    this.length = length;
    this.forgotten = forgotten;
  }

  long address() {
    return address;
  }

  /** In bytes. */
  long length() {
    return length;
  }

  /** Returns false when it did before. */
  boolean unmap() {
    if (done.getAndSet(true)) {
      return false;
    }
    // Nobody is left to tell of an error.
    int unused = Shim.unmap(address, length);
    return true;
  }

  @Override
  public void run() {
    if (unmap()) {
      forgotten.run();
    }
  }
}
