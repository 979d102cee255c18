// SPDX-License-Identifier: Apache-2.0
package org.ashmem.android;

import org.jspecify.annotations.Nullable;

/**
 * The system constants that programs with {@link SharedMemory}, {@link MemoryFile} and {@link
 * ErrnoException} use: protections, flags of mappings and of open files, and error numbers. The
 * values are those of Linux on the processor's architecture.
 */
public final class OsConstants {
  /** Some flags have other values on arm64. */
  private static final boolean ARM64 = System.getProperty("os.arch").equals("aarch64");

  /** Nothing is allowed. */
  public static final int PROT_NONE = 0;

  /** Bytes may be read. */
  public static final int PROT_READ = 1;

  /** Bytes may be written. */
  public static final int PROT_WRITE = 2;

  /** Bytes may be executed by the processor. */
  public static final int PROT_EXEC = 4;

  /** Other mappings of the memory show what is written. */
  public static final int MAP_SHARED = 0x1;

  /** What is written is copied, and no other mapping shows it. */
  public static final int MAP_PRIVATE = 0x2;

  /** The mapping begins at exactly the given address. */
  public static final int MAP_FIXED = 0x10;

  /** The mapping has no file. Its bytes are zeros. */
  public static final int MAP_ANONYMOUS = 0x20;

  /** The mapping gets its memory at once. */
  public static final int MAP_POPULATE = 0x8000;

  /** Open for reading. */
  public static final int O_RDONLY = 0;

  /** Open for writing. */
  public static final int O_WRONLY = 1;

  /** Open for reading and writing. */
  public static final int O_RDWR = 2;

  /** The bits of {@link #O_RDONLY}, {@link #O_WRONLY} and {@link #O_RDWR}. */
  public static final int O_ACCMODE = 3;

  /** Create the file if there is none. */
  public static final int O_CREAT = 0x40;

  /** Fail if the file exists, together with {@link #O_CREAT}. */
  public static final int O_EXCL = 0x80;

  /** Do not take a terminal as the controlling terminal. */
  public static final int O_NOCTTY = 0x100;

  /** Remove the content of the file. */
  public static final int O_TRUNC = 0x200;

  /** Write at the end of the file. */
  public static final int O_APPEND = 0x400;

  /** Do not wait. */
  public static final int O_NONBLOCK = 0x800;

  /** A write waits until the data is stored. */
  public static final int O_DSYNC = 0x1000;

  /** Do not cache the data. */
  public static final int O_DIRECT = ARM64 ? 0x10000 : 0x4000;

  /** Fail if the path is a symbolic link. */
  public static final int O_NOFOLLOW = ARM64 ? 0x8000 : 0x20000;

  /** Close the descriptor when the process executes another program. */
  public static final int O_CLOEXEC = 0x80000;

  /** A write waits until the data and the file's attributes are stored. */
  public static final int O_SYNC = 0x101000;

  /** The region's protection does not allow it, or the process lacks a privilege. */
  public static final int EPERM = 1;

  /** There is no such file. For the device this means that the module is not loaded. */
  public static final int ENOENT = 2;

  /** No such process. */
  public static final int ESRCH = 3;

  /** A signal interrupted the call. */
  public static final int EINTR = 4;

  /** Input or output failed. */
  public static final int EIO = 5;

  /** The device file has no device. */
  public static final int ENXIO = 6;

  /** Argument list too long. */
  public static final int E2BIG = 7;

  /** Exec format error. */
  public static final int ENOEXEC = 8;

  /** The descriptor is not open. */
  public static final int EBADF = 9;

  /** No child processes. */
  public static final int ECHILD = 10;

  /** Try again. */
  public static final int EAGAIN = 11;

  /** There is no memory, no address space, or no room for one more mapping. */
  public static final int ENOMEM = 12;

  /** This user lacks the permission. */
  public static final int EACCES = 13;

  /** Bad address. */
  public static final int EFAULT = 14;

  /** Device or resource busy. */
  public static final int EBUSY = 16;

  /** File exists. */
  public static final int EEXIST = 17;

  /** Invalid cross-device link. */
  public static final int EXDEV = 18;

  /** There is no such device, or the device does not support the operation. */
  public static final int ENODEV = 19;

  /** Not a directory. */
  public static final int ENOTDIR = 20;

  /** Is a directory. */
  public static final int EISDIR = 21;

  /** An argument is wrong. */
  public static final int EINVAL = 22;

  /** The machine has too many open files. */
  public static final int ENFILE = 23;

  /** The process has too many open files. */
  public static final int EMFILE = 24;

  /** The descriptor does not support the request: it is of another type. */
  public static final int ENOTTY = 25;

  /** Text file busy. */
  public static final int ETXTBSY = 26;

  /** The size is larger than any file may be. */
  public static final int EFBIG = 27;

  /** There is no space left. */
  public static final int ENOSPC = 28;

  /** Illegal seek. */
  public static final int ESPIPE = 29;

  /** Read-only file system. */
  public static final int EROFS = 30;

  /** Too many links. */
  public static final int EMLINK = 31;

  /** Broken pipe. */
  public static final int EPIPE = 32;

  /** Numerical argument out of domain. */
  public static final int EDOM = 33;

  /** Numerical result out of range. */
  public static final int ERANGE = 34;

  /** Resource deadlock avoided. */
  public static final int EDEADLK = 35;

  /** File name too long. */
  public static final int ENAMETOOLONG = 36;

  /** No locks available. */
  public static final int ENOLCK = 37;

  /** Function not implemented. */
  public static final int ENOSYS = 38;

  /** Directory not empty. */
  public static final int ENOTEMPTY = 39;

  /** Too many levels of symbolic links. */
  public static final int ELOOP = 40;

  /** No message of desired type. */
  public static final int ENOMSG = 42;

  /** Identifier removed. */
  public static final int EIDRM = 43;

  /** Device not a stream. */
  public static final int ENOSTR = 60;

  /** No data available. */
  public static final int ENODATA = 61;

  /** Timer expired. */
  public static final int ETIME = 62;

  /** Out of streams resources. */
  public static final int ENOSR = 63;

  /** Machine is not on the network. */
  public static final int ENONET = 64;

  /** Link has been severed. */
  public static final int ENOLINK = 67;

  /** Protocol error. */
  public static final int EPROTO = 71;

  /** Multihop attempted. */
  public static final int EMULTIHOP = 72;

  /** Bad message. */
  public static final int EBADMSG = 74;

  /** The value does not fit into the result. */
  public static final int EOVERFLOW = 75;

  /** Invalid or incomplete multibyte or wide character. */
  public static final int EILSEQ = 84;

  /** Too many users. */
  public static final int EUSERS = 87;

  /** Socket operation on non-socket. */
  public static final int ENOTSOCK = 88;

  /** Destination address required. */
  public static final int EDESTADDRREQ = 89;

  /** Message too long. */
  public static final int EMSGSIZE = 90;

  /** Protocol wrong type for socket. */
  public static final int EPROTOTYPE = 91;

  /** Protocol not available. */
  public static final int ENOPROTOOPT = 92;

  /** Protocol not supported. */
  public static final int EPROTONOSUPPORT = 93;

  /** Operation not supported. */
  public static final int ENOTSUP = 95;

  /** Operation not supported. */
  public static final int EOPNOTSUPP = 95;

  /** Address family not supported by protocol. */
  public static final int EAFNOSUPPORT = 97;

  /** Address already in use. */
  public static final int EADDRINUSE = 98;

  /** Cannot assign requested address. */
  public static final int EADDRNOTAVAIL = 99;

  /** Network is down. */
  public static final int ENETDOWN = 100;

  /** Network is unreachable. */
  public static final int ENETUNREACH = 101;

  /** Network dropped connection on reset. */
  public static final int ENETRESET = 102;

  /** Software caused connection abort. */
  public static final int ECONNABORTED = 103;

  /** Connection reset by peer. */
  public static final int ECONNRESET = 104;

  /** No buffer space available. */
  public static final int ENOBUFS = 105;

  /** Transport endpoint is already connected. */
  public static final int EISCONN = 106;

  /** Transport endpoint is not connected. */
  public static final int ENOTCONN = 107;

  /** Connection timed out. */
  public static final int ETIMEDOUT = 110;

  /** Connection refused. */
  public static final int ECONNREFUSED = 111;

  /** No route to host. */
  public static final int EHOSTUNREACH = 113;

  /** Operation already in progress. */
  public static final int EALREADY = 114;

  /** Operation now in progress. */
  public static final int EINPROGRESS = 115;

  /** Stale file handle. */
  public static final int ESTALE = 116;

  /** Disk quota exceeded. */
  public static final int EDQUOT = 122;

  /** Operation canceled. */
  public static final int ECANCELED = 125;

  private OsConstants() {}

  /**
   * Returns the name of an error number.
   *
   * @param errno the number
   * @return the name, such as {@code EINVAL}; null if this class has no constant for the number
   */
  @SuppressWarnings("exports") // programs compile without the annotation
  public static @Nullable String errnoName(int errno) {
    return Errors.name(errno);
  }
}
