// SPDX-License-Identifier: Apache-2.0
package org.ashmem.cache.infinispan;

import java.io.IOException;
import org.infinispan.server.Bootstrap;

/** An Infinispan server that ends when the process that started it does. */
final class ServerMain {
  private ServerMain() {}

  /**
   * Runs the server.
   *
   * @param arguments those of the server
   */
  public static void main(String[] arguments) {
    Thread watch = new Thread(ServerMain::awaitEnd, "end of the starter");
    watch.setDaemon(true);
    watch.start();
    try {
      Bootstrap.main(arguments);
    } finally {
      // After an error its threads would go on.
      Runtime.getRuntime().halt(1);
    }
  }

  private static void awaitEnd() {
    try {
      byte[] unused = System.in.readAllBytes();
    } catch (IOException e) {
      // As if it had ended.
    }
    Runtime.getRuntime().halt(1);
  }
}
