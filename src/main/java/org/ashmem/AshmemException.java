// SPDX-License-Identifier: Apache-2.0
package org.ashmem;

import java.io.Serial;

/**
 * Thrown when the kernel refuses a call. The nested classes are the cases that a program may want
 * to distinguish. All other cases are instances of this class itself.
 */
public class AshmemException extends RuntimeException {
  @Serial private static final long serialVersionUID = 1;

  private static final String REFUSED = "the kernel refused the call";

  private static final String LOCKED =
      "the process locks its memory (mlockall), and the kernel takes no locked memory back: start"
          + " it without that, or call munlockall first. If it locks none, the kernel or sandbox"
          + " does not have this advice (MADV_FREE, Linux 4.5)";

  private static final String LOCKED_LIMIT =
      "the process locks its memory (mlockall), and the mapping exceeds the limit for that (ulimit"
          + " -l): start it without mlockall, or raise the limit";

  /** The call that was refused. */
  private final String call;

  /** The region's name, the device's path, or "lazy memory". */
  private final String regionName;

  /** The error number. */
  private final int errno;

  private AshmemException(String call, String regionName, int errno, String advice) {
    super(message(call, regionName, errno, advice));
    this.call = call;
    this.regionName = regionName;
    this.errno = errno;
  }

  /** Makes an exception before the call, whose error number and message come later. */
  private AshmemException(String call, String regionName) {
    this.call = call;
    this.regionName = regionName;
    this.errno = 0;
  }

  private static String message(String call, String regionName, int errno, String advice) {
    return call + " on '" + regionName + "': " + Errno.name(errno) + " (" + errno + "), " + advice;
  }

  /** Returns the exception for an error number. */
  static AshmemException of(String call, String regionName, int errno) {
    return switch (errno) {
      case Errno.EPERM, Errno.EACCES -> new PermissionDenied(call, regionName, errno);
      case Errno.ENOMEM -> new OutOfMemory(call, regionName, errno, OutOfMemory.ADVICE);
      case Errno.EINVAL ->
          new AshmemException(call, regionName, errno, call.equals("madvise") ? LOCKED : REFUSED);
      case Errno.EAGAIN ->
          call.equals("madvise")
              ? new OutOfMemory(call, regionName, errno, OutOfMemory.ADVICE)
              : new AshmemException(
                  call, regionName, errno, call.equals("mmap") ? LOCKED_LIMIT : REFUSED);
      case Errno.EMFILE, Errno.ENFILE ->
          new AshmemException(
              call,
              regionName,
              errno,
              "too many open files: close regions that are not needed, or raise the limit"
                  + " (ulimit -n)");
      case Errno.EOVERFLOW ->
          new AshmemException(
              call,
              regionName,
              errno,
              "the region has 2 GiB or more, which the call cannot return");
      case Errno.ENOSYS ->
          new AshmemException(
              call,
              regionName,
              errno,
              "the kernel does not have this call, or " + Errno.sandboxAdvice(systemCall(call)));
      default -> new AshmemException(call, regionName, errno, REFUSED);
    };
  }

  /** Returns the system call that makes a request. */
  private static String systemCall(String call) {
    return call.startsWith("ASHMEM_") ? "ioctl" : call;
  }

  /** Returns the exception for ENOMEM if the JVM did not collect its garbage on request. */
  static AshmemException ofNoCollection(String call, String regionName) {
    return new OutOfMemory(
        call,
        regionName,
        Errno.ENOMEM,
        OutOfMemory.ADVICE
            + ". Mappings that were closed or forgotten may hold address space until they are"
            + " collected, and this JVM collects nothing on request: remove"
            + " -XX:+DisableExplicitGC");
  }

  /** Returns the result of a call on a region. Throws if it is a negated errno. */
  static int check(String call, String regionName, int result) {
    return (int) check(call, regionName, (long) result);
  }

  /** Returns the result of a call on a region. Throws if it is a negated errno. */
  static long check(String call, String regionName, long result) {
    if (result < 0) {
      throw of(call, regionName, (int) -result);
    }
    return result;
  }

  /** Returns the exception for an error number of opening the device. */
  static AshmemException ofOpen(String path, int errno) {
    return switch (errno) {
      case Errno.ENOENT, Errno.ENODEV, Errno.ENXIO, Errno.ENOTTY -> new DeviceMissing(path, errno);
      default -> of("open", path, errno);
    };
  }

  /**
   * Returns the name of the call that was refused: the name of a request in the ABI, such as {@code
   * ASHMEM_PIN}, or the name of a system call.
   *
   * @return the call's name
   */
  public String call() {
    return call;
  }

  /**
   * Returns the name of the region that the call was for, or the path of the device if there was no
   * region yet; {@code lazy memory} for {@link LazyMemory}.
   *
   * @return the region's name
   */
  public String regionName() {
    return regionName;
  }

  /**
   * Returns the error number.
   *
   * @return the number, greater than 0
   */
  public int errno() {
    return errno;
  }

  /**
   * Returns the symbolic name of the error number, such as {@code EINVAL}.
   *
   * @return the name; {@code errno N} if this library has no name for the number
   */
  public String errnoName() {
    return Errno.name(errno());
  }

  /**
   * There is no device: the kernel module is not loaded, or another file has the device's path. The
   * error number is ENOTTY in the second case.
   */
  public static final class DeviceMissing extends AshmemException {
    @Serial private static final long serialVersionUID = 1;

    private DeviceMissing(String path, int errno) {
      super(
          "open",
          path,
          errno,
          missing(errno)
              + ". The kernel module ashmem provides the device: 'sudo modprobe ashmem' loads it"
              + " where it is installed (on Debian by the package ashmem-dkms), and a container"
              + " needs the device passed in (--device "
              + path
              + "). Or do without it: with the backend AUTO, the default, or with"
              + " -Dorg.ashmem.backend=memfd, regions are on memfd");
    }

    private static String missing(int errno) {
      return switch (errno) {
        case Errno.ENOENT -> "there is no such device";
        case Errno.ENOTTY ->
            "the file of this name is not the ashmem device; a container's volume (-v) makes a"
                + " directory where there is no file";
        default -> "the device of this name has no driver";
      };
    }
  }

  /** The process lacks a permission or capability, or the protection mask forbids the call. */
  public static final class PermissionDenied extends AshmemException {
    @Serial private static final long serialVersionUID = 1;

    private PermissionDenied(String call, String regionName, int errno) {
      super(call, regionName, errno, advice(call, errno));
    }

    private static String advice(String call, int errno) {
      return switch (call) {
        case "open" ->
            "this user may not open the device: 'ls -l' shows its owner and mode, a udev rule"
                + " with mode 0666 opens it to all users, and a container must allow the device";
        case "mmap" -> "the region's protection does not allow this mapping";
        case "ASHMEM_PURGE_ALL_CACHES" -> "this needs the capability CAP_SYS_ADMIN";
        default ->
            errno == Errno.EPERM
                ? "the process lacks the permission, or " + Errno.sandboxAdvice(systemCall(call))
                : call.equals("memfd_create")
                    ? "the sysctl vm.memfd_noexec is 2, which forbids executable memfds, or a"
                        + " security module forbids the call"
                    : "the process lacks the permission";
      };
    }
  }

  /** The process is out of memory, of address space, or of mappings. */
  public static final class OutOfMemory extends AshmemException {
    @Serial private static final long serialVersionUID = 1;

    private static final String ADVICE =
        "out of memory, of address space, or of mappings (vm.max_map_count): close regions and"
            + " mappings that are not needed";

    private OutOfMemory(String call, String regionName, int errno, String advice) {
      super(call, regionName, errno, advice);
    }
  }

  /** Some ranges of {@link AshmemRegion#pinAll} were refused. The other ranges are pinned. */
  public static final class PartlyPinned extends AshmemException {
    @Serial private static final long serialVersionUID = 1;

    /** The results of all ranges. */
    private final PinResults results;

    /** Needs no heap after the call: the results must not be lost. */
    PartlyPinned(String regionName, PinResults results) {
      super("ASHMEM_PIN_VECTOR", regionName);
      this.results = results;
    }

    @Override
    public int errno() {
      return -results.error();
    }

    @Override
    public String getMessage() {
      return message(
          call(),
          regionName(),
          errno(),
          results.refused().size()
              + " of "
              + results.count()
              + " ranges were not pinned; results() tells which, and what was purged of the others");
    }

    /** The constructor of Throwable calls this before the call, when nobody needs the stack. */
    @Override
    public synchronized Throwable fillInStackTrace() {
      return results == null ? this : super.fillInStackTrace();
    }

    /**
     * Returns the results of all ranges. A purge in these results is not reported again.
     *
     * @return the results; {@link PinResults#refused} has the ranges that are as before the call
     */
    public PinResults results() {
      return results;
    }
  }

  /** The descriptor is not open, or is not a region that has a size. */
  public static final class NotRegion extends AshmemException {
    @Serial private static final long serialVersionUID = 1;

    NotRegion(int fd, String call, int errno, String why) {
      super(call, "descriptor " + fd, errno, why);
    }
  }
}
