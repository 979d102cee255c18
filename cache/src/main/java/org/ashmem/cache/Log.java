// SPDX-License-Identifier: Apache-2.0
package org.ashmem.cache;

import java.nio.ByteBuffer;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.LongAdder;
import java.util.concurrent.locks.ReentrantLock;
import org.ashmem.AshmemException;
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
 * <p>Thread-safe: one lock guards everything. Readers do not take it.
 */
final class Log<K> {
  /** At least this many segments: two are being filled, and one is free for values that move. */
  static final int LEAST_SEGMENTS = 8;

  private static final int SMALL_SHARE = 10;

  /** So many segments are moved as a whole for one put, if all of their values were read. */
  private static final int TRIES = 4;

  private static final int FIRST_GHOSTS = 1024;

  /** Is told of entries that the log removes. */
  interface Removals<K> {
    void removed(K key, RemovalCause cause);
  }

  final ReentrantLock lock = new ReentrantLock();
  final LongAdder kept = new LongAdder();
  private final Storage storage;
  private final Index<K> index;
  private final int minimumSegments;
  private final int header;
  private final ArrayDeque<Integer> free = new ArrayDeque<>();
  private final Queue<K> small = new Queue<>();
  private final Queue<K> main = new Queue<>();

  /** Full segments that are not purgeable yet, in the order in which they were filled. */
  private final ArrayDeque<Segment<K>> held = new ArrayDeque<>();

  /** Hashes of keys that went from the small queue. Each has one place; a later one takes it. */
  private int[] ghosts = new int[FIRST_GHOSTS];

  private long generation;
  private boolean evicting;
  private boolean warned;

  /** The segments of one queue. */
  private static final class Queue<K> {
    final ArrayDeque<Segment<K>> full = new ArrayDeque<>();
    @Nullable Segment<K> active;
  }

  /** Takes the number of bytes that are never given back, and whether values have a deadline. */
  Log(Storage storage, Index<K> index, long minimumBytes, boolean deadlines) {
    this.storage = storage;
    this.index = index;
    this.header = deadlines ? Long.BYTES : 0;
    this.minimumSegments =
        (int) ((minimumBytes + storage.segmentBytes() - 1) / storage.segmentBytes());
    for (int slot = 0; slot < storage.slots(); slot++) {
      free.add(slot);
    }
  }

  /** Returns the most bytes that a value may have. */
  int longest() {
    return Segment.capacity(storage.segmentBytes(), storage.pageBytes()) - header;
  }

  /** Writes a value, and makes it that of its key. Returns the node that it replaces, or null. */
  @Nullable Node<K> put(K key, int hash, ByteBuffer value, long deadline, Removals<K> removals) {
    return index.put(append(wasSeen(hash) ? main : small, key, hash, value, deadline, removals));
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
      Queue<K> queue, K key, int hash, ByteBuffer value, long deadline, Removals<K> removals) {
    Segment<K> segment = queue.active;
    if (segment == null || !segment.fits(value.remaining())) {
      int slot = takeSlot(removals);
      segment = queue.active; // what moved may have begun one
      if (segment == null || !segment.fits(value.remaining())) {
        if (segment != null) {
          fill(queue, segment);
        }
        segment = new Segment<>(storage, slot, ++generation, header);
        queue.active = segment;
      } else {
        free.add(slot);
      }
    }
    return segment.append(key, hash, value, deadline);
  }

  private void fill(Queue<K> queue, Segment<K> segment) {
    queue.active = null;
    queue.full.add(segment);
    segment.trim();
    held.add(segment);
    while (held.size() > minimumSegments) {
      makePurgeable(held.remove());
    }
  }

  private void makePurgeable(Segment<K> segment) {
    try {
      segment.makePurgeable();
    } catch (AshmemException e) {
      // The values are there all the same. Only the memory does not give way.
      if (!warned) {
        warned = true;
        System.getLogger("org.ashmem.cache")
            .log(System.Logger.Level.WARNING, "memory of a cache does not give way", e);
      }
    }
  }

  /** Returns a free slot. One more is always free for values that move. */
  private int takeSlot(Removals<K> removals) {
    for (int tries = 0; free.size() < 2 && !evicting; tries++) {
      if (!evict(tries < TRIES ? longest() : longest() / 2, removals)) {
        break;
      }
    }
    Integer slot = free.poll();
    if (slot == null) {
      throw new IllegalStateException(
          "all memory of the cache is being read: a reader must not wait for a put");
    }
    return slot;
  }

  /**
   * Frees a segment. At most {@code budget} bytes of it move. Returns false if readers hold all
   * segments.
   */
  private boolean evict(int budget, Removals<K> removals) {
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
      empty(segment, fromSmall, budget, removals);
    } catch (Throwable e) {
      // The heap may be full. The segment is as it was, but for what has moved.
      (fromSmall ? small : main).full.addFirst(segment);
      throw e;
    } finally {
      evicting = false;
    }
    free.add(segment.slot);
    return true;
  }

  /** Moves what was read, up to the budget. The rest goes. */
  private void empty(Segment<K> segment, boolean fromSmall, int budget, Removals<K> removals) {
    int left = budget;
    for (int i = 0; i < segment.count(); i++) {
      Node<K> node = segment.node(i);
      if (!index.has(node)) {
        continue;
      }
      if (node.uses > 0 && node.length <= left && move(node, fromSmall, removals)) {
        left -= node.length;
      } else {
        go(node, fromSmall, removals);
      }
    }
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
  private boolean move(Node<K> node, boolean fromSmall, Removals<K> removals) {
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

  private void go(Node<K> node, boolean fromSmall, Removals<K> removals) {
    boolean intact = node.segment.isIntact(node);
    if (fromSmall && intact) {
      remember(node.hash);
    }
    if (index.remove(node)) {
      removals.removed(node.key, intact ? RemovalCause.SIZE : RemovalCause.PURGED);
    }
  }

  private void remember(int hash) {
    if (ghosts.length < index.size()) {
      ghosts = new int[2 * ghosts.length];
    }
    ghosts[hash & ghosts.length - 1] = hash;
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
