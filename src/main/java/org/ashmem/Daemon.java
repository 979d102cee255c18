// SPDX-License-Identifier: Apache-2.0
package org.ashmem;

import java.security.AccessController;
import java.security.PrivilegedAction;

/** Makes the threads of this library. They keep nothing of the program that needs them. */
final class Daemon {
  private Daemon() {}

  /**
   * Returns a thread that does not keep the JVM running. It has no context class loader. Before
   * Java 24 a thread also keeps the protection domains, and so the class loaders, of all callers on
   * the stack of its creator, up to a privileged action.
   */
  @SuppressWarnings("removal") // What replaces it does nothing, because there is nothing to do.
  static Thread of(Runnable work, String name) {
    PrivilegedAction<Thread> action = () -> new Thread(null, work, name, 0, false);
    Thread thread = AccessController.doPrivileged(action);
    thread.setContextClassLoader(null);
    thread.setDaemon(true);
    return thread;
  }
}
