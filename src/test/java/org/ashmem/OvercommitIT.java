// SPDX-License-Identifier: Apache-2.0
package org.ashmem;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** Behaviour with strict overcommit accounting: vm.overcommit_memory is 2. */
@Tag("device")
class OvercommitIT {
  private static final Path MODE = Path.of("/proc/sys/vm/overcommit_memory");
  private static final Path LIMIT = Path.of("/proc/sys/vm/overcommit_kbytes");
  private static final Path RATIO = Path.of("/proc/sys/vm/overcommit_ratio");

  private static final int LARGE = 1 << 30;

  /** The memory in KiB that the JVM may still allocate: less than the large mapping. */
  private static final long LEFT = 400 << 10;

  /** Before Java 22, closing a mapping needs memory, and the kernel refuses it here. */
  @Test
  void mappingThatCannotBeClosedStaysWhole() throws Exception {
    try (AshmemRegion region = AshmemRegion.create("large", LARGE);
        Mapping mapping = region.map()) {
      ByteBuffer view = mapping.buffer().put(0, (byte) 7).put(LARGE - 1, (byte) 8);
      String mode = Files.readString(MODE);
      // Writing one of these sets the other to 0. The one that is not 0 is in effect.
      String kbytes = Files.readString(LIMIT);
      String ratio = Files.readString(RATIO);
      try {
        long limit = memory("Committed_AS:") + LEFT - memory("SwapTotal:");
        Files.writeString(LIMIT, Long.toString(Math.max(1, limit)));
        Files.writeString(MODE, "2");
        if (Views.end()) {
          mapping.close();
          assertFalse(mapping.isOpen());
          return;
        }
        AshmemException e = assertThrows(AshmemException.OutOfMemory.class, mapping::close);
        assertEquals("mmap", e.call());
        assertTrue(mapping.isOpen());
        assertEquals(7, view.get(0));
        assertEquals(8, view.get(LARGE - 1));
      } finally {
        Files.writeString(MODE, mode);
        if (kbytes.equals("0\n")) {
          Files.writeString(RATIO, ratio);
        } else {
          Files.writeString(LIMIT, kbytes);
        }
      }
      mapping.close();
      assertEquals(0, view.get(0));
      assertEquals(0, view.get(LARGE - 1));
    }
  }

  /** Returns a value of /proc/meminfo in KiB. */
  private static long memory(String figure) throws IOException {
    try (var lines = Files.lines(Path.of("/proc/meminfo"))) {
      return lines
          .filter(line -> line.startsWith(figure))
          .mapToLong(line -> Long.parseLong(line.replaceAll("[^0-9]", "")))
          .sum();
    }
  }
}
