// SPDX-License-Identifier: Apache-2.0
package org.ashmem.cache.jcache;

import java.util.BitSet;
import java.util.Collection;
import java.util.concurrent.locks.ReentrantLock;

/**
 * A lock for each key of a cache; keys share them. A thread that holds some cannot take more: two
 * threads that did so might wait for each other for ever. Thread-safe.
 */
final class KeyLocks {
  private static final int COUNT = 128;

  private final ReentrantLock[] locks = new ReentrantLock[COUNT];

  @SuppressWarnings("ThreadLocalUsage") // a thread may use several caches
  private final ThreadLocal<Held> held = new ThreadLocal<>();

  /** What a thread holds. Closing it releases the locks. */
  final class Held implements AutoCloseable {
    private final BitSet indexes;

    private Held(BitSet indexes) {
      this.indexes = indexes;
    }

    @Override
    public void close() {
      held.remove();
      indexes.stream().forEach(index -> locks[index].unlock());
    }
  }

  KeyLocks() {
    for (int i = 0; i < COUNT; i++) {
      locks[i] = new ReentrantLock();
    }
  }

  /**
   * Takes the lock of a key.
   *
   * @throws IllegalStateException if this thread holds any
   */
  Held hold(Object key) {
    BitSet indexes = new BitSet(COUNT);
    indexes.set(index(key));
    return hold(indexes);
  }

  /** Takes the locks of many keys, as {@link #hold} does. */
  Held holdAll(Collection<?> keys) {
    BitSet indexes = new BitSet(COUNT);
    keys.forEach(key -> indexes.set(index(key)));
    return hold(indexes);
  }

  /** Takes all locks, as {@link #hold} does. */
  Held holdAll() {
    BitSet indexes = new BitSet(COUNT);
    indexes.set(0, COUNT);
    return hold(indexes);
  }

  /** In the order of their indexes, so that no two threads wait for each other. */
  private Held hold(BitSet indexes) {
    if (held.get() != null) {
      throw new IllegalStateException(
          "a loader, writer, entry processor, listener or expiry policy uses its own cache");
    }
    Held taken = new Held(indexes);
    held.set(taken);
    indexes.stream().forEach(index -> locks[index].lock());
    return taken;
  }

  private static int index(Object key) {
    int hash = key.hashCode() * 0x9E3779B9;
    return hash >>> 25;
  }
}
