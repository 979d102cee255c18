// SPDX-License-Identifier: Apache-2.0
package org.ashmem;

/** What happened to a range's pages while they were unpinned. */
public enum PinResult {
  /** Every byte of the range is intact. */
  NOT_PURGED,
  /** At least one page of the range was purged. A purged page reads as zeros. */
  WAS_PURGED;

  static PinResult of(int result) {
    return result == 0 ? NOT_PURGED : WAS_PURGED;
  }
}
