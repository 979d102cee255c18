// SPDX-License-Identifier: Apache-2.0
package org.ashmem;

import org.apache.commons.lang3.ArrayUtils;

/** Linux's error numbers. They are the same on every architecture that has a current JVM. */
final class Errno {
  static final int EPERM = 1;
  static final int ENOENT = 2;
  static final int ENXIO = 6;
  static final int EBADF = 9;
  static final int EAGAIN = 11;
  static final int ENOMEM = 12;
  static final int EACCES = 13;
  static final int ENODEV = 19;
  static final int EINVAL = 22;
  static final int ENFILE = 23;
  static final int EMFILE = 24;
  static final int ENOTTY = 25;
  static final int EPIPE = 32;
  static final int ENOSYS = 38;
  static final int EOVERFLOW = 75;
  static final int ECONNRESET = 104;
  static final int ETIMEDOUT = 110;

  /** The names of the error numbers from 1. */
  private static final String[] NAMES = {
    "EPERM",
    "ENOENT",
    "ESRCH",
    "EINTR",
    "EIO",
    "ENXIO",
    "E2BIG",
    "ENOEXEC",
    "EBADF",
    "ECHILD",
    "EAGAIN",
    "ENOMEM",
    "EACCES",
    "EFAULT",
    "ENOTBLK",
    "EBUSY",
    "EEXIST",
    "EXDEV",
    "ENODEV",
    "ENOTDIR",
    "EISDIR",
    "EINVAL",
    "ENFILE",
    "EMFILE",
    "ENOTTY",
    "ETXTBSY",
    "EFBIG",
    "ENOSPC",
    "ESPIPE",
    "EROFS",
    "EMLINK",
    "EPIPE",
    "EDOM",
    "ERANGE",
    "EDEADLK",
    "ENAMETOOLONG",
    "ENOLCK",
    "ENOSYS",
    "ENOTEMPTY",
    "ELOOP"
  };

  private Errno() {}

  /** Returns whether a sandbox may be the cause: seccomp answers forbidden calls like this. */
  static boolean mayBeSandbox(int errno) {
    return errno == ENOSYS || errno == EPERM;
  }

  /** Returns advice for a call that a sandbox may have forbidden. */
  static String sandboxAdvice(String call) {
    return "a sandbox (seccomp) may forbid it: allow "
        + call
        + " in the profile of the container or service";
  }

  static String name(int errno) {
    return switch (errno) {
      case EOVERFLOW -> "EOVERFLOW";
      case 88 -> "ENOTSOCK";
      case 95 -> "EOPNOTSUPP";
      case ECONNRESET -> "ECONNRESET";
      case 105 -> "ENOBUFS";
      case 107 -> "ENOTCONN";
      case 109 -> "ETOOMANYREFS";
      default -> ArrayUtils.get(NAMES, errno - 1, "errno " + errno);
    };
  }
}
