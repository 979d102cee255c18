// SPDX-License-Identifier: Apache-2.0
package org.ashmem.cache;

import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import org.ashmem.AshmemRegion;
import org.ashmem.Backend;
import org.ashmem.Mapping;
import org.ashmem.PinRange;
import org.ashmem.RegionUsage;

/** A region, on the device or on memfd. */
final class RegionStorage extends Storage {
  /**
   * Purging takes a range as a whole, and a limit lacks some tens of pages at a time: bytes, at
   * most the length of the smallest segment.
   */
  private static final int RANGE = 64 << 10;

  private final AshmemRegion region;
  private final List<Mapping> chunks = new ArrayList<>();
  private final List<ByteBuffer> buffers = new ArrayList<>();

  RegionStorage(Backend backend, int segmentBytes, int slots) {
    super(segmentBytes, Math.toIntExact(AshmemRegion.pageSize()), slots);
    region =
        AshmemRegion.builder()
            .name("cache")
            .size((long) segmentBytes * slots)
            .backend(backend)
            .create();
    try {
      for (int chunk = 0; chunk < chunks(); chunk++) {
        long first = chunk == 0 ? 0 : (long) chunk * chunkBytes(0);
        Mapping mapping = region.map(first, chunkBytes(chunk));
        chunks.add(mapping);
        buffers.add(mapping.buffer());
      }
    } catch (Throwable e) {
      close();
      throw e;
    }
  }

  @Override
  Store store() {
    return region.backend() == Backend.DEVICE ? Store.DEVICE : Store.MEMFD;
  }

  @Override
  ByteBuffer buffer(int chunk) {
    return buffers.get(chunk);
  }

  @Override
  void pin(int slot, int page, int pages) {
    var unused = region.pin(offset(slot, page), (long) pages * pageBytes());
  }

  @Override
  void unpin(int slot, int page, int pages) {
    long first = offset(slot, page);
    long end = first + (long) pages * pageBytes();
    PinRange[] ranges = new PinRange[Math.toIntExact((end - 1) / RANGE - first / RANGE) + 1];
    for (int i = 0; i < ranges.length; i++) {
      long next = Math.min(end, (first / RANGE + 1) * RANGE);
      ranges[i] = new PinRange(first, next - first);
      first = next;
    }
    region.unpinAll(ranges);
  }

  @Override
  void discard(int slot) {
    // Zeros are what a purge leaves. They are not purged, but nobody asks the region about it.
    ByteBuffer memory = memory(slot);
    int base = base(slot);
    for (int at = base; at < base + segmentBytes(); at += pageBytes()) {
      memory.putLong(at, 0);
    }
  }

  /** The page belongs to a purged range. The kernel takes it only after it was unpinned again. */
  @Override
  void clean(int slot, int page) {
    pin(slot, page, 1);
    unpin(slot, page, 1);
  }

  private long offset(int slot, int page) {
    return (long) slot * segmentBytes() + (long) page * pageBytes();
  }

  @Override
  long residentBytes() {
    return RegionUsage.residentBytes(region);
  }

  @Override
  public void close() {
    try {
      closeAll(chunks, Mapping::close);
    } finally {
      region.close();
    }
  }
}
