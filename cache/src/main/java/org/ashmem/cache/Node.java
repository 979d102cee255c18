// SPDX-License-Identifier: Apache-2.0
package org.ashmem.cache;

import org.jspecify.annotations.Nullable;

/**
 * An entry: where the value of a key lies. A new value is a new node. This object and its place in
 * {@link Index} and {@link Segment} are all that an entry takes of the heap, beside its key.
 */
final class Node<K> {
  /** How often a value is read at most that makes a difference. */
  static final byte MOST_USES = 3;

  final K key;
  final int hash;
  final Segment<K> segment;

  /** Where the value, or its deadline, begins in the segment: bytes, a multiple of 8. */
  final int position;

  /** Bytes of the value. */
  final int length;

  /** How often the value was read lately. Written without a lock: a lost count costs little. */
  byte uses;

  /**
   * Whether the index has it, or may get it. Written under the lock of the index's stripe. A read
   * without that lock may be out of date.
   */
  boolean live = true;

  /** The next node of the same bucket. The lock of the index's stripe protects it. */
  @Nullable Node<K> next;

  Node(K key, int hash, Segment<K> segment, int position, int length) {
    this.key = key;
    this.hash = hash;
    this.segment = segment;
    this.position = position;
    this.length = length;
  }

  void use() {
    if (uses < MOST_USES) {
      uses++;
    }
  }
}
