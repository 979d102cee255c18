// SPDX-License-Identifier: Apache-2.0
package org.ashmem;

import java.util.ArrayList;
import java.util.List;
import java.util.Objects;

/** The watches of a region. The region keeps them reachable, and {@link PurgeReports} does not. */
final class PurgeWatches {
  private final WatchedRegion watched;

  /** Written with the monitor of this object. The list itself is never changed. */
  private volatile List<PurgeWatch> watches = List.of();

  PurgeWatches(WatchedRegion watched) {
    this.watched = watched;
  }

  WatchedRegion watched() {
    return watched;
  }

  /** Adds a watch. The region is the one that has this object. */
  synchronized PurgeWatch add(AshmemRegion region, Runnable action) {
    PurgeWatch watch = new PurgeWatch(this, Objects.requireNonNull(action, "action"));
    List<PurgeWatch> more = new ArrayList<>(watches);
    more.add(watch);
    long file = region.fileId();
    int fd = region.acquire();
    try {
      if (watches.isEmpty()) {
        watched.begin(fd, region.name(), file, this);
      }
      // Nothing can fail after the region is registered.
      watches = more;
    } finally {
      region.release();
    }
    return watch;
  }

  synchronized void remove(PurgeWatch watch) {
    List<PurgeWatch> left = new ArrayList<>(watches);
    if (left.remove(watch)) {
      watches = left;
      if (left.isEmpty()) {
        watched.end();
      }
    }
  }

  /** Runs the actions. This holds no lock. */
  void tell() {
    for (PurgeWatch each : watches) {
      each.tell();
    }
  }
}
