// SPDX-License-Identifier: Apache-2.0
package org.ashmem;

import java.util.concurrent.atomic.AtomicBoolean;
import org.jspecify.annotations.Nullable;

/**
 * Tracks a region, a mapping or lazy memory from its creation to its close, or to its collection,
 * which is a leak. This object describes it but does not keep it reachable.
 *
 * <p>Thread-safe.
 */
final class Lifetime {
  enum Kind {
    REGION,
    MAPPING,
    LAZY_MEMORY
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

  static Lifetime ofLazyMemory(long length) {
    return new Lifetime(Kind.LAZY_MEMORY, LazyMemory.NAME, 0, length);
  }

  Kind kind() {
    return kind;
  }

  String regionName() {
    return regionName;
  }

  /** Returns the mapping's offset in bytes; 0 for a region. */
  long offset() {
    return offset;
  }

  /** Returns the length or the region's size, in bytes. */
  long length() {
    return length;
  }

  /** Returns the place of creation, or null if it was not recorded. */
  @Nullable Throwable creation() {
    return creation;
  }

  /** Must be called once, when the thing exists, before {@link #close}. */
  void begin() {
    switch (kind) {
      case REGION -> Counters.addRegion(length);
      case MAPPING -> Counters.addMapping(length);
      case LAZY_MEMORY -> {}
    }
  }

  /** Ends the lifetime. A second call is a no-op and returns false. */
  boolean close() {
    if (over.getAndSet(true)) {
      return false;
    }
    switch (kind) {
      case REGION -> Counters.removeRegion(length);
      case MAPPING -> Counters.removeMapping(length);
      case LAZY_MEMORY -> {}
    }
    return true;
  }

  /** Called by the cleaner after it freed everything. Reports a leak if it was not closed. */
  void end() {
    if (close()) {
      Events.leaked(this);
      try {
        LeakDetector.INSTANCE.report(this);
      } finally {
        // This comes last: a thread that waits for the counter then finds the report.
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
      case LAZY_MEMORY -> regionName + " of " + length + " bytes";
    };
  }
}
