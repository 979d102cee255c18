// SPDX-License-Identifier: Apache-2.0
package org.ashmem;

import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;

/** Creates a region, unpins it, purges it and pins it again. */
final class Demonstration {
  private static final String NAME = "demonstration";

  /** The size of the region in bytes, a multiple of every page size. */
  private static final int SIZE = 1 << 20;

  private static final byte CONTENT = 42;

  private Demonstration() {}

  /** Runs on the backend that is configured. On the device, it purges only if it may. */
  static Finding run(boolean mayPurgeDevice) {
    List<String> seen = new ArrayList<>();
    try (AshmemRegion region = AshmemRegion.create(NAME, SIZE);
        Mapping mapping = region.map()) {
      ByteBuffer bytes = mapping.buffer();
      fill(bytes);
      seen.add("created and filled a region: " + memory(region));
      region.unpin();
      seen.add("unpinned it: from here on it may be purged");
      purge(region.backend(), mayPurgeDevice, seen);
      seen.add("after that: " + memory(region));
      PinResult result = region.pin();
      seen.add("pinned it again: " + result);
      return judge(result, bytes, seen);
    } catch (RuntimeException e) {
      seen.add("failed: " + e);
      return Finding.broken(NAME, String.join("\n", seen), "");
    }
  }

  private static void purge(Backend backend, boolean mayPurgeDevice, List<String> seen) {
    if (backend == Backend.MEMFD) {
      seen.add("purged it: " + Purge.all() + " pages");
    } else if (mayPurgeDevice) {
      try {
        seen.add("purged the whole machine: " + Purge.all(Backend.DEVICE) + " pages");
      } catch (AshmemException.PermissionDenied e) {
        seen.add("purged nothing: " + e.getMessage());
      }
    } else {
      seen.add("purged nothing: that is for the whole machine, and only with --purge");
    }
  }

  /** A region that answers NOT_PURGED has every byte. */
  private static Finding judge(PinResult result, ByteBuffer bytes, List<String> seen) {
    boolean intact = isFull(bytes);
    seen.add(intact ? "every byte is intact" : "purged pages read as zeros: fill them again");
    String fact = String.join("\n", seen);
    return result == PinResult.WAS_PURGED || intact
        ? Finding.ok(NAME, fact)
        : Finding.broken(
            NAME, fact, "bytes were lost, and the pin did not report it: please report this bug");
  }

  private static String memory(AshmemRegion region) {
    return RegionUsage.residentBytes(region) + " of " + region.size() + " bytes are in memory";
  }

  private static void fill(ByteBuffer bytes) {
    for (int i = 0; i < bytes.capacity(); i++) {
      bytes.put(i, CONTENT);
    }
  }

  private static boolean isFull(ByteBuffer bytes) {
    for (int i = 0; i < bytes.capacity(); i++) {
      if (bytes.get(i) != CONTENT) {
        return false;
      }
    }
    return true;
  }
}
