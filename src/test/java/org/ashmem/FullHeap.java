// SPDX-License-Identifier: Apache-2.0
package org.ashmem;

import java.util.ArrayList;
import java.util.List;

/**
 * Makes each allocation of an action fail in turn. The action runs again and again. Each time the
 * Java heap has a few bytes more, up to enough. Only for a child JVM that has {@link #OPTIONS}.
 */
final class FullHeap {
  /** A heap that is filled soon, and whose threads share it to the last byte. */
  static final List<String> OPTIONS =
      List.of(
          "-Xmx12m",
          "-XX:-UseTLAB",
          "-Xint",
          "-D" + PressureWatch.PROPERTY + "=false",
          "-D" + Backend.PROPERTY + "=" + Backend.configured());

  /** More than {@link Step#check} needs. The free heap need not be in one piece. */
  private static final int RESERVE = 512;

  private static final int PAGE = 4096;

  /** How often in a row the action has to succeed. */
  private static final int ENOUGH = 4;

  /** The smallest object. */
  private static final class Node {
    final Node next;

    Node(Node next) {
      this.next = next;
    }
  }

  /** What to do with little heap, and what must hold afterwards, with some more. */
  abstract static class Step {
    abstract void act() throws Exception;

    abstract void check(boolean complete) throws Exception;
  }

  private static final List<byte[]> CHUNKS = new ArrayList<>(1 << 10);

  private static byte[][] reserve;

  private static Node nodes;

  private FullHeap() {}

  /** Runs the step until it needs no more heap. */
  static void run(Step step) throws Exception {
    try {
      step.act();
    } catch (OutOfMemoryError e) {
      // Of a step that only wants to be repeated.
    }
    step.check(false);
    int complete = 0;
    for (int free = 0; complete < ENOUGH; free++) {
      fill(free);
      try {
        step.act();
        complete++;
      } catch (OutOfMemoryError e) {
        complete = 0;
      }
      reserve = null;
      reserve = null;
      step.check(complete > 0);
    }
  }

  /** Fills the heap, but for the reserve and so many of the smallest objects. */
  private static void fill(int free) {
    CHUNKS.clear();
    nodes = new Node(null);
    for (int i = 0; i < free; i++) {
      nodes = new Node(nodes);
    }
    reserve = new byte[RESERVE][];
    for (int i = 0; i < RESERVE; i++) {
      reserve[i] = new byte[PAGE];
    }
    for (int size = 1 << 18; size >= 1 << 9; size /= 8) {
      try {
        while (true) {
          CHUNKS.add(new byte[size]);
        }
      } catch (OutOfMemoryError e) {
        // Then smaller ones.
      }
    }
    try {
      while (true) {
        nodes = new Node(nodes);
      }
    } catch (OutOfMemoryError e) {
      // The heap is full.
    }
    for (int i = 0; i < free; i++) {
      nodes = nodes.next;
    }
  }
}
