// SPDX-License-Identifier: Apache-2.0
package org.ashmem.android;

import org.jspecify.annotations.Nullable;

/** The system constants that {@link SharedMemory} and {@link ErrnoException} use. */
public final class OsConstants {
  /** Nothing is allowed. */
  public static final int PROT_NONE = 0;

  /** Bytes may be read. */
  public static final int PROT_READ = 1;

  /** Bytes may be written. */
  public static final int PROT_WRITE = 2;

  /** Bytes may be executed by the processor. */
  public static final int PROT_EXEC = 4;

  /** The region's protection does not allow it, or the process lacks a privilege. */
  public static final int EPERM = 1;

  /** There is no such file. For the device this means that the module is not loaded. */
  public static final int ENOENT = 2;

  /** A signal interrupted the call. */
  public static final int EINTR = 4;

  /** Input or output failed. */
  public static final int EIO = 5;

  /** The device file has no device. */
  public static final int ENXIO = 6;

  /** The descriptor is not open. */
  public static final int EBADF = 9;

  /** Try again. */
  public static final int EAGAIN = 11;

  /** There is no memory, no address space, or no room for one more mapping. */
  public static final int ENOMEM = 12;

  /** This user lacks the permission. */
  public static final int EACCES = 13;

  /** There is no such device, or the device does not support the operation. */
  public static final int ENODEV = 19;

  /** An argument is wrong. */
  public static final int EINVAL = 22;

  /** The machine has too many open files. */
  public static final int ENFILE = 23;

  /** The process has too many open files. */
  public static final int EMFILE = 24;

  /** The descriptor does not support the request: it is of another type. */
  public static final int ENOTTY = 25;

  /** The size is larger than any file may be. */
  public static final int EFBIG = 27;

  /** There is no space left. */
  public static final int ENOSPC = 28;

  /** The value does not fit into the result. */
  public static final int EOVERFLOW = 75;

  private OsConstants() {}

  /**
   * Returns the name of an error number.
   *
   * @param errno the number
   * @return the name, such as {@code EINVAL}; null if this class has no constant for the number
   */
  @SuppressWarnings("exports") // programs compile without the annotation
  public static @Nullable String errnoName(int errno) {
    return switch (errno) {
      case EPERM -> "EPERM";
      case ENOENT -> "ENOENT";
      case EINTR -> "EINTR";
      case EIO -> "EIO";
      case ENXIO -> "ENXIO";
      case EBADF -> "EBADF";
      case EAGAIN -> "EAGAIN";
      case ENOMEM -> "ENOMEM";
      case EACCES -> "EACCES";
      case ENODEV -> "ENODEV";
      case EINVAL -> "EINVAL";
      case ENFILE -> "ENFILE";
      case EMFILE -> "EMFILE";
      case ENOTTY -> "ENOTTY";
      case EFBIG -> "EFBIG";
      case ENOSPC -> "ENOSPC";
      case EOVERFLOW -> "EOVERFLOW";
      default -> null;
    };
  }
}
