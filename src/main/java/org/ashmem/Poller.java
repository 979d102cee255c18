// SPDX-License-Identifier: Apache-2.0
package org.ashmem;

import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.MethodType;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.locks.LockSupport;
import java.util.function.IntSupplier;
import org.jspecify.annotations.Nullable;

/**
 * Lets virtual threads wait for sockets. A virtual thread that waits in a native call holds its
 * carrier thread. Therefore it parks, and one platform thread waits for the sockets of all parked
 * threads, by epoll. That thread starts when a thread parks, and ends soon after the last one is
 * unparked. Then nothing keeps this class loaded.
 *
 * <p>Thread-safe.
 */
final class Poller {
  /** How long the thread waits before it looks whether a thread is parked, in milliseconds. */
  private static final int PAUSE = 500;

  /** Thread.isVirtual, or null before Java 21. */
  private static final @Nullable MethodHandle IS_VIRTUAL = isVirtualOrNull();

  /**
   * The waits, by the descriptor that epoll watches. A wait is added under the monitor of this
   * class. While there is one, the thread does not end.
   */
  private static final Map<Integer, Wait> WAITS = new ConcurrentHashMap<>();

  /** The descriptor of epoll, or -1 without a thread. The monitor of this class protects it. */
  private static int epoll = -1;

  private Poller() {}

  /** Returns whether the current thread is virtual. */
  static boolean isVirtual() {
    try {
      return IS_VIRTUAL != null && (boolean) IS_VIRTUAL.invokeExact(Thread.currentThread());
    } catch (Throwable e) {
      throw new AssertionError("Thread.isVirtual does not throw", e);
    }
  }

  private static @Nullable MethodHandle isVirtualOrNull() {
    try {
      return MethodHandles.publicLookup()
          .findVirtual(Thread.class, "isVirtual", MethodType.methodType(boolean.class));
    } catch (ReflectiveOperationException e) {
      return null;
    }
  }

  /**
   * Makes a call until its result is not -EAGAIN. Before each repetition, the current thread parks
   * until the socket is ready. Interrupts do not end the wait.
   *
   * @param socket an open descriptor
   * @param event {@link Shim#READABLE} or {@link Shim#WRITABLE}
   * @param milliseconds the maximum duration of all waits together; 0 is no limit
   * @param call a call that does not wait
   * @return the result of the call, -EAGAIN if the time is over, or another negated errno
   */
  static int repeat(int socket, int event, int milliseconds, IntSupplier call) {
    long start = System.nanoTime();
    long limit = milliseconds > 0 ? milliseconds * 1_000_000L : Long.MAX_VALUE;
    while (true) {
      int result = call.getAsInt();
      long left = limit - (System.nanoTime() - start);
      if (result != -Errno.EAGAIN || left <= 0) {
        return result;
      }
      result = await(socket, event, left);
      if (result < 0) {
        return result;
      }
    }
  }

  /** Parks until the socket is ready or the time is over, and sometimes shorter. */
  private static int await(int socket, int event, long nanoseconds) {
    // Several threads may wait for a socket, but epoll watches a descriptor only once.
    int fd = Shim.dup(socket);
    if (fd < 0) {
      return fd;
    }
    try {
      Wait wait = new Wait(Thread.currentThread());
      // An object here, so that the removal of the wait allocates nothing when the heap is full.
      Integer key = fd;
      try {
        return park(begin(key, wait), fd, event, wait, nanoseconds);
      } finally {
        // This comes last: without a wait, the thread may close the descriptor of epoll.
        WAITS.remove(key);
      }
    } finally {
      int unused = Shim.close(fd);
    }
  }

  private static int park(int watcher, int fd, int event, Wait wait, long nanoseconds) {
    if (watcher < 0) {
      return watcher;
    }
    try {
      int result = Shim.watch(watcher, fd, event);
      if (result == 0) {
        wait.park(Math.min(nanoseconds, Wait.LONGEST));
      }
      return result;
    } finally {
      int unused = Shim.watch(watcher, fd, 0);
    }
  }

  /** Adds a wait. Returns the descriptor of epoll, valid until the wait is removed. */
  private static synchronized int begin(Integer key, Wait wait) {
    if (epoll < 0) {
      int made = Shim.epoll();
      if (made < 0) {
        return made;
      }
      try {
        Daemon.of(() -> run(made), "ashmem-poller").start();
      } catch (Throwable e) {
        int unused = Shim.close(made);
        throw e;
      }
      epoll = made;
    }
    WAITS.put(key, wait);
    return epoll;
  }

  private static void run(int watcher) {
    do {
      try {
        int fd = Shim.nextReady(watcher, PAUSE);
        if (fd < 0 && fd != -Errno.ETIMEDOUT) {
          // Something else closed the descriptor of epoll. The waits look by themselves.
          LockSupport.parkNanos(Wait.LONGEST);
        }
        // If the wait has just ended, another one may have the same descriptor, and ends early.
        Wait wait = WAITS.get(fd);
        if (wait != null) {
          wait.end();
        }
      } catch (Throwable e) {
        // The Java heap is full. The wait looks by itself.
      }
    } while (!WAITS.isEmpty() || !end(watcher));
  }

  private static synchronized boolean end(int watcher) {
    if (!WAITS.isEmpty()) {
      return false;
    }
    epoll = -1;
    int unused = Shim.close(watcher);
    return true;
  }

  private static final class Wait {
    /** The longest time to park before the socket is looked at again, in nanoseconds. */
    static final long LONGEST = 1_000_000_000;

    private final Thread thread;
    private volatile boolean over;

    Wait(Thread thread) {
      this.thread = thread;
    }

    /** Called by the thread itself. */
    void park(long nanoseconds) {
      long start = System.nanoTime();
      boolean interrupted = false;
      long left = nanoseconds;
      while (!over && left > 0) {
        LockSupport.parkNanos(this, left);
        interrupted |= Thread.interrupted();
        left = nanoseconds - (System.nanoTime() - start);
      }
      if (interrupted) {
        thread.interrupt();
      }
    }

    void end() {
      over = true;
      LockSupport.unpark(thread);
    }
  }
}
