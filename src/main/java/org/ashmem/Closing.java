// SPDX-License-Identifier: Apache-2.0
package org.ashmem;

import java.lang.ref.Cleaner;

/** Frees a region when it is closed or becomes unreachable. */
record Closing(WatchedRegion watched, Driver driver, Descriptor descriptor, Lifetime lifetime)
    implements Runnable {
  /** Begins the lifetime of the region. If this throws, nothing will be freed. */
  Cleaner.Cleanable register(AshmemRegion region) {
    lifetime.begin();
    try {
      return AshmemRegion.CLEANER.register(region, this);
    } catch (Throwable e) {
      boolean unused = lifetime.close();
      throw e;
    }
  }

  @Override
  public void run() {
    try {
      watched.close();
    } finally {
      driver.close();
      descriptor.close();
      lifetime.end();
    }
  }
}
