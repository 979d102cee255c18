// SPDX-License-Identifier: Apache-2.0
package org.ashmem;

import java.io.Serializable;

/**
 * A range of a region, for {@link AshmemRegion#pinAll} and {@link AshmemRegion#unpinAll}. These
 * methods check that the range is within the region.
 *
 * @param offset the start of the range in bytes, a multiple of the page size
 * @param length the length of the range in bytes, greater than 0; a multiple of the page size,
 *     unless the range ends where the region ends
 */
public record PinRange(long offset, long length) implements Serializable {
  /**
   * Checks a range and returns the length to request. Length 0 means up to the region's end, which
   * need not be a page boundary. A call of {@code Validate} would allocate, and each pin and unpin
   * comes here.
   */
  static long length(long offset, long length, long size, long pageSize) {
    long pageMask = pageSize - 1;
    if (offset < 0 || length <= 0 || length > size - offset) {
      throw new IllegalArgumentException(
          "offset "
              + offset
              + " and length "
              + length
              + " name no range within "
              + size
              + " bytes");
    }
    long end = offset + length;
    if ((offset & pageMask) != 0 || ((end & pageMask) != 0 && end != size)) {
      throw new IllegalArgumentException(
          "a range to pin or unpin begins and ends at a multiple of the page size, "
              + pageSize
              + " bytes, or ends with the last byte: offset "
              + offset
              + ", length "
              + length);
    }
    return end == size ? 0 : length;
  }
}
