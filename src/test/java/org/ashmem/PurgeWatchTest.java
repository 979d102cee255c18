// SPDX-License-Identifier: Apache-2.0
package org.ashmem;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.lang.ref.WeakReference;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A watch of purges in an application that a server deploys again. */
class PurgeWatchTest {
  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void keepsNoClassLoader(boolean closed) throws Exception {
    WeakReference<ClassLoader> loader = deploy(closed);
    Await.collection(() -> loader.get() == null);
    assertEquals(0, Threads.named("ashmem-purges").size());
  }

  /** Uses the library in a class loader of its own. */
  private static WeakReference<ClassLoader> deploy(boolean closed) throws Exception {
    try (Deployed deployed = new Deployed(Application.class)) {
      Object region = deployed.call("use");
      assertEquals(1, Threads.named("ashmem-purges").size());
      if (closed) {
        ((AutoCloseable) region).close();
      }
      return new WeakReference<>(deployed.loader());
    }
  }

  /** Runs in the other class loader. */
  public static final class Application {
    private static int purges;

    private Application() {}

    public static AutoCloseable use() {
      AshmemRegion region =
          AshmemRegion.builder().name("watched").size(1).backend(Backend.MEMFD).create();
      PurgeWatch unused = region.onPurge(() -> purges++);
      region.unpin();
      return region;
    }
  }
}
