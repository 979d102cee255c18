// SPDX-License-Identifier: Apache-2.0
package org.ashmem.android;

import org.jspecify.annotations.Nullable;

/** The names and the descriptions of Linux's error numbers, as far as Android names them. */
final class Errors {
  private static final int MOST = 125;

  private static final @Nullable String[] NAMES = new String[MOST + 1];
  private static final @Nullable String[] DESCRIPTIONS = new String[MOST + 1];

  static {
    put(OsConstants.EPERM, "EPERM", "Operation not permitted");
    put(OsConstants.ENOENT, "ENOENT", "No such file or directory");
    put(OsConstants.ESRCH, "ESRCH", "No such process");
    put(OsConstants.EINTR, "EINTR", "Interrupted system call");
    put(OsConstants.EIO, "EIO", "I/O error");
    put(OsConstants.ENXIO, "ENXIO", "No such device or address");
    put(OsConstants.E2BIG, "E2BIG", "Argument list too long");
    put(OsConstants.ENOEXEC, "ENOEXEC", "Exec format error");
    put(OsConstants.EBADF, "EBADF", "Bad file descriptor");
    put(OsConstants.ECHILD, "ECHILD", "No child processes");
    put(OsConstants.EAGAIN, "EAGAIN", "Try again");
    put(OsConstants.ENOMEM, "ENOMEM", "Out of memory");
    put(OsConstants.EACCES, "EACCES", "Permission denied");
    put(OsConstants.EFAULT, "EFAULT", "Bad address");
    put(OsConstants.EBUSY, "EBUSY", "Device or resource busy");
    put(OsConstants.EEXIST, "EEXIST", "File exists");
    put(OsConstants.EXDEV, "EXDEV", "Invalid cross-device link");
    put(OsConstants.ENODEV, "ENODEV", "No such device");
    put(OsConstants.ENOTDIR, "ENOTDIR", "Not a directory");
    put(OsConstants.EISDIR, "EISDIR", "Is a directory");
    put(OsConstants.EINVAL, "EINVAL", "Invalid argument");
    put(OsConstants.ENFILE, "ENFILE", "Too many open files in system");
    put(OsConstants.EMFILE, "EMFILE", "Too many open files");
    put(OsConstants.ENOTTY, "ENOTTY", "Inappropriate ioctl for device");
    put(OsConstants.ETXTBSY, "ETXTBSY", "Text file busy");
    put(OsConstants.EFBIG, "EFBIG", "File too large");
    put(OsConstants.ENOSPC, "ENOSPC", "No space left on device");
    put(OsConstants.ESPIPE, "ESPIPE", "Illegal seek");
    put(OsConstants.EROFS, "EROFS", "Read-only file system");
    put(OsConstants.EMLINK, "EMLINK", "Too many links");
    put(OsConstants.EPIPE, "EPIPE", "Broken pipe");
    put(OsConstants.EDOM, "EDOM", "Numerical argument out of domain");
    put(OsConstants.ERANGE, "ERANGE", "Numerical result out of range");
    put(OsConstants.EDEADLK, "EDEADLK", "Resource deadlock avoided");
    put(OsConstants.ENAMETOOLONG, "ENAMETOOLONG", "File name too long");
    put(OsConstants.ENOLCK, "ENOLCK", "No locks available");
    put(OsConstants.ENOSYS, "ENOSYS", "Function not implemented");
    put(OsConstants.ENOTEMPTY, "ENOTEMPTY", "Directory not empty");
    put(OsConstants.ELOOP, "ELOOP", "Too many levels of symbolic links");
    put(OsConstants.ENOMSG, "ENOMSG", "No message of desired type");
    put(OsConstants.EIDRM, "EIDRM", "Identifier removed");
    put(OsConstants.ENOSTR, "ENOSTR", "Device not a stream");
    put(OsConstants.ENODATA, "ENODATA", "No data available");
    put(OsConstants.ETIME, "ETIME", "Timer expired");
    put(OsConstants.ENOSR, "ENOSR", "Out of streams resources");
    put(OsConstants.ENONET, "ENONET", "Machine is not on the network");
    put(OsConstants.ENOLINK, "ENOLINK", "Link has been severed");
    put(OsConstants.EPROTO, "EPROTO", "Protocol error");
    put(OsConstants.EMULTIHOP, "EMULTIHOP", "Multihop attempted");
    put(OsConstants.EBADMSG, "EBADMSG", "Bad message");
    put(OsConstants.EOVERFLOW, "EOVERFLOW", "Value too large for defined data type");
    put(OsConstants.EILSEQ, "EILSEQ", "Invalid or incomplete multibyte or wide character");
    put(OsConstants.EUSERS, "EUSERS", "Too many users");
    put(OsConstants.ENOTSOCK, "ENOTSOCK", "Socket operation on non-socket");
    put(OsConstants.EDESTADDRREQ, "EDESTADDRREQ", "Destination address required");
    put(OsConstants.EMSGSIZE, "EMSGSIZE", "Message too long");
    put(OsConstants.EPROTOTYPE, "EPROTOTYPE", "Protocol wrong type for socket");
    put(OsConstants.ENOPROTOOPT, "ENOPROTOOPT", "Protocol not available");
    put(OsConstants.EPROTONOSUPPORT, "EPROTONOSUPPORT", "Protocol not supported");
    put(OsConstants.EOPNOTSUPP, "EOPNOTSUPP", "Operation not supported");
    put(OsConstants.EAFNOSUPPORT, "EAFNOSUPPORT", "Address family not supported by protocol");
    put(OsConstants.EADDRINUSE, "EADDRINUSE", "Address already in use");
    put(OsConstants.EADDRNOTAVAIL, "EADDRNOTAVAIL", "Cannot assign requested address");
    put(OsConstants.ENETDOWN, "ENETDOWN", "Network is down");
    put(OsConstants.ENETUNREACH, "ENETUNREACH", "Network is unreachable");
    put(OsConstants.ENETRESET, "ENETRESET", "Network dropped connection on reset");
    put(OsConstants.ECONNABORTED, "ECONNABORTED", "Software caused connection abort");
    put(OsConstants.ECONNRESET, "ECONNRESET", "Connection reset by peer");
    put(OsConstants.ENOBUFS, "ENOBUFS", "No buffer space available");
    put(OsConstants.EISCONN, "EISCONN", "Transport endpoint is already connected");
    put(OsConstants.ENOTCONN, "ENOTCONN", "Transport endpoint is not connected");
    put(OsConstants.ETIMEDOUT, "ETIMEDOUT", "Connection timed out");
    put(OsConstants.ECONNREFUSED, "ECONNREFUSED", "Connection refused");
    put(OsConstants.EHOSTUNREACH, "EHOSTUNREACH", "No route to host");
    put(OsConstants.EALREADY, "EALREADY", "Operation already in progress");
    put(OsConstants.EINPROGRESS, "EINPROGRESS", "Operation now in progress");
    put(OsConstants.ESTALE, "ESTALE", "Stale file handle");
    put(OsConstants.EDQUOT, "EDQUOT", "Disk quota exceeded");
    put(OsConstants.ECANCELED, "ECANCELED", "Operation canceled");
  }

  private Errors() {}

  private static void put(int errno, String name, String description) {
    NAMES[errno] = name;
    DESCRIPTIONS[errno] = description;
  }

  /** Returns the name, or null if the number has none. */
  static @Nullable String name(int errno) {
    return errno < 0 || errno > MOST ? null : NAMES[errno];
  }

  /** Returns what Android's C library says of the number, in English. */
  static String description(int errno) {
    String description = errno < 0 || errno > MOST ? null : DESCRIPTIONS[errno];
    return description == null ? "Unknown error " + errno : description;
  }
}
