// SPDX-License-Identifier: Apache-2.0
package org.ashmem;

import java.io.Serial;

/** Thrown by a region, a mapping, lazy memory or a channel that is closed. */
public final class ClosedException extends IllegalStateException {
  @Serial private static final long serialVersionUID = 1;

  ClosedException(String what) {
    super(what + " is closed");
  }
}
