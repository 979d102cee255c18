// SPDX-License-Identifier: Apache-2.0
package org.ashmem;

import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.ref.WeakReference;
import java.util.concurrent.CountDownLatch;
import java.util.function.Supplier;
import org.junit.jupiter.api.Test;

class DaemonTest {
  private final CountDownLatch over = new CountDownLatch(1);

  /** Its class loader is on the stack when the thread is made. */
  public static final class Application {
    private Application() {}

    public static Object call(Supplier<?> maker) {
      return maker.get();
    }
  }

  @Test
  void keepsNoClassLoaderOfItsMaker() throws Exception {
    Thread[] made = new Thread[1];
    WeakReference<ClassLoader> loader = make(made);
    Thread thread = made[0];
    thread.start();
    Await.collection(() -> loader.get() == null);
    assertTrue(thread.isDaemon() && thread.isAlive());
    assertNull(thread.getContextClassLoader());
    over.countDown();
    thread.join();
  }

  private WeakReference<ClassLoader> make(Thread[] made) throws Exception {
    Supplier<Thread> maker = () -> Daemon.of(this::await, "ashmem-test");
    try (Deployed deployed = new Deployed(Application.class)) {
      made[0] = (Thread) deployed.call("call", maker);
      return new WeakReference<>(deployed.loader());
    }
  }

  private void await() {
    try {
      over.await();
    } catch (InterruptedException e) {
      throw new AssertionError(e);
    }
  }
}
