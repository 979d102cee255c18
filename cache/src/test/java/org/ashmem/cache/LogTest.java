// SPDX-License-Identifier: Apache-2.0
package org.ashmem.cache;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.ashmem.Backend;
import org.junit.jupiter.api.Test;

/** What the log keeps of nodes that the index has no more, and the locks of its segments. */
class LogTest {
  private static final int SEGMENT = 1 << 18;

  /** A segment has one of these. */
  private static final int LENGTH = 200_000;

  private final Index<Integer> index = new Index<>();
  private Node<Integer> going;

  private final List<String> removals = new ArrayList<>();

  private Node<Integer> append(Log<Integer> log, int key) {
    log.lock.lock();
    try {
      return log.append(
          key,
          Index.hash(key),
          ByteBuffer.allocate(LENGTH),
          Long.MAX_VALUE,
          (removed, cause) -> removals.add(removed + " " + cause));
    } finally {
      log.lock.unlock();
    }
  }

  private void insert(Node<Integer> node, boolean may) {
    index.put(node, () -> may, (removed, cause) -> removals.add(removed + " " + cause));
  }

  private void put(Log<Integer> log, int key) {
    insert(append(log, key), true);
  }

  /** Puts others until the segment of a node was needed. */
  private void use(Log<Integer> log, Node<Integer> node) {
    for (int key = 1; node.live; key++) {
      put(log, key);
    }
  }

  /** Returns the removals of key 0. */
  private List<String> removals() {
    return removals.stream().filter(removal -> removal.startsWith("0 ")).toList();
  }

  /** The log looks at the clock right before it moves a value. */
  private long clock() {
    if (going != null && index.find(going.key, going.hash) == going) {
      boolean unused = index.remove(going);
    }
    return 0;
  }

  @Test
  void valueWhoseSegmentIsNeededBeforeItIsInTheIndexOnlyEndsTheEarlierOne() {
    try (Storage storage = new RegionStorage(Backend.MEMFD, SEGMENT, Log.LEAST_SEGMENTS)) {
      Log<Integer> log = new Log<>(storage, index, 0, true, this::clock);
      Node<Integer> late = append(log, 0);
      use(log, late);
      put(log, 0);
      assertEquals(List.of(), removals());
      Node<Integer> earlier = index.find(0, Index.hash(0));
      insert(late, false);
      assertSame(earlier, index.find(0, Index.hash(0)));
      assertEquals(List.of(), removals());
      long others = index.size() - 1;
      insert(late, true);
      assertNull(index.find(0, Index.hash(0)));
      assertFalse(earlier.live);
      assertEquals(List.of("0 REPLACED", "0 SIZE"), removals());
      assertEquals(others, index.size());
      assertEquals(others * LENGTH, index.bytes());
    }
  }

  @Test
  void valueThatCouldNotGetIntoTheIndexIsNotToldAsRemoved() {
    try (Storage storage = new RegionStorage(Backend.MEMFD, SEGMENT, Log.LEAST_SEGMENTS)) {
      Log<Integer> log = new Log<>(storage, index, 0, true, this::clock);
      Node<Integer> node = append(log, 0);
      assertThrows(
          OutOfMemoryError.class,
          () ->
              index.put(
                  node,
                  () -> {
                    throw new OutOfMemoryError("thrown by a test");
                  },
                  (removed, cause) -> {}));
      use(log, node);
      assertEquals(List.of(), removals());
    }
  }

  @Test
  void valueThatCouldNotBeWrittenLeavesNoNode() {
    try (Storage storage = new RegionStorage(Backend.MEMFD, SEGMENT, 1)) {
      Segment<Integer> segment = new Segment<>(storage, 0, 1, 0);
      segment.prepare();
      ByteBuffer tooLong = ByteBuffer.allocate(2 * SEGMENT);
      assertThrows(IndexOutOfBoundsException.class, () -> segment.append(0, 0, tooLong, 0));
      assertEquals(0, segment.count());
    }
  }

  @Test
  void clearedIndexTakesNothing() {
    try (Storage storage = new RegionStorage(Backend.MEMFD, SEGMENT, Log.LEAST_SEGMENTS)) {
      Log<Integer> log = new Log<>(storage, index, 0, true, this::clock);
      Node<Integer> late = append(log, 0);
      index.clear();
      insert(late, true);
      assertNull(index.find(0, Index.hash(0)));
      assertEquals(0, index.size());
      assertFalse(late.live);
    }
  }

  @Test
  void valueThatAReaderRemovesWhileItMovesIsForgotten() {
    try (Storage storage = new RegionStorage(Backend.MEMFD, SEGMENT, Log.LEAST_SEGMENTS)) {
      Log<Integer> log = new Log<>(storage, index, 0, true, this::clock);
      put(log, 0);
      going = index.find(0, Index.hash(0));
      going.use();
      for (int key = 1; key < Log.LEAST_SEGMENTS + 1; key++) {
        put(log, key);
      }
      assertSame(null, index.find(0, Index.hash(0)));
      for (Segment<Integer> segment : log.segments()) {
        for (int i = 0; i < segment.count(); i++) {
          Node<Integer> node = segment.node(i);
          assertTrue(
              !node.live || index.find(node.key, node.hash) == node,
              "the log takes key " + node.key + " for one that is there");
        }
      }
    }
  }

  /** The kernel takes nothing of a segment that is being filled, so its order does not matter. */
  @Test
  void readOfASegmentThatIsFilledTakesNoLock() throws Exception {
    try (Storage storage = new RegionStorage(Backend.MEMFD, SEGMENT, Log.LEAST_SEGMENTS)) {
      Log<Integer> log = new Log<>(storage, index, 0, true, this::clock);
      int last = Log.LEAST_SEGMENTS - 2;
      for (int key = 0; key <= last; key++) {
        put(log, key);
      }
      Node<Integer> node = index.find(last, Index.hash(last));
      synchronized (node.segment) {
        CompletableFuture.runAsync(() -> node.segment.renew(node)).get(1, TimeUnit.MINUTES);
      }
    }
  }
}
