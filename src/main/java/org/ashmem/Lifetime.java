// SPDX-License-Identifier: Apache-2.0
package org.ashmem;

import java.util.concurrent.atomic.AtomicBoolean;
import org.jspecify.annotations.Nullable;

/**
 * A region or a mapping from its creation to its close, or to its end without one: a leak. It knows
 * what it tells of, but does not keep it reachable.
 *
 * <p>Safe for use by many threads.
 */
final class Lifetime {
  enum Kind {
    REGION,
    MAPPING
  }

  private final Kind kind;
  private final String regionName;
  private final long offset;
  private final long length;
  private final @Nullable Throwable creation = LeakDetector.INSTANCE.creation();
  private final AtomicBoolean over = new AtomicBoolean();

  private Lifetime(Kind kind, String regionName, long offset, long length) {
    this.kind = kind;
    this.regionName = regionName;
    this.offset = offset;
    this.length = length;
  }

  static Lifetime ofRegion(String name, long size) {
    return new Lifetime(Kind.REGION, name, 0, size);
  }

  static Lifetime ofMapping(String regionName, long offset, long length) {
    return new Lifetime(Kind.MAPPING, regionName, offset, length);
  }

  Kind kind() {
    return kind;
  }

  String regionName() {
    return regionName;
  }

  /** In bytes; 0 for a region. */
  long offset() {
    return offset;
  }

  /** The mapping's length, or the region's size, in bytes. */
  long length() {
    return length;
  }

  /** Where it was created; null if that was not to be recorded. */
  @Nullable Throwable creation() {
    return creation;
  }

  /** To be called once, when there is something that {@link #close} or {@link #end} ends. */
  void begin() {
    switch (kind) {
      case REGION -> Counters.addRegion(length);
      case MAPPING -> Counters.addMapping(length);
    }
  }

  /** Returns false when it did before. */
  boolean close() {
    if (over.getAndSet(true)) {
      return false;
    }
    switch (kind) {
      case REGION -> Counters.removeRegion(length);
      case MAPPING -> Counters.removeMapping(length);
    }
    return true;
  }

  /** For the cleaner, once all is freed: what was not closed by now has leaked. */
  void end() {
    if (close()) {
      Events.leaked(this);
      try {
        LeakDetector.INSTANCE.report(this);
      } finally {
        // Last, so that whoever waits for the number finds the report.
        Counters.leaked();
      }
    }
  }

  @Override
  public String toString() {
    return switch (kind) {
      case REGION -> "region '" + regionName + "' of " + length + " bytes";
      case MAPPING ->
          "mapping of region '" + regionName + "' from " + offset + ", " + length + " bytes";
    };
  }
}
