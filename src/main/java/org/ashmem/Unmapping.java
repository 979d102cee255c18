// SPDX-License-Identifier: Apache-2.0
package org.ashmem;

import java.util.concurrent.atomic.AtomicBoolean;

/** What is left to do for a mapping when nothing of it can be used any more; done once. */
final class Unmapping implements Runnable {
  private final long address;
  private final long length;
  private final AtomicBoolean done = new AtomicBoolean();

  Unmapping(long address, long length) {
    this.address = address;
    this.length = length;
  }

  @Override
  public void run() {
    if (!done.getAndSet(true)) {
      // Nobody is left to tell of an error.
      int unused = Shim.unmap(address, length);
    }
  }
}
