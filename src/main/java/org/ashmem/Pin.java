// SPDX-License-Identifier: Apache-2.0
package org.ashmem;

import java.util.concurrent.atomic.AtomicIntegerFieldUpdater;

/**
 * The scope of a pinned range. Closing the last scope of a range unpins it.
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
 * <p>Scopes are counted. If the ranges of several scopes overlap or are the same, the overlap stays
 * pinned until the last of them is closed. A call of {@link AshmemRegion#unpin(long, long)}
 * meanwhile does not unpin it either. A scope that is never closed keeps its range pinned until the
 * region is closed.
 *
 * <p>Each {@link AshmemRegion} object counts its own scopes. The kernel does not count pins. On the
 * device, another process that shares the region, or another object for it in this process, can
 * unpin the range of an open scope. Let such holders agree on who unpins what, for example by a
 * range for each of them. On memfd, the pins of one object do not affect another one.
 *
 * <p>Only the first scope after a purge finds it. A scope that another thread opens a moment later
 * returns {@link PinResult#NOT_PURGED} before the first thread has filled the range again. Threads
 * that share a range must agree on who fills it, for example by a lock.
 *
 * <p>Thread-safe.
 */
public final class Pin implements AutoCloseable {
  private static final AtomicIntegerFieldUpdater<Pin> CLOSED =
      AtomicIntegerFieldUpdater.newUpdater(Pin.class, "closed");

  private final Pins pins;
  private final long offset;
  private final long length;
  private final PinResult result;

  /** 1 after the first call of {@link #close}. Not an object: see {@link Pins#begin}. */
  @SuppressWarnings("UnusedVariable") // used through CLOSED
  private volatile int closed;

  Pin(Pins pins, long offset, long length, PinResult result) {
    this.pins = pins;
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
   * Ends the scope, and unpins the parts of the range that no other scope holds. This is a no-op on
   * a second call, or if the region is closed.
   *
   * @throws AshmemException if the kernel refuses; the range then stays pinned, but no scope holds
   *     it
   */
  @Override
  public void close() {
    if (CLOSED.getAndSet(this, 1) == 0) {
      pins.end(offset, length);
    }
  }
}
