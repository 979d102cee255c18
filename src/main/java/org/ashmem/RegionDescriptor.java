// SPDX-License-Identifier: Apache-2.0
package org.ashmem;

import java.lang.ref.Cleaner;
import java.lang.ref.Reference;
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

  /** Takes ownership of a descriptor that {@link Driver#dup} returned. */
  RegionDescriptor(int fd, Driver origin) {
    this(new Owned(fd, origin::takenBack, false));
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

  /** Returns the number for a call of this package that does not pass the descriptor on. */
  int number() {
    synchronized (owned) {
      return owned.require();
    }
  }

  /** Records that another process may have the memory. */
  void passedOn() {
    int unused = fd();
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
