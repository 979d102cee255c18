// SPDX-License-Identifier: Apache-2.0
package org.ashmem;

import java.nio.ByteBuffer;

/**
 * The native library's functions. Each makes a system call, or the few of one step, and returns the
 * result, or the negated errno. None checks its arguments, and a wrong address ends the JVM:
 * callers are {@link AshmemRegion}, {@link Descriptor}, {@link Mapping} and {@link RegionChannel}
 * only.
 */
final class Shim {
  /** Bits of a protection, as mmap takes them and the ABI's mask has them. */
  static final int READ = 1;

  static final int WRITE = 2;
  static final int EXECUTE = 4;

  /** Bits of a memfd's seals. */
  static final int SEAL_SHRINK = 2;

  static final int SEAL_GROW = 4;
  static final int SEAL_WRITE = 8;
  static final int SEAL_FUTURE_WRITE = 16;

  /** What {@link #receive} returns where there is no one descriptor: no error has these numbers. */
  static final int END = -5001;

  static final int NONE = -5002;
  static final int SEVERAL = -5003;
  static final int LOST = -5004;

  static {
    NativeLibrary.load();
  }

  private Shim() {}

  /** The version of the library that this file came with. */
  static native String version();

  static native long pageSize();

  /** Opens a file for reading and writing, closed on exec; the path is without a NUL. */
  static native int open(byte[] path);

  /** 0 if the descriptor may be a region's, so that the requests below may be tried on it. */
  static native int probe(int fd);

  static native int dup(int fd);

  static native int close(int fd);

  static native int setName(int fd, byte[] name);

  /** Fills in the name and returns its length. */
  static native int name(int fd, byte[] name);

  static native int setSize(int fd, long size);

  static native long size(int fd);

  static native int setProtection(int fd, int mask);

  static native int protection(int fd);

  /** Length 0 means up to the region's end. */
  static native int pin(int fd, long offset, long length);

  static native int unpin(int fd, long offset, long length);

  static native int pinStatus(int fd, long offset, long length);

  static native int purgeAllCaches(int fd);

  static native long fileId(int fd);

  /** Makes the region's backing file, which fixes name and size for good. */
  static native int back(int fd);

  /** Makes a memfd that can be sealed; the name has at most 249 bytes and no NUL. */
  static native int memfd(byte[] name);

  static native int resize(int fd, long size);

  static native int seal(int fd, int seals);

  /** The seals, or -EINVAL if the file cannot be sealed. */
  static native int seals(int fd);

  static native long fileSize(int fd);

  static native long inode(int fd);

  /** 1 if the descriptor can be written, 0 if not. */
  static native int isWritable(int fd);

  /** Fills in what the descriptor's link in /proc says, as far as there is room; its length. */
  static native int link(int fd, byte[] target);

  /** Gives a range's memory back to the kernel: it reads as zeros then. */
  static native int punch(int fd, long offset, long length);

  /** Opens a file that tells pressure, and says by a text with a NUL at its end when it shall. */
  static native int openPressure(byte[] path, byte[] trigger);

  /** Waits until such a file tells pressure. */
  static native int waitForPressure(int fd);

  /** Sends one byte and a descriptor; 1. */
  static native int send(int socket, int fd);

  /**
   * Receives one byte and the descriptor that came with it, closed on exec. END if there is neither
   * and never will be; NONE if the byte came alone, SEVERAL if with more than one, LOST if this
   * process could not get all: those that it got are closed then.
   */
  static native int receive(int socket);

  /** The address of the new mapping: of memory of no file if the descriptor is -1. */
  static native long map(int fd, int protection, boolean shared, long offset, long length);

  /** Replaces the mapping by memory that belongs to no region. */
  static native int bury(long address, long length);

  static native int unmap(long address, long length);

  static native ByteBuffer buffer(long address, long length);
}
