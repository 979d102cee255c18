// SPDX-License-Identifier: Apache-2.0
package org.ashmem;

/** Whether the kernel may purge pages of a range. */
public enum PinStatus {
  /** At least one page of the range is unpinned. The kernel may purge it, or has purged it. */
  UNPINNED,
  /** Every page of the range is pinned. */
  PINNED;

  static PinStatus of(int result) {
    return result == 0 ? UNPINNED : PINNED;
  }
}
