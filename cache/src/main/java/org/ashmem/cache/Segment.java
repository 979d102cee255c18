// SPDX-License-Identifier: Apache-2.0
package org.ashmem.cache;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import org.ashmem.AshmemException;
import org.jspecify.annotations.Nullable;

/**
 * A part of the store that is filled in order, like a log, then becomes purgeable as a whole, and
 * is filled again later, as another object of this class.
 *
 * <p>Values lie one after the other. But the first 8 bytes of each page are its marker: the
 * segment's generation, which is never zero and never used again. The 8 bytes of the payload that
 * belong there are on the heap. So a reader copies a value as a whole, and then puts these bytes
 * right. A page that was taken back reads as zeros, so its marker differs.
 *
 * <p>Reading needs no pin, no lock and no system call. The writer stores a page's marker, then a
 * store-store fence, then the payload. It publishes the node through a lock. So a reader that has a
 * node sees the payload of its generation, or what came later: zeros, or another generation. Each
 * of these comes to a page together with another marker, or after it. The reader loads the marker
 * of each page, copies the page's part of the payload, then a load-load fence, then loads the
 * markers again: if all of them are those of the generation, no byte of the copy is a later one.
 * This holds for Java's memory model, in which the fences order plain accesses, on x86 and arm64:
 * {@code src/test/alloy/reading.als} has it for the model of Armv8.
 *
 * <p>The kernel takes a page as a whole: it removes it from the page table, and a load after that
 * finds a page of zeros. While it flushes other processors, one of them may still find the old
 * page, which stays as it was until all are flushed. A thread that moves between processors during
 * that time, once after it loaded the first marker of a page and once more, back, before it loads
 * the second one, could take zeros for the value. Nobody has seen this.
 *
 * <p>Thread-safe, but for the methods that say otherwise.
 */
final class Segment<K> {
  static final int MARKER = Long.BYTES;
  private static final VarHandle MARKERS =
      MethodHandles.byteBufferViewVarHandle(long[].class, ByteOrder.nativeOrder());

  /** This bit of a marker says that the page is held: its memory is not purgeable. */
  private static final long HELD = Long.MIN_VALUE;

  private static final int FIRST_NODES = 16;

  final int slot;
  private final Storage storage;
  private final long generation;
  private final ByteBuffer memory;
  private final int base;
  private final int page;

  /** The logarithm of the page size. */
  private final int shift;

  private final int pages;

  /** The payload in the place of each page's marker. */
  private final ByteBuffer displaced;

  /** Bytes before each value: none, or its deadline. */
  private final int header;

  /** The log's lock protects these three. */
  private @Nullable Node<K>[] nodes = newNodes(FIRST_NODES);

  private int count;

  /** Where the next value begins: a multiple of 8. */
  private int fill;

  /** Pages that have a marker. */
  private int begun;

  /** The monitor of this object protects these. */
  private int holders;

  private int firstHeld;
  private int lastHeld;
  private boolean retired;

  /** Written under the monitor. */
  private volatile boolean purgeable;

  Segment(Storage storage, int slot, long generation, int header) {
    this.storage = storage;
    this.slot = slot;
    this.generation = generation;
    this.header = header;
    this.memory = storage.memory(slot);
    this.base = storage.base(slot);
    this.page = storage.pageBytes();
    this.shift = Integer.numberOfTrailingZeros(page);
    this.pages = storage.segmentBytes() / page;
    this.displaced = ByteBuffer.allocate(pages * MARKER);
    this.firstHeld = pages;
    this.lastHeld = -1;
  }

  @SuppressWarnings("unchecked") // nothing but such nodes is stored
  private static <K> @Nullable Node<K>[] newNodes(int count) {
    return (Node<K>[]) new Node<?>[count];
  }

  private long marker(int number) {
    return (long) MARKERS.getAcquire(memory, base + (number << shift)) & ~HELD;
  }

  /** Returns how many bytes a page has from this offset on. */
  private int room(int offset) {
    return page - (offset & (page - 1));
  }

  private boolean isPage(int offset) {
    return (offset & (page - 1)) == 0;
  }

  /** Returns the place in {@link #displaced} of a page's first bytes. */
  private int displaced(int offset) {
    return (offset >>> shift) * MARKER;
  }

  // What the log does, under its lock.

  boolean fits(int length) {
    return size(length) <= (pages << shift) - fill;
  }

  /** Returns what a value takes. One without a byte has a place, too. */
  private int size(int length) {
    return Math.max(1, header + length);
  }

  /** Makes room for one more node. Forgets those that are gone. */
  void prepare() {
    if (count < nodes.length) {
      return;
    }
    forget();
    if (count > nodes.length / 2) {
      nodes = Arrays.copyOf(nodes, nodes.length + (nodes.length >> 1));
    }
  }

  private void forget() {
    int left = 0;
    for (int i = 0; i < count; i++) {
      Node<K> node = node(i);
      if (node.live) {
        nodes[left++] = node;
      }
    }
    Arrays.fill(nodes, left, count, null);
    count = left;
  }

  /** Writes a value, which fits, after {@link #prepare}. Its node is not in the index yet. */
  Node<K> append(K key, int hash, ByteBuffer value, long deadline) {
    int length = value.remaining();
    Node<K> node = new Node<>(key, hash, this, fill, length);
    int end = fill + size(length);
    while (begun << shift < end) {
      MARKERS.setOpaque(memory, base + (begun << shift), generation);
      begun++;
    }
    VarHandle.storeStoreFence();
    if (isPage(fill) && header > 0) {
      displaced.putLong(displaced(fill), deadline);
    } else if (header > 0) {
      memory.putLong(base + fill, deadline);
    }
    int from = value.position();
    int at = fill + header;
    while (from < value.limit()) {
      int part = Math.min(value.limit() - from, isPage(at) ? MARKER : room(at));
      if (isPage(at)) {
        displaced.put(displaced(at), value, from, part);
      } else {
        memory.put(base + at, value, from, part);
      }
      from += part;
      at += part;
    }
    // Nothing throws from here on.
    fill = (end + MARKER - 1) & -MARKER;
    nodes[count++] = node;
    return node;
  }

  /** Returns the number of values that were written. */
  int count() {
    return count;
  }

  Node<K> node(int number) {
    return Objects.requireNonNull(nodes[number]);
  }

  /** Returns the number of bytes in pages that were written to. */
  long usedBytes() {
    return (long) begun << shift;
  }

  /** Lets go of what is not needed any more, when the segment is full. */
  void trim() {
    forget();
    nodes = Arrays.copyOf(nodes, count);
  }

  /** Returns how many bytes of a segment a value takes. */
  int bytes(Node<K> node) {
    return (size(node.length) + MARKER - 1) & -MARKER;
  }

  // What readers do.

  /** Returns a copy of a value, or null if a byte of it is lost. */
  byte @Nullable [] read(Node<K> node) {
    int last = lastPage(node);
    for (int number = node.position >>> shift; number <= last; number++) {
      if (marker(number) != generation) {
        return null;
      }
    }
    byte[] bytes = new byte[node.length];
    int at = node.position + header;
    memory.get(base + at, bytes);
    if (!isIntact(node)) {
      return null;
    }
    int end = at + bytes.length;
    for (int start = (at + page - 1) & -page; start < end; start += page) {
      displaced.get(displaced(start), bytes, start - at, Math.min(end - start, MARKER));
    }
    return bytes;
  }

  /** Returns the deadline of a value. It is only right if {@link #isIntact} says so afterwards. */
  long deadline(Node<K> node) {
    return isPage(node.position)
        ? displaced.getLong(displaced(node.position))
        : memory.getLong(base + node.position);
  }

  /** Was every byte that was loaded of a value until now its own? */
  boolean isIntact(Node<K> node) {
    VarHandle.loadLoadFence();
    int last = lastPage(node);
    for (int number = node.position >>> shift; number <= last; number++) {
      if (marker(number) != generation) {
        return false;
      }
    }
    return true;
  }

  private int lastPage(Node<K> node) {
    return (node.position + size(node.length) - 1) >>> shift;
  }

  /** Returns the bytes of a value that is held. */
  ByteBuffer[] parts(Node<K> node) {
    List<ByteBuffer> parts = new ArrayList<>();
    int at = node.position + header;
    int end = at + node.length;
    while (at < end) {
      int part = Math.min(end - at, isPage(at) ? MARKER : room(at));
      ByteBuffer slice =
          isPage(at) ? displaced.slice(displaced(at), part) : memory.slice(base + at, part);
      parts.add(slice.asReadOnlyBuffer());
      at += part;
    }
    return parts.toArray(new ByteBuffer[0]);
  }

  /**
   * Keeps the pages of a value in memory until {@link #release}. Returns false if a byte of it is
   * lost, and then holds nothing.
   *
   * <p>The compare-exchange makes the page dirty, if it is still there: then the kernel does not
   * take it any more. If it is gone, the exchange finds a zero and fails.
   */
  synchronized boolean hold(Node<K> node) {
    if (retired) {
      return false;
    }
    int first = node.position >>> shift;
    int last = lastPage(node);
    storage.pin(slot, first, last - first + 1);
    holders++;
    firstHeld = Math.min(firstHeld, first);
    lastHeld = Math.max(lastHeld, last);
    for (int number = first; number <= last; number++) {
      int at = base + (number << shift);
      long found = (long) MARKERS.compareAndExchange(memory, at, generation, generation | HELD);
      if (found == (generation | HELD)) {
        // Another reader made it dirty.
        continue;
      }
      if (found != generation) {
        release();
        return false;
      }
    }
    return true;
  }

  synchronized void release() {
    holders--;
    if (holders > 0) {
      return;
    }
    for (int number = firstHeld; number <= lastHeld; number++) {
      boolean unused =
          MARKERS.compareAndSet(memory, base + (number << shift), generation | HELD, generation);
    }
    if (purgeable) {
      storage.giveBack(slot, firstHeld, lastHeld - firstHeld + 1);
    }
    firstHeld = pages;
    lastHeld = -1;
  }

  // The segment's memory.

  /** Lets the kernel take the memory from now on, but for what is held. */
  synchronized void makePurgeable() {
    purgeable = true;
    if (holders > 0) {
      // The last one to release does it.
      firstHeld = 0;
      lastHeld = pages - 1;
    } else {
      storage.giveBack(slot, 0, pages);
    }
  }

  /** Takes the memory now, if the kernel might. */
  synchronized void discard() {
    if (purgeable && holders == 0 && !retired) {
      storage.discard(slot);
    }
  }

  /** Gives back the empty pages that a look at a lost value may have brought. */
  synchronized void clean(Node<K> node) {
    if (!purgeable || holders > 0 || retired) {
      return;
    }
    int first = node.position >>> shift;
    // A look stops at the first page if that is lost.
    int last = marker(first) == 0 ? first : lastPage(node);
    for (int number = first; number <= last; number++) {
      if (marker(number) == 0) {
        storage.clean(slot, number);
      }
    }
  }

  /** Lets the kernel take last what was just read. */
  void renew(Node<K> node) {
    int first = node.position >>> shift;
    int pages = lastPage(node) - first + 1;
    if (purgeable && storage.isOld(slot, first, pages)) {
      renew(first, pages);
    }
  }

  private synchronized void renew(int first, int pages) {
    if (!purgeable || holders > 0 || retired) {
      return;
    }
    try {
      storage.renew(slot, first, pages);
    } catch (AshmemException e) {
      // They keep their place.
    }
  }

  /**
   * Ends the use of this object, so that the memory can be filled anew. Returns false if a reader
   * holds a part of it. Readers that hold nothing notice the next generation.
   */
  synchronized boolean retire() {
    if (holders > 0) {
      return false;
    }
    retired = true;
    if (purgeable) {
      storage.pin(slot, 0, pages);
    }
    return true;
  }
}
