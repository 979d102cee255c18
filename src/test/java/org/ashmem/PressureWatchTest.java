// SPDX-License-Identifier: Apache-2.0
package org.ashmem;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.management.ManagementFactory;
import java.lang.management.ThreadInfo;
import java.lang.ref.WeakReference;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The life of the watch. An ordinary file accepts the trigger, and never reports pressure. */
@ExtendWith(WatchedByDefault.class)
class PressureWatchTest {
  private static final long MIB = 1 << 20;

  @TempDir Path directory;

  private Path file;

  @BeforeEach
  void createFile() throws Exception {
    file = Files.createFile(directory.resolve("memory.pressure"));
    Await.until(() -> threads().isEmpty());
  }

  /** A watch of the limits here must not purge the regions of the next test. */
  @AfterEach
  void awaitTheEnd() throws Exception {
    Await.until(() -> threads().isEmpty());
  }

  @Test
  void endsWithTheLastRegionAndStartsAgain() throws Exception {
    for (int round = 0; round < 2; round++) {
      AshmemRegion one = region();
      try (AshmemRegion two = region()) {
        assertTrue(threads().isEmpty());
        one.unpin();
        two.unpin();
        assertEquals(1, threads().size());
        one.close();
        assertTrue(Purge.hasRegions());
      }
      Await.until(() -> threads().isEmpty());
    }
  }

  @Test
  void endsWithAllItsFiles() throws Exception {
    System.setProperty(PressureWatch.PROPERTY, "False");
    Path usage = directory.resolve("memory.current");
    try (AshmemRegion region = region()) {
      region.unpin();
      assertTrue(threads().isEmpty());
      for (int i = 0; i < 2; i++) {
        PressureWatch.start(List.of(limit(0)), List.of(file));
        assertEquals(1, threads().size());
        assertEquals(1, OpenFile.count(usage));
        assertEquals(1, OpenFile.count(file));
      }
    }
    Await.until(() -> threads().isEmpty());
    assertEquals(0, OpenFile.count(usage));
    assertEquals(0, OpenFile.count(file));
  }

  /** The files of the test show no effect of a purge, so that all is purged. */
  @Test
  void purgesWhenLittleIsLeft() throws Exception {
    System.setProperty(PressureWatch.PROPERTY, "false");
    try (AshmemRegion region = region();
        Mapping mapping = region.map()) {
      mapping.buffer().put(0, (byte) 1);
      region.unpin();
      PressureWatch.start(List.of(limit(50 * MIB)), List.of());
      assertEquals(1, mapping.buffer().get(0));
      use(151 * MIB);
      Await.until(() -> mapping.buffer().get(0) == 0);
      assertEquals(PinResult.WAS_PURGED, region.pin());
    }
  }

  /** The new region is not filled before there is room for it. */
  @Test
  void makesRoomForNewRegions() throws Exception {
    System.setProperty(PressureWatch.PROPERTY, "false");
    try (AshmemRegion region = region();
        Mapping mapping = region.map()) {
      mapping.buffer().put(0, (byte) 1);
      region.unpin();
      PressureWatch.start(List.of(limit(141 * MIB)), List.of());
      // Beside the margin there is room for 9 MiB.
      while (mapping.buffer().get(0) == 1) {
        region(8 * MIB).close();
        assertEquals(1, mapping.buffer().get(0));
        region(10 * MIB).close();
      }
      assertEquals(PinResult.WAS_PURGED, region.pin());
    }
  }

  /** What was created while the watch looked must count, however long the look took. */
  @Test
  void makesRoomAfterALookThatTookLong() throws Exception {
    System.setProperty(PressureWatch.PROPERTY, "false");
    try (AshmemRegion region = region();
        Mapping mapping = region.map();
        MemoryLimit first = limit(100 * MIB);
        MemoryLimit second = MemoryLimit.ofMachine(Path.of("/proc"))) {
      mapping.buffer().put(0, (byte) 1);
      region.unpin();
      synchronized (second) {
        PressureWatch.start(List.of(first, second), List.of());
        // The watch has seen 60 MiB below the first limit.
        Await.until(() -> waitsFor(second));
        synchronized (first) {
          region(32 * MIB).close();
          use(141 * MIB);
          while (!waitsFor(first)) {
            // The watch ends this look, and begins the next one.
            second.wait(1);
          }
          region(10 * MIB).close();
          assertEquals(0, mapping.buffer().get(0));
        }
      }
    }
  }

  /** Returns whether the watch waits for a monitor. */
  private static boolean waitsFor(Object monitor) {
    ThreadInfo watch = ManagementFactory.getThreadMXBean().getThreadInfo(threads().get(0).getId());
    return watch.getThreadState() == Thread.State.BLOCKED
        && watch.getLockInfo().getIdentityHashCode() == System.identityHashCode(monitor);
  }

  private MemoryLimit limit(long usage) throws Exception {
    Files.writeString(directory.resolve("memory.max"), Long.toString(160 * MIB));
    Files.writeString(directory.resolve("memory.high"), "max");
    Files.writeString(directory.resolve("memory.stat"), "");
    use(usage);
    return MemoryLimit.ofVersion2(directory);
  }

  private void use(long bytes) throws Exception {
    Files.writeString(directory.resolve("memory.current"), Long.toString(bytes));
  }

  /** Unpins two regions where nothing is watched, and then says so. */
  static final class Unwatched {
    private Unwatched() {}

    public static void main(String[] arguments) {
      for (int i = 0; i < 2; i++) {
        try (AshmemRegion region = region()) {
          if (arguments.length > 0) {
            PressureWatch.start(List.of(), List.of(Path.of(arguments[0])));
          }
          System.out.println("pinned");
          region.unpin();
          region.unpin();
        }
      }
    }
  }

  @Test
  void saysOnceThatNothingIsPurged() throws Exception {
    ChildJvm.Result result =
        ChildJvm.run(
            ChildJvm.command(List.of("-Dorg.ashmem.purgeOnPressure=false"), Unwatched.class));
    assertEquals(0, result.status(), result.output());
    List<String> lines = result.output().lines().toList();
    assertEquals("pinned", lines.get(0));
    assertEquals(
        List.of(
            "WARNING: org.ashmem.purgeOnPressure is false: unpinned memory on memfd is purged on"
                + " request only, and the kernel may kill this process before"),
        lines.stream().filter(line -> line.startsWith("WARNING")).toList());
  }

  @Test
  void saysWhyNothingIsPurged() throws Exception {
    Path missing = directory.resolve("missing");
    ChildJvm.Result result =
        ChildJvm.run(ChildJvm.command(List.of(), Unwatched.class, missing.toString()));
    List<String> warnings =
        result.output().lines().filter(line -> line.startsWith("WARNING")).toList();
    assertEquals(1, warnings.size(), result.output());
    assertTrue(warnings.get(0).contains("no memory limit can be read"), warnings.get(0));
    assertTrue(warnings.get(0).contains(missing + ": ENOENT"), warnings.get(0));
  }

  @Test
  void saysNothingWhereItWatches() throws Exception {
    assertEquals(
        new ChildJvm.Result(0, "pinned\npinned\n"),
        ChildJvm.run(ChildJvm.command(List.of(), Unwatched.class)));
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
  private static WeakReference<ClassLoader> deploy(boolean closed) throws Exception {
    try (Deployed deployed = new Deployed(Application.class)) {
      Object region = deployed.call("use");
      assertFalse(threads().isEmpty());
      if (closed) {
        ((AutoCloseable) region).close();
      }
      return new WeakReference<>(deployed.loader());
    }
  }

  /** Runs in the other class loader. */
  public static final class Application {
    private Application() {}

    public static AutoCloseable use() {
      AshmemRegion region = region();
      region.unpin();
      return region;
    }
  }

  private static AshmemRegion region() {
    return region(1);
  }

  private static AshmemRegion region(long size) {
    return AshmemRegion.builder().name("watched").size(size).backend(Backend.MEMFD).create();
  }

  private static List<Thread> threads() {
    return Threads.named("ashmem-pressure");
  }
}
