// SPDX-License-Identifier: Apache-2.0
package org.ashmem.cache;

import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import org.ashmem.AshmemRegion;
import org.ashmem.LazyMemory;

/** Private memory that is freed lazily. A page is pinned by a store to it. */
final class LazyStorage extends Storage {
  private final List<LazyMemory> chunks = new ArrayList<>(chunks());
  private final List<ByteBuffer> buffers = new ArrayList<>(chunks());

  LazyStorage(int segmentBytes, int slots) {
    super(segmentBytes, Math.toIntExact(AshmemRegion.pageSize()), slots);
    try {
      for (int chunk = 0; chunk < chunks(); chunk++) {
        LazyMemory memory = LazyMemory.create(chunkBytes(chunk));
        chunks.add(memory);
        buffers.add(memory.buffer());
      }
    } catch (Throwable e) {
      close();
      throw e;
    }
  }

  @Override
  Store store() {
    return Store.LAZY;
  }

  @Override
  ByteBuffer buffer(int chunk) {
    return buffers.get(chunk);
  }

  @Override
  void pin(int slot, int page, int pages) {
    // The segment stores the markers.
  }

  @Override
  void unpin(int slot, int page, int pages) {
    chunks.get(chunk(slot)).unpin(offset(slot, page), (long) pages * pageBytes());
  }

  @Override
  void discard(int slot) {
    chunks.get(chunk(slot)).discard(offset(slot, 0), segmentBytes());
  }

  @Override
  void clean(int slot, int page) {
    // It is the kernel's one page of zeros. That takes no memory, but counts as resident.
    chunks.get(chunk(slot)).discard(offset(slot, page), pageBytes());
  }

  private long offset(int slot, int page) {
    return base(slot) + (long) page * pageBytes();
  }

  @Override
  long residentBytes() {
    return chunks.stream().mapToLong(LazyMemory::residentBytes).sum();
  }

  @Override
  public void close() {
    closeAll(chunks, LazyMemory::close);
  }
}
