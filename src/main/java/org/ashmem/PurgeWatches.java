// SPDX-License-Identifier: Apache-2.0
package org.ashmem;

import java.util.List;
import java.util.Objects;
import java.util.concurrent.CopyOnWriteArrayList;

/** The watches of a region. The region keeps them reachable, and {@link PurgeReports} does not. */
final class PurgeWatches {
  private final List<PurgeWatch> watches = new CopyOnWriteArrayList<>();
  private final WatchedRegion watched;

  PurgeWatches(WatchedRegion watched) {
    this.watched = watched;
  }

  WatchedRegion watched() {
    return watched;
  }

  /** Adds a watch. The region is the one that has this object. */
  synchronized PurgeWatch add(AshmemRegion region, Runnable action) {
    PurgeWatch watch = new PurgeWatch(this, Objects.requireNonNull(action, "action"));
    long file = region.fileId();
    int fd = region.acquire();
    try {
      if (watches.isEmpty()) {
        watched.begin(fd, region.name(), file, this);
      }
      watches.add(watch);
    } finally {
      region.release();
    }
    return watch;
  }

  synchronized void remove(PurgeWatch watch) {
    if (watches.remove(watch) && watches.isEmpty()) {
      watched.end();
    }
  }

  /** Runs the actions. This holds no lock. */
  void tell() {
    for (PurgeWatch each : watches) {
      each.tell();
    }
  }
}
