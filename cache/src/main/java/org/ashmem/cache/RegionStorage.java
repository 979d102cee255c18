// SPDX-License-Identifier: Apache-2.0
package org.ashmem.cache;

import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
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

  /** So many segments are unpinned after a range before a read renews it. */
  private static final int OLD = 2;

  final AshmemRegion region;

  /**
   * When each range was unpinned: the lowest bits of {@link #clock}. A lost change costs little.
   */
  private final byte[] unpinnedAt;

  /** Counts the segments that were unpinned as a whole. */
  private final AtomicInteger clock = new AtomicInteger();

  private final List<Mapping> chunks = new ArrayList<>(chunks());
  private final List<ByteBuffer> buffers = new ArrayList<>(chunks());

  RegionStorage(Backend backend, int segmentBytes, int slots) {
    super(segmentBytes, Math.toIntExact(AshmemRegion.pageSize()), slots);
    long size = (long) segmentBytes * slots;
    unpinnedAt = new byte[Math.toIntExact(size / RANGE)];
    region = AshmemRegion.builder().name("cache").size(size).backend(backend).create();
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
    long at = offset(slot, page);
    long end = at + (long) pages * pageBytes();
    int first = range(at);
    if (range(end - 1) == first) {
      // With a full heap, what was pinned for a moment would stay pinned. This needs less of it: on
      // the device, nothing.
      region.unpin(at, end - at);
      unpinnedAt[first] = (byte) clock.get();
      return;
    }
    PinRange[] ranges = new PinRange[range(end - 1) - first + 1];
    for (int i = 0; i < ranges.length; i++) {
      long next = Math.min(end, (first + i + 1L) * RANGE);
      ranges[i] = new PinRange(at, next - at);
      unpinnedAt[first + i] = (byte) clock.get();
      at = next;
    }
    region.unpinAll(ranges);
    if (end - offset(slot, 0) == segmentBytes() && page == 0) {
      int unused = clock.incrementAndGet();
    }
  }

  private static int range(long offset) {
    return Math.toIntExact(offset / RANGE);
  }

  @Override
  boolean isOld(int slot, int page, int pages) {
    int now = clock.get();
    int last = range(offset(slot, page + pages) - 1);
    for (int range = range(offset(slot, page)); range <= last; range++) {
      if ((now - unpinnedAt[range] & 0xff) >= OLD) {
        return true;
      }
    }
    return false;
  }

  /** Both backends purge first what was unpinned first, whether it was read since or not. */
  @Override
  void renew(int slot, int page, int pages) {
    long first = range(offset(slot, page)) * (long) RANGE;
    long end = (range(offset(slot, page + pages) - 1) + 1L) * RANGE;
    var unused = region.pin(first, end - first);
    int start = Math.toIntExact((first - offset(slot, 0)) / pageBytes());
    giveBack(slot, start, Math.toIntExact((end - first) / pageBytes()));
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
