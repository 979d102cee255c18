// SPDX-License-Identifier: Apache-2.0
package org.ashmem;

/**
 * What carries out a region's calls on its open descriptor. Results are {@link Shim}'s: what the
 * kernel answers, or the negated errno.
 *
 * <p>Ranges were checked: they begin and end with pages, or end with the region; length 0 means up
 * to the region's end.
 */
interface Driver {
  /** {@link Backend#DEVICE} or {@link Backend#MEMFD}. */
  Backend backend();

  int setProtection(int fd, int mask);

  /** The name of the system call or request that {@link #setProtection} makes. */
  String protectionCall();

  int protection(int fd);

  int pin(int fd, long offset, long length);

  int unpin(int fd, long offset, long length);

  int pinStatus(int fd, long offset, long length);

  long fileId(int fd);

  /**
   * A descriptor for others, or the negated errno.
   *
   * @throws IllegalStateException if they could not learn what was purged
   */
  int dup(int fd);

  /** A descriptor for others was closed before any of them had it. */
  void takenBack();

  /** The address of a new mapping, which begins with a page. */
  long map(int fd, MapMode mode, long offset, long length);

  /** The region's descriptor is given back. */
  void close();
}
