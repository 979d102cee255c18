// SPDX-License-Identifier: Apache-2.0
package org.ashmem;

import java.util.List;

/** The threads of this process. */
final class Threads {
  private Threads() {}

  static List<Thread> named(String name) {
    return Thread.getAllStackTraces().keySet().stream()
        .filter(thread -> thread.getName().equals(name))
        .toList();
  }
}
