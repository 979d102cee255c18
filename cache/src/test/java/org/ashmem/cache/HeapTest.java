// SPDX-License-Identifier: Apache-2.0
package org.ashmem.cache;

import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.List;
import org.ashmem.AshmemRegion;
import org.junit.jupiter.api.Test;
import org.openjdk.jol.info.GraphLayout;

/** What an entry takes of the heap, beside its key. */
class HeapTest {
  private static final int ENTRIES = 1_000_000;
  private static final int MOST = 64;

  @Test
  void entryTakesAtMost64BytesOfTheHeap() {
    List<Integer> keys = new ArrayList<>(ENTRIES);
    for (int i = 0; i < ENTRIES; i++) {
      keys.add(1000 + i);
    }
    try (PurgeableCache<Integer, byte[]> cache =
        PurgeableCache.<Integer, byte[]>builder(Codec.bytes()).maximumBytes(64 << 20).build()) {
      byte[] value = new byte[16];
      // The graph includes threads, whose objects JOL does not see otherwise.
      System.setProperty("jol.magicFieldOffset", "true");
      long before = GraphLayout.parseInstance(cache, keys).totalSize();
      keys.forEach(key -> cache.put(key, value));
      assertTrue(cache.statistics().entries() == ENTRIES);
      long bytes = GraphLayout.parseInstance(cache, keys).totalSize() - before;
      System.out.printf("%.1f bytes of the heap an entry%n", (double) bytes / ENTRIES);
      assertTrue(bytes <= (long) MOST * ENTRIES, bytes + " bytes");
    }
  }

  /** Values that were replaced leave nothing on the heap. */
  @Test
  void replacedEntriesAreForgotten() {
    System.setProperty("jol.magicFieldOffset", "true");
    try (PurgeableCache<Integer, byte[]> cache =
        PurgeableCache.<Integer, byte[]>builder(Codec.bytes()).maximumBytes(64 << 20).build()) {
      byte[] value = new byte[8];
      long before = GraphLayout.parseInstance(cache).totalSize();
      for (int i = 0; i < 3000; i++) {
        cache.put(i, value);
        byte[] unused = cache.getIfPresent(i);
      }
      for (int i = 0; i < 3000; i += 2) {
        cache.invalidate(i);
      }
      for (int i = 0; i < 2_000_000; i++) {
        cache.put(i % 2000, value);
      }
      long bytes = GraphLayout.parseInstance(cache).totalSize() - before;
      // Each page in use takes 8 bytes.
      long displaced = 8 * (64 << 20) / AshmemRegion.pageSize();
      assertTrue(bytes < 2_000_000 + displaced, bytes + " bytes");
    }
  }
}
