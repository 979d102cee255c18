// SPDX-License-Identifier: Apache-2.0
package org.ashmem.android;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.util.Random;
import org.ashmem.AshmemRegion;
import org.junit.jupiter.api.Test;

/** A memory file on a region of the device or of memfd, without purges. */
@SuppressWarnings("deprecation") // purging, as on Android
class MemoryFileIT {
  private static final int PAGE = (int) AshmemRegion.pageSize();
  private static final int LENGTH = 2 * PAGE + 100;

  @Test
  void newFileIsZeros() throws Exception {
    try (MemoryFile file = new MemoryFile(null, LENGTH)) {
      assertEquals(LENGTH, file.length());
      assertFalse(file.isPurgingAllowed());
      assertArrayEquals(new byte[LENGTH], file.getInputStream().readAllBytes());
    }
  }

  @Test
  void whatIsWrittenIsRead() throws Exception {
    byte[] content = new byte[LENGTH];
    new Random(1).nextBytes(content);
    try (MemoryFile file = new MemoryFile("written", LENGTH)) {
      file.getOutputStream().write(content);
      assertArrayEquals(content, file.getInputStream().readAllBytes());
      byte[] end = new byte[200];
      assertEquals(200, file.readBytes(end, LENGTH - 200, 0, 200));
      assertEquals(content[LENGTH - 1], end[199]);
    }
  }

  @Test
  void allowPurgingTellsWhatWasBefore() throws Exception {
    byte[] content = new byte[LENGTH];
    new Random(2).nextBytes(content);
    MemoryFile file = new MemoryFile("before", LENGTH);
    file.writeBytes(content, 0, 0, LENGTH);
    assertFalse(file.allowPurging(false));
    assertFalse(file.allowPurging(true));
    assertTrue(file.isPurgingAllowed());
    assertTrue(file.allowPurging(true));
    // Nothing purges the file here, so each access finds its content.
    file.writeBytes(new byte[] {content[7]}, 0, 7, 1);
    assertArrayEquals(content, file.getInputStream().readAllBytes());
    assertTrue(file.allowPurging(false));
    assertFalse(file.isPurgingAllowed());
    file.close();
    assertFalse(file.allowPurging(false));
    assertThrows(IOException.class, () -> file.allowPurging(true));
  }
}
