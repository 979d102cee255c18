// SPDX-License-Identifier: Apache-2.0
package org.ashmem;

/**
 * Runs an action after some of a region was purged, until it is closed: see {@link
 * AshmemRegion#onPurge}. It also ends when the region is closed or becomes unreachable.
 *
 * <p>Which pages were purged, the action finds out by pinning them. One call may tell of several
 * purges, and one purge may be told twice; a purge from before the watch may be told, too.
 *
 * <p>On the device the kernel reports all purges, also those that another process caused. It
 * reports them to one process: if several processes watch the same region, some of them may not be
 * told. On memfd this process tells its own purges, and there are no others: what another process
 * may have is not purged.
 *
 * <p>The actions of all regions run in one thread, one after the other. The thread is a daemon, and
 * ends with the last watch. An action that takes long delays the others; what it throws is logged.
 * It may call any method of this library, also {@link #close} and {@link AshmemRegion#close}.
 *
 * <p>Until the watch is closed, the region keeps the action reachable. The thread does so only
 * while it runs the action. Therefore an action may refer to the region: both can be collected.
 *
 * <p>Thread-safe.
 */
public final class PurgeWatch implements AutoCloseable {
  private static final System.Logger LOG = System.getLogger("org.ashmem");

  private final PurgeWatches watches;
  private final Runnable action;
  private volatile boolean closed;

  PurgeWatch(PurgeWatches watches, Runnable action) {
    this.watches = watches;
    this.action = action;
  }

  void tell() {
    if (!closed) {
      try {
        action.run();
      } catch (Throwable e) {
        LOG.log(System.Logger.Level.WARNING, "an action after a purge failed", e);
      }
    }
  }

  /**
   * Ends the watch. It does not wait for a call of the action that is in progress, or about to
   * begin. A second call of this method is a no-op.
   */
  @Override
  public void close() {
    closed = true;
    watches.remove(this);
  }
}
