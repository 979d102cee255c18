// SPDX-License-Identifier: Apache-2.0
package org.ashmem;

import java.lang.ref.Cleaner;
import java.lang.ref.Reference;
import java.util.function.IntUnaryOperator;
import org.apache.commons.lang3.Validate;

/**
 * An open file descriptor of a region, to pass on or to adopt. This object owns the descriptor,
 * until it is closed, {@linkplain #detach detached}, or adopted by {@link
 * AshmemRegion#fromFileDescriptor}. A descriptor whose object becomes unreachable is closed.
 *
 * <p>Thread-safe. A descriptor is closed, detached or adopted once.
 */
public final class RegionDescriptor implements AutoCloseable {
  private final Owned owned;
  private final Cleaner.Cleanable cleanable;

  private RegionDescriptor(Owned owned) {
    this.owned = owned;
    this.cleanable = AshmemRegion.CLEANER.register(this, owned);
  }

  /** Duplicates the descriptor of a region of this name. */
  static RegionDescriptor dup(int fd, String name, Driver driver) {
    int copy = AshmemException.check("fcntl", name, driver.dup(fd));
    try {
      return new RegionDescriptor(new Owned(copy, driver::takenBack, false));
    } catch (Throwable e) {
      int unused = Shim.close(copy);
      driver.takenBack();
      throw e;
    }
  }

  /**
   * Takes ownership of a descriptor that was inherited or received.
   *
   * @param fd the number of an open descriptor, which nothing else in this process closes
   * @return an object that owns it
   * @throws IllegalArgumentException if the number is negative
   */
  public static RegionDescriptor of(int fd) {
    Validate.isTrue(fd >= 0, "descriptor %s is negative", fd);
    return new RegionDescriptor(new Owned(fd, () -> {}, true));
  }

  /**
   * Returns the descriptor's number, for example to send it to another process. The number is valid
   * until this object is closed. On memfd, the region is not purged any more: another process may
   * have the memory.
   *
   * @return the number, which belongs to this object: do not close it
   * @throws ClosedException if the descriptor was closed, detached or adopted
   */
  public int fd() {
    synchronized (owned) {
      int fd = owned.require();
      owned.passedOn = true;
      return fd;
    }
  }

  /**
   * Gives the descriptor away. On memfd, the region is not purged any more, even if the descriptor
   * is closed.
   *
   * @return the number; the caller must close it
   * @throws ClosedException if the descriptor was closed, detached or adopted
   */
  public int detach() {
    synchronized (owned) {
      int fd = fd();
      disown();
      return fd;
    }
  }

  /**
   * Returns whether this object owns the descriptor.
   *
   * @return false after the descriptor was closed, detached or adopted
   */
  public boolean isOpen() {
    synchronized (owned) {
      return owned.open;
    }
  }

  /** Closes the descriptor. This is a no-op if it was closed, detached or adopted. */
  @Override
  public void close() {
    try {
      cleanable.clean();
    } finally {
      // Without this the cleaner could close the descriptor during a call above.
      Reference.reachabilityFence(this);
    }
  }

  @Override
  public String toString() {
    return owned.toString();
  }

  /**
   * Makes a call that passes the descriptor on, and returns its result. The descriptor counts as
   * passed on before the call: nothing that fails afterwards can change that. A negative result
   * means that nobody has got it.
   */
  int passOn(IntUnaryOperator call) {
    synchronized (owned) {
      boolean before = owned.passedOn;
      int result = call.applyAsInt(fd());
      if (result < 0) {
        owned.passedOn = before;
      }
      return result;
    }
  }

  /** Makes a region of the descriptor. If that throws, this object still owns the descriptor. */
  AshmemRegion adopt() {
    synchronized (owned) {
      int fd = owned.require();
      AshmemRegion region = Adoption.of(fd, owned.passedOn ? () -> {} : owned.takenBack);
      disown();
      return region;
    }
  }

  private void disown() {
    owned.open = false;
    cleanable.clean();
  }

  /** Must not refer to the {@link RegionDescriptor}, so that the cleaner can close it. */
  private static final class Owned implements Runnable {
    private final int fd;
    private final Runnable takenBack;
    private boolean open = true;
    private boolean passedOn;

    /** Takes the action to run after the descriptor was closed and had not been passed on. */
    Owned(int fd, Runnable takenBack, boolean passedOn) {
      this.fd = fd;
      this.takenBack = takenBack;
      this.passedOn = passedOn;
    }

    int require() {
      if (!open) {
        throw new ClosedException(toString());
      }
      return fd;
    }

    @Override
    public synchronized void run() {
      if (!open) {
        return;
      }
      open = false;
      // Ignore an error: the number is free.
      int unused = Shim.close(fd);
      if (!passedOn) {
        takenBack.run();
      }
    }

    @Override
    public String toString() {
      return "descriptor " + fd;
    }
  }
}
