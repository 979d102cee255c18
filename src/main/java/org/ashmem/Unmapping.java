// SPDX-License-Identifier: Apache-2.0
package org.ashmem;

import java.util.concurrent.atomic.AtomicBoolean;

/** Unmaps a mapping once: at its close, or by the cleaner when it became unreachable. */
final class Unmapping implements Runnable {
  private long address;
  private final long length;
  private final Runnable forgotten;
  private final AtomicBoolean done = new AtomicBoolean();

  /**
   * Takes the length of the pages to unmap, and the action to run if the cleaner unmaps them. It is
   * made before the pages are mapped: afterwards a full heap would leave them mapped.
   */
  Unmapping(long length, Runnable forgotten) {
    this.length = length;
    this.forgotten = forgotten;
  }

  /** Takes the address, before anybody else sees this object. */
  void mapped(long address) {
    this.address = address;
  }

  long address() {
    return address;
  }

  /** Returns the length in bytes. */
  long length() {
    return length;
  }

  /** Unmaps the pages. A second call is a no-op and returns false. */
  boolean unmap() {
    if (done.getAndSet(true)) {
      return false;
    }
    // Ignore an error: no caller could handle it.
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
