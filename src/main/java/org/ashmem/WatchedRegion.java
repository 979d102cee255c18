// SPDX-License-Identifier: Apache-2.0
package org.ashmem;

import java.lang.ref.WeakReference;
import org.jspecify.annotations.Nullable;

/**
 * What {@link PurgeReports} knows of a region. It does not keep the region or an action reachable,
 * so that the cleaner can close the region.
 *
 * <p>Thread-safe. The monitor of this object protects its fields. A thread that holds it may take
 * the monitor of the class PurgeReports, not the other way round.
 */
final class WatchedRegion {
  private final Descriptor descriptor;
  private final boolean onDevice;

  /** The file id, while there are watches. An object: to end the reports needs no heap. */
  private @Nullable Long file;

  private volatile WeakReference<PurgeWatches> watches = new WeakReference<>(null);
  private boolean closed;

  WatchedRegion(Descriptor descriptor, Driver driver) {
    this.descriptor = descriptor;
    this.onDevice = driver.backend() == Backend.DEVICE;
  }

  /**
   * Begins to report purges to these watches. The region has this open descriptor, name and file.
   * Does nothing if another thread closes the region.
   */
  synchronized void begin(int fd, String name, long file, PurgeWatches to) {
    if (!closed) {
      Long key = file;
      watches = new WeakReference<>(to);
      PurgeReports.add(this, fd, name, key);
      this.file = key;
    }
  }

  /** Ends the reports. */
  synchronized void end() {
    Long registered = file;
    if (registered != null) {
      PurgeReports.remove(this, registered);
      file = null;
    }
  }

  /**
   * Ends the reports permanently. The descriptor must still be open. Without a watch, this needs no
   * other class: the class loader of a forgotten region may be closed.
   */
  synchronized void close() {
    closed = true;
    end();
  }

  boolean isOnDevice() {
    return onDevice;
  }

  /** Returns an open descriptor, valid until {@link #release}, or -1. */
  int acquire() {
    return descriptor.acquire();
  }

  void release() {
    descriptor.release();
  }

  @Nullable PurgeWatches watches() {
    return watches.get();
  }
}
