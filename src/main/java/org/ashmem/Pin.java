// SPDX-License-Identifier: Apache-2.0
package org.ashmem;

import java.util.concurrent.atomic.AtomicBoolean;

/**
 * A pinned range as a scope: closing it unpins the range.
 *
 * <pre>{@code
 * try (Pin pin = region.pinned(offset, length)) {
 *   if (pin.wasPurged()) {
 *     // ... make the range's content again ...
 *   }
 *   // ... use it: the kernel leaves it alone ...
 * }
 * }</pre>
 *
 * <p>The kernel does not count pins: where two scopes overlap, in one process or in several that
 * share the region, the first to close unpins for both. Give each scope a range of its own.
 *
 * <p>Safe for use by many threads; the range is unpinned once.
 */
public final class Pin implements AutoCloseable {
  private final AshmemRegion region;
  private final long offset;
  private final long length;
  private final PinResult result;
  private final AtomicBoolean closed = new AtomicBoolean();

  Pin(AshmemRegion region, long offset, long length, PinResult result) {
    this.region = region;
    this.offset = offset;
    this.length = length;
    this.result = result;
  }

  /**
   * Returns what pinning found.
   *
   * @return whether the range is intact
   */
  public PinResult result() {
    return result;
  }

  /**
   * Tells whether any page of the range was purged before it was pinned.
   *
   * @return true if at least one page was: it reads as zeros; false if every byte is intact
   */
  public boolean wasPurged() {
    return result == PinResult.WAS_PURGED;
  }

  /**
   * Returns where the range begins.
   *
   * @return the offset in the region, in bytes
   */
  public long offset() {
    return offset;
  }

  /**
   * Returns how long the range is.
   *
   * @return the length in bytes
   */
  public long length() {
    return length;
  }

  /**
   * Unpins the range. Does nothing when it did before, or when the region was closed.
   *
   * @throws AshmemException if the kernel refuses; the range is then still pinned
   */
  @Override
  public void close() {
    if (!closed.getAndSet(true)) {
      region.unpinIfOpen(offset, length);
    }
  }
}
