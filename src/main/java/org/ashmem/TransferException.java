// SPDX-License-Identifier: Apache-2.0
package org.ashmem;

import java.io.IOException;
import java.io.Serial;

/**
 * Thrown when a region cannot be sent or received. The nested classes are the cases that a program
 * may want to distinguish. All other cases are instances of this class itself.
 */
public class TransferException extends IOException {
  @Serial private static final long serialVersionUID = 1;

  private TransferException(String message) {
    super(message);
  }

  /** Returns the exception for an error number of {@link Shim#send}. */
  static TransferException ofSend(String regionName, int errno) {
    String what =
        "sending region '" + regionName + "': " + Errno.name(errno) + " (" + errno + "), ";
    return switch (errno) {
      case Errno.EPIPE, Errno.ECONNRESET ->
          new PeerGone(what + "the other end has closed its socket, or its process has ended");
      default ->
          new TransferException(what + "the kernel refused to send it" + hint(errno, "sendmsg"));
    };
  }

  /** Returns the exception for a negative result of {@link Shim#receive}. */
  static TransferException ofReceive(int result) {
    String what = "receiving a region: ";
    return switch (result) {
      case Shim.END ->
          new PeerGone(
              what
                  + "nothing is left to receive: the other end has closed its socket, or its"
                  + " process has ended");
      case Shim.NONE -> new NotOneRegion(what + "a byte came without a descriptor");
      case Shim.SEVERAL ->
          new NotOneRegion(what + "more than one descriptor came at once; all are closed");
      case Shim.LOST ->
          new TransferException(
              what
                  + "this process cannot get the descriptor: too many open files (ulimit -n), or a"
                  + " security module forbids it");
      case -Errno.ECONNRESET ->
          new PeerGone(
              what + "ECONNRESET (104), the other end has closed its socket with unread data");
      default ->
          new TransferException(
              what
                  + Errno.name(-result)
                  + " ("
                  + -result
                  + "), the kernel refused to receive it"
                  + hint(-result, "recvmsg"));
    };
  }

  private static String hint(int errno, String call) {
    return Errno.mayBeSandbox(errno) ? "; " + Errno.sandboxAdvice(call) : "";
  }

  /** The other end has closed its socket, or its process has ended. */
  public static final class PeerGone extends TransferException {
    @Serial private static final long serialVersionUID = 1;

    private PeerGone(String message) {
      super(message);
    }
  }

  /** The message was a byte without a descriptor, or with more than one. */
  public static final class NotOneRegion extends TransferException {
    @Serial private static final long serialVersionUID = 1;

    private NotOneRegion(String message) {
      super(message);
    }
  }
}
