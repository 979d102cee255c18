// SPDX-License-Identifier: Apache-2.0
package org.ashmem.cache;

import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.ByteBuffer;
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

  private void put(Log<Integer> log, int key) {
    log.lock.lock();
    try {
      var unused =
          log.put(
              key,
              Index.hash(key),
              ByteBuffer.allocate(LENGTH),
              Long.MAX_VALUE,
              (removed, cause) -> {});
    } finally {
      log.lock.unlock();
    }
  }

  /** The log looks at the clock right before it moves a value. */
  private long clock() {
    if (going != null && index.find(going.key, going.hash) == going) {
      boolean unused = index.remove(going);
    }
    return 0;
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
              !node.indexed || index.find(node.key, node.hash) == node,
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
