// SPDX-License-Identifier: Apache-2.0
package org.ashmem;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Ranges of pages of 4096 bytes, unless a case has another page size. */
class PinRangeTest {
  private static final long FOUR_GIB = 1L << 32;

  @ParameterizedTest(name = "offset {0}, length {1} of {2} bytes")
  @CsvSource({
    "0, 4096, 8192, 4096",
    "4096, 4096, 12288, 4096",
    // The length 0 requests the rest of the region.
    "0, 8192, 8192, 0",
    "4096, 4096, 8192, 0",
    "0, 1, 1, 0",
    "0, 4097, 4097, 0",
    "4096, 1, 4097, 0",
    "0, 2147483648, 4294967296, 2147483648",
    "4096, 4294959104, 8589934592, 4294959104",
    "2147483648, 2147479552, 8589934592, 2147479552",
    "4294963200, 4294971392, 8589934592, 0",
    "0, 8589934592, 8589934592, 0",
    "0, 4294967296, 8589934592, 4294967296",
    "4294967296, 4096, 8589934592, 4096",
    "4294963200, 8192, 8589934592, 8192",
  })
  void namesRange(long offset, long length, long size, long requested) {
    assertEquals(requested, PinRange.length(offset, length, size, 4096));
  }

  @ParameterizedTest(name = "offset {0}, length {1} of {2} bytes: {3}")
  @CsvSource({
    "-4096, 4096, 8192, name no range",
    "-9223372036854775808, 4096, 8192, name no range",
    "0, 0, 8192, name no range",
    "0, -4096, 8192, name no range",
    "0, -9223372036854775808, 8192, name no range",
    "0, 12288, 8192, name no range",
    "0, 8192, 4097, name no range",
    "8192, 4096, 8192, name no range",
    "4096, 9223372036854775807, 8192, name no range",
    "9223372036854771712, 4096, 8192, name no range",
    "1, 4096, 8192, multiple of the page size",
    "4095, 4097, 8192, multiple of the page size",
    "0, 4095, 8192, multiple of the page size",
    "4096, 4095, 8192, multiple of the page size",
  })
  void refusesWhatIsNoRange(long offset, long length, long size, String why) {
    IllegalArgumentException e =
        assertThrows(
            IllegalArgumentException.class, () -> PinRange.length(offset, length, size, 4096));
    assertTrue(e.getMessage().contains(why), e.getMessage());
  }

  @ParameterizedTest
  @CsvSource({"4096, 0", "16384, 1", "65536, 1"})
  void goesByThePageSizeOfTheMachine(long pageSize, int refused) {
    if (refused == 1) {
      assertThrows(
          IllegalArgumentException.class, () -> PinRange.length(4096, 4096, FOUR_GIB, pageSize));
    } else {
      assertEquals(4096, PinRange.length(4096, 4096, FOUR_GIB, pageSize));
    }
  }
}
