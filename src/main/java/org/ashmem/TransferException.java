// SPDX-License-Identifier: Apache-2.0
package org.ashmem;

import java.io.IOException;
import java.io.Serial;

/**
 * Thrown when a region could not be sent or received. The nested classes are the cases that a
 * program may want to tell apart; the rest is of this class itself.
 */
public class TransferException extends IOException {
  @Serial private static final long serialVersionUID = 1;

  private TransferException(String message) {
    super(message);
  }

  /** The table from what the shim's send returned to exception. */
  static TransferException ofSend(String regionName, int errno) {
    String what =
        "sending region '" + regionName + "': " + Errno.name(errno) + " (" + errno + "), ";
    return switch (errno) {
      case Errno.EPIPE, Errno.ECONNRESET ->
          new PeerGone(what + "the other end has closed its socket, or its process has ended");
      default -> new TransferException(what + "the kernel refused to send it");
    };
  }

  /** The same for the shim's receive. */
  static TransferException ofReceive(int result) {
    String what = "receiving a region: ";
    return switch (result) {
      case Shim.END ->
          new PeerGone(
              what
                  + "there is none and there will be none, for the other end has closed its socket,"
                  + " or its process has ended");
      case Shim.NONE -> new NotOneRegion(what + "a byte came without a descriptor");
      case Shim.SEVERAL ->
          new NotOneRegion(what + "more than one descriptor came at once; all are closed");
      case Shim.LOST ->
          new TransferException(
              what
                  + "this process may not have what came: too many open files (ulimit -n), or a"
                  + " security module is against it");
      case -Errno.ECONNRESET ->
          new PeerGone(what + "ECONNRESET (104), the other end has closed its socket unread");
      default ->
          new TransferException(
              what + Errno.name(-result) + " (" + -result + "), the kernel refused to receive it");
    };
  }

  /** The other end has closed its socket, or its process has ended. */
  public static final class PeerGone extends TransferException {
    @Serial private static final long serialVersionUID = 1;

    private PeerGone(String message) {
      super(message);
    }
  }

  /** What came was a byte without a descriptor, or with more than one. */
  public static final class NotOneRegion extends TransferException {
    @Serial private static final long serialVersionUID = 1;

    private NotOneRegion(String message) {
      super(message);
    }
  }
}
