// SPDX-License-Identifier: Apache-2.0
package org.ashmem;

import java.util.ArrayList;
import java.util.List;

/**
 * Pins and unpins ranges of one region, and counts its scopes.
 *
 * <p>Thread-safe. The monitor of {@link #held} protects the counts. Each unpin holds it, so that no
 * scope begins between the check of the counts and the unpin.
 */
final class Pins {
  private final HeldRanges held = new HeldRanges();
  private final AshmemRegion region;
  private final Driver driver;

  Pins(AshmemRegion region, Driver driver) {
    this.region = region;
    this.driver = driver;
  }

  PinResult pin(long offset, long length) {
    long requested = requested(offset, length);
    int fd = region.acquire();
    try {
      Events.PinEvent event = Events.pin(region.name(), offset, length);
      int result = driver.pin(fd, offset, requested);
      PinResult answer = PinResult.of(AshmemException.check("ASHMEM_PIN", region.name(), result));
      try {
        Counters.pinned(answer);
        Events.pinned(event, region.name(), offset, length, answer);
      } catch (OutOfMemoryError e) {
        // The answer must not be lost: a purge is reported once.
      }
      return answer;
    } finally {
      region.release();
    }
  }

  PinResults pinAll(PinRange... ranges) {
    PinResults results = new PinResults(ranges, region.size(), AshmemRegion.pageSize());
    AshmemException.PartlyPinned partly = new AshmemException.PartlyPinned(region.name(), results);
    int fd = region.acquire();
    try {
      Events.PinEvent event = Events.pinAll(region.name(), ranges);
      int refused = driver.pinMany(fd, results.words());
      int unused = AshmemException.check("ASHMEM_PIN_VECTOR", region.name(), refused);
      try {
        Counters.pinned(results);
        Events.pinned(event, region.name(), results);
      } catch (OutOfMemoryError e) {
        // The results must not be lost: a purge is reported once.
      }
    } finally {
      region.release();
    }
    if (results.error() < 0) {
      Throwable unused = partly.fillInStackTrace();
      throw partly;
    }
    return results;
  }

  /** Unpins the parts that no scope holds. */
  void unpinAll(PinRange... ranges) {
    PinRange[] copy = ranges.clone();
    for (PinRange range : copy) {
      long unused = requested(range.offset(), range.length());
    }
    int fd = region.acquire();
    try {
      synchronized (held) {
        PinResults free = new PinResults(free(copy), region.size(), AshmemRegion.pageSize());
        Events.UnpinEvent event = Events.unpinAll(region.name(), copy);
        int refused = driver.unpinMany(fd, free.words());
        int error = refused < 0 ? refused : free.error();
        int unused = AshmemException.check("ASHMEM_PIN_VECTOR", region.name(), error);
        Events.unpinned(event);
      }
    } finally {
      region.release();
    }
  }

  private PinRange[] free(PinRange[] ranges) {
    List<PinRange> free = new ArrayList<>();
    for (PinRange range : ranges) {
      long end = range.offset() + range.length();
      long from = held.firstFree(range.offset(), end);
      while (from < end) {
        long to = held.firstHeld(from, end);
        free.add(new PinRange(from, to - from));
        from = held.firstFree(to, end);
      }
    }
    return free.toArray(new PinRange[0]);
  }

  /** Unpins what no scope holds. The rest is unpinned at the end of its last scope. */
  void unpin(long offset, long length) {
    long unused = requested(offset, length);
    int fd = region.acquire();
    try {
      synchronized (held) {
        unpinFree(fd, offset, offset + length);
      }
    } finally {
      region.release();
    }
  }

  PinStatus status(long offset, long length) {
    long requested = requested(offset, length);
    int fd = region.acquire();
    try {
      int result = driver.pinStatus(fd, offset, requested);
      return PinStatus.of(AshmemException.check("ASHMEM_GET_PIN_STATUS", region.name(), result));
    } finally {
      region.release();
    }
  }

  Pin begin(long offset, long length) {
    long unused = requested(offset, length);
    synchronized (held) {
      held.hold(offset, offset + length);
      try {
        // The scope is allocated before its arguments are evaluated, and allocates nothing.
        return new Pin(this, offset, length, pin(offset, length));
      } catch (Throwable e) {
        held.release(offset, offset + length);
        throw e;
      }
    }
  }

  /** Ends a scope. If the region is closed, there is nothing to unpin. */
  void end(long offset, long length) {
    synchronized (held) {
      held.release(offset, offset + length);
      if (region.isOpen()) {
        try {
          unpin(offset, length);
        } catch (ClosedException e) {
          // Another thread closed the region after the check.
        }
      }
    }
  }

  private void unpinFree(int fd, long start, long end) {
    long from = held.firstFree(start, end);
    while (from < end) {
      long to = held.firstHeld(from, end);
      Events.UnpinEvent event = Events.unpin(region.name(), from, to - from);
      int result = driver.unpin(fd, from, requested(from, to - from));
      int unused = AshmemException.check("ASHMEM_UNPIN", region.name(), result);
      Events.unpinned(event);
      from = held.firstFree(to, end);
    }
  }

  /** Checks a range. Returns the length to request. */
  private long requested(long offset, long length) {
    return PinRange.length(offset, length, region.size(), AshmemRegion.pageSize());
  }
}
