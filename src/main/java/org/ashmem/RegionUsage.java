// SPDX-License-Identifier: Apache-2.0
package org.ashmem;

/**
 * How much of a region is pinned, unpinned and purged. The three counts are of one moment. All are
 * in bytes of whole pages: the last page counts whole, even if the region ends within it.
 *
 * <p>A page counts by its pins, whether it has memory or not. {@link #residentBytes} tells how much
 * memory there is. Reading the counts is no pin: it does not hide a purge from the next pin.
 *
 * <p>If no page was unpinned again after a purge, the sum of the three is the region's size,
 * rounded up to whole pages.
 *
 * @param pinnedBytes the bytes in pages that are neither unpinned nor purged
 * @param unpinnedBytes the bytes in pages that are unpinned, and were not purged since they were
 *     last unpinned. On the device, the kernel may purge them now. On memfd, a purge can take them
 *     if the region may be purged at all: see {@link Backend}
 * @param purgedBytes the bytes in pages that were purged and not pinned since. A page that was
 *     unpinned again after the purge counts here and in {@code unpinnedBytes}
 */
public record RegionUsage(long pinnedBytes, long unpinnedBytes, long purgedBytes) {
  /** The elements of the array of {@link Driver#countPins}. */
  static final int PINNED = 0;

  static final int UNPINNED = 1;
  static final int PURGED = 2;

  /**
   * Returns the counts of a region. On the device they are those of all processes that share the
   * region. On memfd they are those of this object's pins.
   *
   * @param region the region
   * @return the counts at the time of the call
   * @throws ClosedException if the region is closed
   * @throws AshmemException on the device, if {@code /proc} is not mounted, if no descriptor is
   *     free, or if the driver does not count, as Android's own
   */
  public static RegionUsage of(AshmemRegion region) {
    long[] bytes = new long[3];
    int fd = region.acquire();
    try {
      int result = region.driver().countPins(fd, bytes);
      int unused = AshmemException.check("fdinfo", region.name(), result);
    } finally {
      region.release();
    }
    return new RegionUsage(bytes[PINNED], bytes[UNPINNED], bytes[PURGED]);
  }

  /**
   * Returns how much of a region is in memory: pages that were touched, were not purged, and are
   * not swapped out. They count whether they are pinned or not, and once, however many processes
   * map them. A page that another process touched counts, too.
   *
   * <p>The call looks at each page, and takes time in proportion to the region's size. Pages may
   * come and go meanwhile.
   *
   * @param region the region
   * @return the number of bytes in pages that have memory, a multiple of the page size
   * @throws ClosedException if the region is closed
   * @throws AshmemException.OutOfMemory if there is no room for a temporary mapping of at most 1
   *     GiB of address space
   * @throws AshmemException if the kernel refuses
   */
  public static long residentBytes(AshmemRegion region) {
    int fd = region.acquire();
    try {
      long pages = Shim.residentPages(fd, region.size());
      return AshmemException.check("mincore", region.name(), pages) * AshmemRegion.pageSize();
    } finally {
      region.release();
    }
  }
}
