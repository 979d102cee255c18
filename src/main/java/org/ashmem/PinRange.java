// SPDX-License-Identifier: Apache-2.0
package org.ashmem;

/** The range of a pin request. */
final class PinRange {
  private PinRange() {}

  /**
   * Checks a range and returns the length to request. Length 0 means up to the region's end, which
   * need not be a page boundary.
   */
  static long length(long offset, long length, long size, long pageSize) {
    long pageMask = pageSize - 1;
    if (offset < 0 || length <= 0 || length > size - offset) {
      throw new IllegalArgumentException(
          "offset "
              + offset
              + " and length "
              + length
              + " name no range of a region of "
              + size
              + " bytes");
    }
    long end = offset + length;
    if ((offset & pageMask) != 0 || ((end & pageMask) != 0 && end != size)) {
      throw new IllegalArgumentException(
          "a range to pin or unpin begins and ends at a multiple of the page size, "
              + pageSize
              + " bytes, or ends with the region: offset "
              + offset
              + ", length "
              + length);
    }
    return end == size ? 0 : length;
  }
}
