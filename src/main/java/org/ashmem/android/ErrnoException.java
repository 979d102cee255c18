// SPDX-License-Identifier: Apache-2.0
package org.ashmem.android;

import java.io.Serial;
import org.ashmem.AshmemException;
import org.jspecify.annotations.Nullable;

/**
 * Thrown when the kernel refuses a call. If the exception has a cause, the cause is an {@link
 * AshmemException} that names the region and says what to do.
 */
public final class ErrnoException extends Exception {
  @Serial private static final long serialVersionUID = 1;

  /** The call that was refused, such as {@code mmap}. */
  public final String functionName;

  /** The error number, usually one of {@link OsConstants}. */
  public final int errno;

  /**
   * Creates an exception without a cause.
   *
   * @param functionName the call that was refused
   * @param errno the error number
   */
  public ErrnoException(String functionName, int errno) {
    this(functionName, errno, null);
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
    super(message(functionName, errno), cause);
    this.functionName = functionName;
    this.errno = errno;
  }

  static ErrnoException of(AshmemException e) {
    return new ErrnoException(e.call(), e.errno(), e);
  }

  private static String message(String functionName, int errno) {
    String name = OsConstants.errnoName(errno);
    return functionName
        + " failed: "
        + (name == null ? "errno " + errno : name + " (" + errno + ")");
  }
}
