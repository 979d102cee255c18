// SPDX-License-Identifier: Apache-2.0
package org.ashmem.cache;

import java.nio.ByteBuffer;
import java.util.List;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Consumer;
import org.ashmem.AshmemException;

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
  private final AtomicBoolean warned = new AtomicBoolean();

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

  /** Unpins pages. If that fails, they stay, and a warning says so once: the values are right. */
  void giveBack(int slot, int page, int pages) {
    try {
      unpin(slot, page, pages);
    } catch (AshmemException e) {
      if (!warned.getAndSet(true)) {
        System.getLogger("org.ashmem.cache")
            .log(System.Logger.Level.WARNING, "memory of a cache does not give way", e);
      }
    }
  }

  /**
   * Are pages that were just read among those that the kernel takes first? Called without a lock.
   */
  boolean isOld(int slot, int page, int pages) {
    return false;
  }

  /** Makes pages of a slot that is unpinned the last ones that the kernel takes. */
  void renew(int slot, int page, int pages) {}

  /** Takes all pages of a slot that is unpinned. */
  abstract void discard(int slot);

  /** Gives back a page that came, empty, when somebody looked at a lost one. */
  abstract void clean(int slot, int page);

  /** Returns the number of bytes in pages that are in memory. */
  abstract long residentBytes();

  /** Gives the memory back. May be called again if it throws, or after that. */
  @Override
  public abstract void close();

  /** Closes each, and then throws the first exception. An iterator would need heap. */
  static <T> void closeAll(List<T> all, Consumer<T> close) {
    RuntimeException first = null;
    for (int i = 0; i < all.size(); i++) {
      try {
        close.accept(all.get(i));
      } catch (RuntimeException e) {
        if (first == null) {
          first = e;
        } else {
          first.addSuppressed(e);
        }
      }
    }
    if (first != null) {
      throw first;
    }
  }
}
