// SPDX-License-Identifier: Apache-2.0
package org.ashmem.android;

import java.io.IOException;
import java.io.Serial;
import java.net.SocketException;
import org.ashmem.AshmemException;
import org.jspecify.annotations.Nullable;

/**
 * Thrown when the kernel refuses a call. If the exception has a cause, the cause is an {@link
 * AshmemException} that names the region and says what to do.
 */
public final class ErrnoException extends Exception {
  @Serial private static final long serialVersionUID = 2;

  /** The call that was refused, such as {@code mmap}. */
  public final String functionName;

  /** The error number, usually one of {@link OsConstants}. */
  public final int errno;

  /**
   * Creates an exception without a cause. {@link #initCause} may set one.
   *
   * @param functionName the call that was refused
   * @param errno the error number
   */
  public ErrnoException(String functionName, int errno) {
    this.functionName = functionName;
    this.errno = errno;
  }

  /**
   * Creates an exception.
   *
   * @param functionName the call that was refused
   * @param errno the error number
   * @param cause the cause, or null
   */
  @SuppressWarnings("exports") // programs compile without the annotation
  public ErrnoException(String functionName, int errno, @Nullable Throwable cause) {
    super(cause);
    this.functionName = functionName;
    this.errno = errno;
  }

  static ErrnoException of(AshmemException e) {
    return new ErrnoException(e.call(), e.errno(), e);
  }

  /**
   * Returns what was refused, and why.
   *
   * @return for example {@code mmap failed: EPERM (Operation not permitted)}
   */
  @Override
  public String getMessage() {
    String name = OsConstants.errnoName(errno);
    return functionName
        + " failed: "
        + (name == null ? "errno " + errno : name)
        + " ("
        + Errors.description(errno)
        + ")";
  }

  /**
   * Throws an {@link IOException} with the message of this exception, which becomes its cause.
   *
   * @return never; the type lets a caller write {@code throw e.rethrowAsIOException()}
   * @throws IOException always
   */
  public IOException rethrowAsIOException() throws IOException {
    throw new IOException(getMessage(), this);
  }

  /**
   * Throws a {@link SocketException} with the message of this exception, which becomes its cause.
   *
   * @return never; the type lets a caller write {@code throw e.rethrowAsSocketException()}
   * @throws SocketException always
   */
  public SocketException rethrowAsSocketException() throws SocketException {
    SocketException e = new SocketException(getMessage());
    e.initCause(this);
    throw e;
  }
}
