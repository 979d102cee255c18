// SPDX-License-Identifier: Apache-2.0
package org.ashmem;

import java.nio.ByteBuffer;
import org.jspecify.annotations.Nullable;

/**
 * The functions of the native library. Each makes one system call, or the few calls of one step. It
 * returns the result or the negated errno. No function checks its arguments, and a wrong address
 * crashes the JVM. Therefore only a few classes of this package call them.
 */
final class Shim {
  /** The bits of a protection, the same for mmap and for the protection mask of the ABI. */
  static final int READ = 1;

  static final int WRITE = 2;
  static final int EXECUTE = 4;

  /** The advices of {@link #advise}. */
  static final int DROP = 4;

  static final int FREE = 8;
  static final int NOT_IN_CHILDREN = 10;
  static final int NO_HUGE_PAGES = 15;
  static final int PAGE_OUT = 21;

  /** The operations of {@link #pinVector}. */
  static final int PIN = 1;

  static final int UNPIN = 2;

  /** The bits of a memfd's seals. */
  static final int SEAL_SHRINK = 2;

  static final int SEAL_GROW = 4;
  static final int SEAL_WRITE = 8;
  static final int SEAL_FUTURE_WRITE = 16;

  /** The events of epoll. */
  static final int READABLE = 1;

  static final int WRITABLE = 4;

  /** Results of {@link #receive} without exactly one descriptor. No errno has these values. */
  static final int END = -5001;

  static final int NONE = -5002;
  static final int SEVERAL = -5003;
  static final int LOST = -5004;

  /** The result of {@link #waitForPressure} if nothing was reported. */
  static final int NO_PRESSURE = 1;

  /**
   * Why the library cannot be loaded. A static initializer that throws would give only its first
   * caller this error.
   */
  @SuppressWarnings("StaticAssignmentOfThrowable") // it becomes the cause of each later error
  private static final @Nullable UnsatisfiedLinkError FAILURE = NativeLibrary.tryToLoad();

  /** The size of a page in bytes; 0 if the library is not loaded. */
  private static final long PAGE_SIZE = FAILURE == null ? pageSize0() : 0;

  private Shim() {}

  /** Returns why the library cannot be loaded, or null if it is loaded. */
  static @Nullable UnsatisfiedLinkError failure() {
    return FAILURE;
  }

  /**
   * Throws if the library is not loaded. Every function that needs no open descriptor of this
   * library calls this first. The others cannot be reached before.
   */
  private static void requireLibrary() {
    if (FAILURE != null) {
      throw (UnsatisfiedLinkError)
          new UnsatisfiedLinkError(FAILURE.getMessage()).initCause(FAILURE);
    }
  }

  /** Returns the version of ashmem that the native library belongs to. */
  static native String version();

  static long pageSize() {
    requireLibrary();
    return PAGE_SIZE;
  }

  private static native long pageSize0();

  /**
   * Opens the ashmem device for reading and writing, close-on-exec. The path must not contain a
   * NUL. Returns -ENOTTY if another file is at the path, and -ENODEV if a device is there whose
   * driver is not loaded. Such a file is not opened: opening some devices has an effect, such as to
   * start a watchdog.
   */
  static int open(byte[] path) {
    requireLibrary();
    int result = probePath(path);
    if (result < 0) {
      return result;
    }
    int fd = openFile(path);
    if (fd < 0) {
      return fd;
    }
    // The file may have been replaced meanwhile.
    result = probe(fd);
    if (result < 0) {
      int unused = close(fd);
      return result;
    }
    return fd;
  }

  /** Opens a file for reading and writing, close-on-exec. The path must not contain a NUL. */
  static native int openFile(byte[] path);

  /** Returns 0 if the ashmem device is at the path, otherwise as {@link #open}. */
  private static native int probePath(byte[] path);

  /**
   * Returns 0 if the descriptor is of the ashmem device, -ENOTTY if it is of another file. Only the
   * device may get the requests below: other drivers use the same numbers for other purposes.
   */
  static native int probe(int fd);

  static int dup(int fd) {
    requireLibrary();
    return dup0(fd);
  }

  private static native int dup0(int fd);

  static native int close(int fd);

  static native int setName(int fd, byte[] name);

  /** Writes the region's name to the array and returns the length in bytes. */
  static native int name(int fd, byte[] name);

  static native int setSize(int fd, long size);

  static native long size(int fd);

  static native int setProtection(int fd, int mask);

  static native int protection(int fd);

  /** Length 0 means up to the region's end. */
  static native int pin(int fd, long offset, long length);

  static native int unpin(int fd, long offset, long length);

  static native int pinStatus(int fd, long offset, long length);

  /**
   * Pins or unpins many ranges. Each has three elements of the array: the offset, the length, and
   * 0, which becomes the result of this range. Returns 0 if each range has a result, also if a
   * result is a negated errno. Length 0 means up to the region's end.
   */
  static native int pinVector(int fd, int operation, long[] ranges);

  static native int purgeAllCaches(int fd);

  static native long fileId(int fd);

  /** Creates a descriptor that ends a wait of epoll when {@link #wake} is called. */
  static native int openWake(int epoll);

  static native int wake(int wake);

  /** Watches a region on the device. The key must not be 0. */
  static native int watchPurges(int epoll, int fd, long key);

  /**
   * Waits until a region was purged or the wait is ended. Writes the keys to the array, 0 if it was
   * ended, and returns their number.
   */
  static native int waitForPurges(int epoll, int wake, long[] keys);

  /** Lets the driver report the next purge of a region. */
  static native int acknowledge(int fd);

  /** Creates the region's backing file. This fixes the name and the size permanently. */
  static native int back(int fd);

  /** Creates a memfd that can be sealed. The name has at most 249 bytes and no NUL. */
  static int memfd(byte[] name) {
    requireLibrary();
    return memfd0(name);
  }

  private static native int memfd0(byte[] name);

  static native int resize(int fd, long size);

  static native int seal(int fd, int seals);

  /** Returns the seals, or -EINVAL if the file cannot be sealed. */
  static int seals(int fd) {
    requireLibrary();
    return seals0(fd);
  }

  private static native int seals0(int fd);

  static native long fileSize(int fd);

  static native long inode(int fd);

  /** Returns 1 if the descriptor allows both reads and writes, otherwise 0. */
  static native int isWritable(int fd);

  /** Writes the target of the descriptor's link in /proc, cut to the array. Returns the length. */
  static native int link(int fd, byte[] target);

  /** Frees the memory of a range. The range then reads as zeros. */
  static native int punch(int fd, long offset, long length);

  /**
   * Returns the offset of the first memory at or after this offset, or -ENXIO if there is none. The
   * descriptor's position changes.
   */
  static native long nextData(int fd, long offset);

  /** Opens a pressure file and registers a trigger on it. The trigger ends with a NUL. */
  static native int openPressure(byte[] path, byte[] trigger);

  /**
   * Waits until the trigger of a pressure file fires. Returns 0, or NO_PRESSURE if it did not fire
   * within so many milliseconds; -1 waits without a limit.
   */
  static native int waitForPressure(int fd, int milliseconds);

  /**
   * Sends one byte with one descriptor. Returns 1, or -EAGAIN if the socket is full and this call
   * does not wait.
   */
  static native int send(int socket, int fd, boolean wait);

  /**
   * Receives one byte with one descriptor, close-on-exec, and returns the descriptor. Returns END
   * if the other end closed its socket and nothing is left to receive; NONE if the byte came
   * without a descriptor; SEVERAL if it came with more than one; LOST if this process could not get
   * all descriptors. In the last two cases, all descriptors that came are closed. Returns -EAGAIN
   * if there is nothing to receive and this call does not wait.
   */
  static native int receive(int socket, boolean wait);

  /** Creates a descriptor of epoll, close-on-exec. */
  static native int epoll();

  /** Watches a descriptor for an event of epoll, which is reported once; 0 ends that. */
  static native int watch(int epoll, int fd, int event);

  /** Waits for an event for so many milliseconds. Returns the descriptor, or -ETIMEDOUT. */
  static native int nextReady(int epoll, int milliseconds);

  /** Returns the number of pages of a file, of a size in bytes, that are in memory. */
  static native long residentPages(int fd, long size);

  /** Returns the address of a new mapping. With descriptor -1 the memory is anonymous. */
  static native long map(int fd, int protection, boolean shared, long offset, long length);

  /** Returns the address of new private memory of zeros. The kernel reserves nothing for it. */
  static long mapLazily(long length) {
    requireLibrary();
    return mapLazily0(length);
  }

  private static native long mapLazily0(long length);

  /** Tells the kernel what to do with mapped pages. The address is that of a page. */
  static native int advise(long address, long length, int advice);

  /** Returns the number of mapped pages that are in memory. The address is that of a page. */
  static native long residentMapped(long address, long length);

  /** Replaces the mapping by anonymous memory of zeros. */
  static native int bury(long address, long length);

  static native int unmap(long address, long length);

  static native ByteBuffer buffer(long address, long length);
}
