// SPDX-License-Identifier: Apache-2.0
package org.ashmem.cache;

import java.nio.ByteBuffer;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.LongAdder;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;

/**
 * Writes values to segments and decides which go when all segments are full.
 *
 * <p>The policy is S3-FIFO (Yang and others, SOSP 2023) on a log of segments. New values go to a
 * small queue, a tenth of the segments. When its oldest segment is needed, what was read meanwhile
 * moves to the main queue, and the rest goes. Of what goes, the hashes are remembered: a value that
 * comes again goes to the main queue at once. There, what was read moves to the end of the queue,
 * once for each time that it was read, up to three times. A put that moved a few whole segments in
 * vain lets half of the next one go, so that it ends.
 *
 * <p>A segment that is full becomes purgeable, all of it in one call. Up to a minimum, the segments
 * that were filled last do not.
 *
 * <p>Thread-safe: one lock guards everything. Readers do not take it. A thread that has it may take
 * that of a stripe of the index.
 */
final class Log<K> {
  /** At least this many segments: two are being filled, and one is free for values that move. */
  static final int LEAST_SEGMENTS = 8;

  private static final int SMALL_SHARE = 10;

  /** So many segments are moved as a whole for one put, if all of their values were read. */
  private static final int TRIES = 4;

  private static final int FIRST_GHOSTS = 1024;

  /**
   * About as long as a put of a large value holds the lock. To sleep and to be woken takes longer.
   */
  private static final int SPINS = Runtime.getRuntime().availableProcessors() > 1 ? 100 : 0;

  final ReentrantLock lock = new ReentrantLock();
  final LongAdder kept = new LongAdder();
  private final Storage storage;
  private final Index<K> index;
  private final int minimumSegments;
  private final int header;

  // None of these grows: a deque whose array cannot grow, because the heap is full, is empty.

  /** A stack of the slots without a segment. */
  private final int[] free;

  private int freeSlots;
  private final Queue<K> small;
  private final Queue<K> main;

  /** Full segments that are not purgeable yet, in the order in which they were filled. */
  private final ArrayDeque<Segment<K>> held;

  /** Hashes of keys that went from the small queue. Each has one place; a later one takes it. */
  private int[] ghosts = new int[FIRST_GHOSTS];

  private long generation;
  private final LongSupplier ticker;
  private boolean evicting;

  /** The segments of one queue. */
  private static final class Queue<K> {
    final ArrayDeque<Segment<K>> full;
    @Nullable Segment<K> active;

    Queue(int slots) {
      full = new ArrayDeque<>(slots);
    }
  }

  /**
   * Takes the number of bytes that are never given back, whether values have a deadline, and the
   * clock for it.
   */
  Log(Storage storage, Index<K> index, long minimumBytes, boolean deadlines, LongSupplier ticker) {
    this.ticker = ticker;
    this.storage = storage;
    this.index = index;
    this.header = deadlines ? Long.BYTES : 0;
    this.minimumSegments =
        (int) ((minimumBytes + storage.segmentBytes() - 1) / storage.segmentBytes());
    int slots = storage.slots();
    this.small = new Queue<>(slots);
    this.main = new Queue<>(slots);
    this.held = new ArrayDeque<>(slots);
    this.free = new int[slots];
    while (freeSlots < slots) {
      release(slots - 1 - freeSlots);
    }
  }

  private void release(int slot) {
    free[freeSlots++] = slot;
  }

  /** Takes the lock, which is held for a short time. */
  void lockForPut() {
    for (int spins = 0; spins < SPINS; spins++) {
      if (lock.tryLock()) {
        return;
      }
      Thread.onSpinWait();
    }
    lock.lock();
  }

  /** Returns the most bytes that a value may have. */
  int longest() {
    return storage.segmentBytes() - header;
  }

  /**
   * Writes a value. The caller puts its node in the index, when the lock is free again. Should its
   * segment be needed before, it is removed first, and the index does not take it.
   */
  Node<K> append(K key, int hash, ByteBuffer value, long deadline, Index.Removals<K> removals) {
    return append(wasSeen(hash) ? main : small, key, hash, value, deadline, removals);
  }

  /** Returns the segments that are full or being filled. */
  List<Segment<K>> segments() {
    List<Segment<K>> all = new ArrayList<>();
    for (Queue<K> queue : List.of(small, main)) {
      all.addAll(queue.full);
      if (queue.active != null) {
        all.add(queue.active);
      }
    }
    return all;
  }

  private Node<K> append(
      Queue<K> queue,
      K key,
      int hash,
      ByteBuffer value,
      long deadline,
      Index.Removals<K> removals) {
    Segment<K> segment = queue.active;
    if (segment == null || !segment.fits(value.remaining())) {
      int slot = takeSlot(removals);
      try {
        segment = begin(queue, slot, value.remaining());
      } finally {
        // It may not be needed, or the heap is full.
        if (queue.active == null || queue.active.slot != slot) {
          release(slot);
        }
      }
    }
    segment.prepare();
    return segment.append(key, hash, value, deadline);
  }

  /** Returns a segment that a value fits in: the active one, or a new one in the free slot. */
  private Segment<K> begin(Queue<K> queue, int slot, int length) {
    Segment<K> segment = queue.active; // values that moved may have begun one
    if (segment != null && segment.fits(length)) {
      return segment;
    }
    Segment<K> next = new Segment<>(storage, slot, ++generation, header);
    if (segment != null) {
      queue.full.add(segment);
      held.add(segment);
    }
    queue.active = next;
    while (held.size() > minimumSegments) {
      held.element().makePurgeable();
      Segment<K> unused = held.remove();
    }
    if (segment != null) {
      segment.trim();
    }
    return next;
  }

  /** Returns a free slot. One more is free for values that move, unless readers hold all. */
  private int takeSlot(Index.Removals<K> removals) {
    for (int tries = 0; freeSlots < 2 && !evicting; tries++) {
      if (!evict(tries < TRIES ? longest() : longest() / 2, removals)) {
        break;
      }
    }
    if (freeSlots == 0) {
      throw new IllegalStateException(
          "all memory of the cache is being read: a reader must not wait for a put");
    }
    return free[--freeSlots];
  }

  /**
   * Frees a segment. At most {@code budget} bytes of it move. Returns false if readers hold all
   * segments.
   */
  private boolean evict(int budget, Index.Removals<K> removals) {
    boolean fromSmall = small.full.size() * SMALL_SHARE >= storage.slots() || main.full.isEmpty();
    Segment<K> segment = retire(fromSmall ? small : main);
    if (segment == null) {
      fromSmall = !fromSmall;
      segment = retire(fromSmall ? small : main);
    }
    if (segment == null) {
      return false;
    }
    boolean unused = held.remove(segment);
    evicting = true;
    try {
      if (ghosts.length < index.size()) {
        ghosts = new int[2 * ghosts.length];
      }
      empty(segment, fromSmall, budget, removals);
    } catch (Throwable e) {
      // The heap may be full. The segment is as it was, but for what has moved.
      (fromSmall ? small : main).full.addFirst(segment);
      throw e;
    } finally {
      evicting = false;
    }
    release(segment.slot);
    return true;
  }

  /** Moves what was read, up to the budget. The rest goes. */
  private void empty(
      Segment<K> segment, boolean fromSmall, int budget, Index.Removals<K> removals) {
    int left = budget;
    for (int i = 0; i < segment.count(); i++) {
      Node<K> node = segment.node(i);
      if (!node.live) {
        continue;
      }
      int bytes = segment.bytes(node);
      if (isExpired(node)) {
        remove(node, RemovalCause.EXPIRED, removals);
      } else if (node.uses > 0
          && bytes <= left
          && hasRoom(node.length)
          && move(node, fromSmall, removals)) {
        left -= bytes;
      } else {
        go(node, fromSmall, removals);
      }
    }
  }

  private boolean isExpired(Node<K> node) {
    return header > 0
        && node.segment.deadline(node) - ticker.getAsLong() <= 0
        && node.segment.isIntact(node);
  }

  /** May a value move? After an exception, or beside readers, there may be no slot for it. */
  private boolean hasRoom(int length) {
    return freeSlots > 0 || (main.active != null && main.active.fits(length));
  }

  /** Takes the oldest segment that nobody holds. */
  private static <K> @Nullable Segment<K> retire(Queue<K> queue) {
    for (Segment<K> segment : queue.full) {
      if (segment.retire()) {
        queue.full.remove(segment);
        return segment;
      }
    }
    return null;
  }

  /** Moves a value to the end of the main queue. Returns false if a byte of it is lost. */
  private boolean move(Node<K> node, boolean fromSmall, Index.Removals<K> removals) {
    long deadline = header > 0 ? node.segment.deadline(node) : 0;
    byte[] bytes = node.segment.read(node);
    if (bytes == null) {
      return false;
    }
    Node<K> moved = append(main, node.key, node.hash, ByteBuffer.wrap(bytes), deadline, removals);
    moved.uses = fromSmall ? 0 : (byte) (node.uses - 1);
    if (index.replace(node, moved)) {
      kept.increment();
    }
    return true;
  }

  private void go(Node<K> node, boolean fromSmall, Index.Removals<K> removals) {
    boolean intact = node.segment.isIntact(node);
    if (fromSmall && intact) {
      ghosts[node.hash & (ghosts.length - 1)] = node.hash;
    }
    remove(node, intact ? RemovalCause.SIZE : RemovalCause.PURGED, removals);
  }

  private void remove(Node<K> node, RemovalCause cause, Index.Removals<K> removals) {
    if (index.remove(node)) {
      removals.removed(node.key, cause);
    }
  }

  private boolean wasSeen(int hash) {
    int place = hash & ghosts.length - 1;
    boolean seen = ghosts[place] == hash && hash != 0;
    if (seen) {
      ghosts[place] = 0;
    }
    return seen;
  }
}
