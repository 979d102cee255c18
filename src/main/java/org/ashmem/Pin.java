// SPDX-License-Identifier: Apache-2.0
package org.ashmem;

import java.util.concurrent.atomic.AtomicBoolean;

/**
 * The scope of a pinned range. Closing the scope unpins the range.
 *
 * <pre>{@code
 * try (Pin pin = region.pinned(offset, length)) {
 *   if (pin.wasPurged()) {
 *     // ... fill the range again ...
 *   }
 *   // ... use the range: the kernel does not purge it ...
 * }
 * }</pre>
 *
 * <p>The kernel does not count pins. If the ranges of two scopes overlap, the first scope that
 * closes unpins the overlap for both, even in two processes that share the region. Give each scope
 * its own range.
 *
 * <p>Thread-safe. The range is unpinned once.
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
   * Returns the result of pinning the range.
   *
   * @return whether the range is intact
   */
  public PinResult result() {
    return result;
  }

  /**
   * Returns whether any page of the range was purged before the range was pinned.
   *
   * @return true if at least one page was purged, which reads as zeros; false if every byte is
   *     intact
   */
  public boolean wasPurged() {
    return result == PinResult.WAS_PURGED;
  }

  /**
   * Returns the start of the range.
   *
   * @return the offset in the region, in bytes
   */
  public long offset() {
    return offset;
  }

  /**
   * Returns the length of the range.
   *
   * @return the length in bytes
   */
  public long length() {
    return length;
  }

  /**
   * Unpins the range. This is a no-op on a second call, or if the region is closed.
   *
   * @throws AshmemException if the kernel refuses; the range then stays pinned
   */
  @Override
  public void close() {
    if (!closed.getAndSet(true)) {
      region.unpinIfOpen(offset, length);
    }
  }
}
