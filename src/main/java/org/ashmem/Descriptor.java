// SPDX-License-Identifier: Apache-2.0
package org.ashmem;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;

/**
 * An open descriptor that is never used after its number went back to the process.
 *
 * <p>Each system call is enclosed by {@link #acquire} and {@link #release}. {@link #close} lets no
 * new call begin; the number is given back by the last call that is under way, or at once.
 *
 * <p>Safe for use by many threads. No method waits for another thread.
 */
final class Descriptor {
  /** Of {@link #state}, whose other bits count the calls under way. */
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

  /** Takes over the descriptor. */
  Descriptor(int fd) {
    this.fd = fd;
  }

  /** Returns the descriptor's number, valid until {@link #release}, or -1 when it is closed. */
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

  /** Does nothing when it is closed already. */
  void close() {
    int old = (int) STATE.getAndBitwiseOr(this, CLOSED);
    if (old == 0) {
      giveBack();
    }
  }

  private void giveBack() {
    // An error has nothing to tell: the number is free, and the device writes nothing back.
    int unused = Shim.close(fd);
  }
}
