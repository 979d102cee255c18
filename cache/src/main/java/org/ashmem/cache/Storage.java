// SPDX-License-Identifier: Apache-2.0
package org.ashmem.cache;

import java.nio.ByteBuffer;

/**
 * The memory of a cache, in slots of one segment each. The kernel may take back what is unpinned.
 *
 * <p>Thread-safe: each segment's monitor guards the calls for its slot.
 */
abstract class Storage implements AutoCloseable {
  /** A buffer holds at most this many bytes; a multiple of every segment's size. */
  private static final int CHUNK = 1 << 30;

  private final int segmentBytes;
  private final int pageBytes;
  private final int slots;

  Storage(int segmentBytes, int pageBytes, int slots) {
    this.segmentBytes = segmentBytes;
    this.pageBytes = pageBytes;
    this.slots = slots;
  }

  int segmentBytes() {
    return segmentBytes;
  }

  int pageBytes() {
    return pageBytes;
  }

  int slots() {
    return slots;
  }

  private int chunkSlots() {
    return CHUNK / segmentBytes;
  }

  int chunks() {
    return (slots + chunkSlots() - 1) / chunkSlots();
  }

  /** Returns the length of a chunk in bytes: all but the last one are equal. */
  int chunkBytes(int chunk) {
    return Math.min(chunkSlots(), slots - chunk * chunkSlots()) * segmentBytes;
  }

  int chunk(int slot) {
    return slot / chunkSlots();
  }

  /** Returns the index of a slot in the buffer of its chunk. */
  int base(int slot) {
    return slot % chunkSlots() * segmentBytes;
  }

  ByteBuffer memory(int slot) {
    return buffer(chunk(slot));
  }

  /** Returns the buffer of a chunk. */
  abstract ByteBuffer buffer(int chunk);

  /** Returns what the memory is. */
  abstract Store store();

  /** Keeps pages in memory. Whether they are still intact, their markers tell. */
  abstract void pin(int slot, int page, int pages);

  /** Lets the kernel take pages. */
  abstract void unpin(int slot, int page, int pages);

  /** Takes all pages of a slot that is unpinned. */
  abstract void discard(int slot);

  /** Gives back a page that came, empty, when somebody looked at a lost one. */
  abstract void clean(int slot, int page);

  /** Returns the number of bytes in pages that are in memory. */
  abstract long residentBytes();

  @Override
  public abstract void close();
}
