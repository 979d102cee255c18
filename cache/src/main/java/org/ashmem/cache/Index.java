// SPDX-License-Identifier: Apache-2.0
package org.ashmem.cache;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.locks.StampedLock;
import java.util.function.BooleanSupplier;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;

/**
 * The hash table of a cache. A ConcurrentHashMap would need a second object for each entry: more
 * heap than all else that an entry has.
 *
 * <p>Thread-safe. Keys are compared while a lock is held for writing, or none.
 */
final class Index<K> {
  /** Is told of entries that are removed. Called with a lock held: it only keeps them. */
  interface Removals<K> {
    void removed(K key, RemovalCause cause);
  }

  private static final int STRIPES = 64;
  private static final int FIRST_BUCKETS = 16;

  private final List<Stripe<K>> stripes = new ArrayList<>(STRIPES);

  Index() {
    for (int i = 0; i < STRIPES; i++) {
      stripes.add(new Stripe<>());
    }
  }

  /** Returns the hash of a key. Its highest bits choose the stripe, the lowest the bucket. */
  static int hash(Object key) {
    int hash = key.hashCode() * 0x9E3779B9;
    return hash ^ hash >>> 15;
  }

  private Stripe<K> stripe(int hash) {
    return stripes.get(hash >>> 26);
  }

  /** Returns the node of a key, or null. */
  @Nullable Node<K> find(Object key, int hash) {
    return stripe(hash).find(key, hash);
  }

  /**
   * Adds a node, if {@code may} says so under the lock of the key. The node that it replaces is
   * told as a removal. So is this one, if its segment was needed before it came here: it only ends
   * the earlier one.
   */
  void put(Node<K> node, BooleanSupplier may, Removals<K> removals) {
    stripe(node.hash).put(node, may, removals);
  }

  /**
   * Removes the node of a key, if {@code may} says so under the lock of the key. Returns it, or
   * null if there is none.
   */
  @Nullable Node<K> remove(Object key, int hash, BooleanSupplier may) {
    return stripe(hash).remove(key, hash, may);
  }

  /** Removes this node, or keeps it out. Returns false if it is not there. */
  boolean remove(Node<K> node) {
    return stripe(node.hash).remove(node);
  }

  /** Puts a node in the place of another one. Returns false if that is gone. */
  boolean replace(Node<K> node, Node<K> by) {
    return stripe(node.hash).replace(node, by);
  }

  /** Returns the number of nodes. */
  long size() {
    return stripes.stream().mapToLong(stripe -> stripe.read(() -> stripe.size)).sum();
  }

  /** Returns the number of bytes of all values. */
  long bytes() {
    return stripes.stream().mapToLong(stripe -> stripe.read(() -> stripe.bytes)).sum();
  }

  /**
   * Removes all nodes, for good: none is put any more. If it throws, because it had to wait while
   * the heap was full, it may be called again.
   */
  void clear() {
    stripes.forEach(Stripe::clear);
  }

  int stripes() {
    return STRIPES;
  }

  /** Returns the nodes of one stripe. */
  List<Node<K>> nodes(int stripe) {
    return stripes.get(stripe).nodes();
  }

  /** A part of the table, with a lock of its own. */
  private static final class Stripe<K> {
    private static final @Nullable Node<?>[] NONE = new Node<?>[1];

    private final StampedLock lock = new StampedLock();
    private @Nullable Node<K>[] buckets = newBuckets(FIRST_BUCKETS);

    /** The lock protects both. They are no volatile fields: a put would wait for each of them. */
    private int size;

    private long bytes;

    @SuppressWarnings("unchecked") // nothing but such nodes is stored
    private static <K> @Nullable Node<K>[] newBuckets(int count) {
      return (Node<K>[]) new Node<?>[count];
    }

    @Nullable Node<K> find(Object key, int hash) {
      long stamp = lock.tryOptimisticRead();
      if (stamp != 0) {
        Node<K> node = search(key, hash);
        if (lock.validate(stamp)) {
          return node;
        }
      }
      stamp = lock.readLock();
      try {
        return search(key, hash);
      } finally {
        lock.unlockRead(stamp);
      }
    }

    /**
     * Without a lock this may miss a node, but it ends: at no time is there a circle of nodes, and
     * one that was removed leads to none.
     */
    private @Nullable Node<K> search(Object key, int hash) {
      @Nullable Node<K>[] table = buckets;
      Node<K> node = table[hash & table.length - 1];
      while (node != null && !(node.hash == hash && node.key.equals(key))) {
        node = node.next;
      }
      return node;
    }

    void put(Node<K> node, BooleanSupplier may, Removals<K> removals) {
      long stamp = lock.writeLock();
      try {
        if (buckets == NONE || !may.getAsBoolean()) {
          node.live = false;
          return;
        }
        Node<K> old = search(node.key, node.hash);
        if (old != null) {
          exchange(old, node.live ? node : null);
          removals.removed(node.key, RemovalCause.REPLACED);
        }
        if (!node.live) {
          removals.removed(node.key, RemovalCause.SIZE);
        }
        if (old != null || !node.live) {
          return;
        }
        if (size >= buckets.length) {
          grow();
        }
        int bucket = node.hash & buckets.length - 1;
        node.next = buckets[bucket];
        buckets[bucket] = node;
        count(1, node.length);
      } finally {
        lock.unlockWrite(stamp);
      }
    }

    @Nullable Node<K> remove(Object key, int hash, BooleanSupplier may) {
      long stamp = lock.writeLock();
      try {
        Node<K> node = may.getAsBoolean() ? search(key, hash) : null;
        if (node != null) {
          exchange(node, null);
        }
        return node;
      } finally {
        lock.unlockWrite(stamp);
      }
    }

    boolean remove(Node<K> node) {
      long stamp = lock.writeLock();
      try {
        boolean there = node.live && search(node.key, node.hash) == node;
        if (there) {
          exchange(node, null);
        }
        node.live = false;
        return there;
      } finally {
        lock.unlockWrite(stamp);
      }
    }

    boolean replace(Node<K> node, Node<K> by) {
      long stamp = lock.writeLock();
      try {
        if (search(node.key, node.hash) != node) {
          by.live = false;
          return false;
        }
        exchange(node, by);
        return true;
      } finally {
        lock.unlockWrite(stamp);
      }
    }

    long read(LongSupplier field) {
      long stamp = lock.readLock();
      try {
        return field.getAsLong();
      } finally {
        lock.unlockRead(stamp);
      }
    }

    List<Node<K>> nodes() {
      long stamp = lock.readLock();
      try {
        List<Node<K>> nodes = new ArrayList<>(size);
        for (Node<K> first : buckets) {
          for (Node<K> node = first; node != null; node = node.next) {
            nodes.add(node);
          }
        }
        return nodes;
      } finally {
        lock.unlockRead(stamp);
      }
    }

    @SuppressWarnings("unchecked") // it has no node
    void clear() {
      long stamp = lock.writeLock();
      try {
        buckets = (Node<K>[]) NONE;
        size = 0;
        bytes = 0;
      } finally {
        lock.unlockWrite(stamp);
      }
    }

    /** Puts a node of the same key, or none, in the place of one that is there. */
    private void exchange(Node<K> node, @Nullable Node<K> by) {
      int bucket = node.hash & buckets.length - 1;
      Node<K> rest = node.next;
      if (by != null) {
        by.next = rest;
        rest = by;
      }
      Node<K> before = buckets[bucket];
      if (before == node) {
        buckets[bucket] = rest;
      } else {
        while (before != null && before.next != node) {
          before = before.next;
        }
        if (before != null) {
          before.next = rest;
        }
      }
      // Else nodes that are gone would keep each other, and their segments, reachable.
      node.next = null;
      node.live = false;
      count(by == null ? -1 : 0, (by == null ? 0 : by.length) - node.length);
    }

    private void count(int nodes, int length) {
      size += nodes;
      bytes += length;
    }

    private void grow() {
      @Nullable Node<K>[] larger = newBuckets(2 * buckets.length);
      for (Node<K> first : buckets) {
        Node<K> node = first;
        while (node != null) {
          Node<K> next = node.next;
          int bucket = node.hash & larger.length - 1;
          node.next = larger[bucket];
          larger[bucket] = node;
          node = next;
        }
      }
      buckets = larger;
    }
  }
}
