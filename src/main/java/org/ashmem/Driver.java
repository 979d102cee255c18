// SPDX-License-Identifier: Apache-2.0
package org.ashmem;

/**
 * Carries out a region's calls on its open descriptor. As in {@link Shim}, a method returns the
 * kernel's result or the negated errno.
 *
 * <p>The caller has checked all ranges: they begin and end at page boundaries, or end where the
 * region ends. Length 0 means up to the region's end.
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

  /**
   * Pins many ranges, one after the other. As in {@link Shim#pinVector}, each range has three
   * elements, and the third becomes its result. Other ranges are pinned if one is refused.
   */
  int pinMany(int fd, long[] ranges);

  /** Unpins many ranges like {@link #pinMany}. */
  int unpinMany(int fd, long[] ranges);

  /**
   * Writes the number of bytes that are pinned, that are unpinned, and that were purged and not
   * pinned since. The elements of the array are these of {@link RegionUsage}.
   */
  int countPins(int fd, long[] bytes);

  long fileId(int fd);

  /**
   * Returns a descriptor to pass on, or the negated errno.
   *
   * @throws IllegalStateException if the receiver could not find out about an earlier purge
   */
  int dup(int fd);

  /** Called after a descriptor of {@link #dup} was closed that no other process had. */
  void takenBack();

  /** Returns the address of a new mapping. The offset is a multiple of the page size. */
  long map(int fd, MapMode mode, long offset, long length);

  /** Called before the region's descriptor is closed. */
  void close();
}
