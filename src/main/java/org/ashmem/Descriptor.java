// SPDX-License-Identifier: Apache-2.0
package org.ashmem;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;

/**
 * An open file descriptor. Its number is never used after the descriptor was closed.
 *
 * <p>Each system call is enclosed by {@link #acquire} and {@link #release}. After {@link #close} no
 * new call can begin. The descriptor itself is closed by the last call in progress, or immediately
 * if there is none.
 *
 * <p>Thread-safe. No method waits for another thread.
 */
final class Descriptor {
  /** The flag in {@link #state} for a closed descriptor. The other bits count active calls. */
  private static final int CLOSED = Integer.MIN_VALUE;

  private static final VarHandle STATE;

  static {
    try {
      STATE = MethodHandles.lookup().findVarHandle(Descriptor.class, "state", int.class);
    } catch (ReflectiveOperationException e) {
      throw new ExceptionInInitializerError(e);
    }
  }

  private final int fd;

  @SuppressWarnings("UnusedVariable") // used through STATE
  private volatile int state;

  /** Takes ownership of the descriptor. */
  Descriptor(int fd) {
    this.fd = fd;
  }

  /** Returns the descriptor's number, valid until {@link #release}, or -1 if it is closed. */
  int acquire() {
    while (true) {
      int old = state;
      if (old < 0) {
        return -1;
      }
      if (STATE.compareAndSet(this, old, old + 1)) {
        return fd;
      }
    }
  }

  void release() {
    int old = (int) STATE.getAndAdd(this, -1);
    if (old == (CLOSED | 1)) {
      giveBack();
    }
  }

  boolean isOpen() {
    return state >= 0;
  }

  /** A no-op if the descriptor is already closed. */
  void close() {
    int old = (int) STATE.getAndBitwiseOr(this, CLOSED);
    if (old == 0) {
      giveBack();
    }
  }

  private void giveBack() {
    // Ignore an error: the number is free, and the device writes no data back on close.
    int unused = Shim.close(fd);
  }
}
