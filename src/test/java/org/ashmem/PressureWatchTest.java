// SPDX-License-Identifier: Apache-2.0
package org.ashmem;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.ref.WeakReference;
import java.lang.reflect.Method;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.apache.commons.lang3.Validate;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The life of the watch. An ordinary file accepts the trigger, and never reports pressure. */
class PressureWatchTest {
  private Path file;

  @BeforeEach
  void createFile(@TempDir Path directory) throws Exception {
    file = Files.createFile(directory.resolve("memory.pressure"));
  }

  @Test
  void endsWithTheLastRegionAndStartsAgain() throws Exception {
    for (int round = 0; round < 2; round++) {
      AshmemRegion one = region();
      try (AshmemRegion two = region()) {
        one.unpin();
        two.unpin();
        PressureWatch.start(List.of(file));
        PressureWatch.start(List.of(file));
        assertEquals(1, threads().size());
        one.close();
        assertTrue(Purge.hasRegions());
      }
      Await.until(() -> threads().isEmpty());
    }
  }

  @Test
  void regionThatWasNeverUnpinnedNeedsNoWatch() {
    try (AshmemRegion region = region()) {
      assertFalse(Purge.hasRegions());
      region.unpin();
      assertTrue(Purge.hasRegions());
    }
    assertFalse(Purge.hasRegions());
  }

  /** A server that deploys an application again drops its class loader. */
  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void keepsNoClassLoader(boolean closed) throws Exception {
    WeakReference<ClassLoader> loader = deploy(closed);
    Await.collection(() -> loader.get() == null);
    assertTrue(threads().isEmpty());
  }

  /** Uses the library in a class loader of its own. */
  private WeakReference<ClassLoader> deploy(boolean closed) throws Exception {
    URL[] classes = {
      location(AshmemRegion.class), location(Application.class), location(Validate.class)
    };
    ClassLoader platform = ClassLoader.getPlatformClassLoader();
    try (URLClassLoader loader = new URLClassLoader(classes, platform)) {
      Method use = loader.loadClass(Application.class.getName()).getMethod("use", Path.class);
      Object region = use.invoke(null, file);
      assertFalse(threads().isEmpty());
      if (closed) {
        ((AutoCloseable) region).close();
      }
      return new WeakReference<>(loader);
    }
  }

  private static URL location(Class<?> of) {
    return of.getProtectionDomain().getCodeSource().getLocation();
  }

  /** Runs in the other class loader. */
  public static final class Application {
    private Application() {}

    public static AutoCloseable use(Path file) {
      AshmemRegion region = region();
      region.unpin();
      PressureWatch.start(List.of(file));
      return region;
    }
  }

  private static AshmemRegion region() {
    return AshmemRegion.builder().name("watched").size(1).backend(Backend.MEMFD).create();
  }

  private static List<Thread> threads() {
    return Threads.named("ashmem-pressure");
  }
}
