// SPDX-License-Identifier: Apache-2.0
package org.ashmem;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Collectors;
import org.ashmem.example.Cgroup;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/**
 * The reaction to memory pressure that the kernel reports, without a look at limits. Each test has
 * its own cgroup.
 */
@Tag("device")
@Tag("newest")
class PressureIT {
  private static final int PAGE = (int) AshmemRegion.pageSize();
  private static final long CACHE = 16L << 20;
  private static final long DEMAND = 12L << 20;

  /** A trigger of {@link PressureWatch}. */
  private static final byte[] TRIGGER = "some 100000 2000000\0".getBytes(UTF_8);

  @Test
  void unpinnedMemfdIsPurgedWhenSomebodyWaitsForMemory() throws Exception {
    assertEquals("purged", run("watch"));
  }

  @Test
  void itIsNotUnlessThatIsWanted() throws Exception {
    assertEquals("intact", run("no watch"));
  }

  /** Returns what the program says, without the warning that nothing purges. */
  private static String run(String watch) throws Exception {
    ChildJvm.Result result =
        ChildJvm.run(
            ChildJvm.command(
                List.of("-D" + PressureWatch.PROPERTY + "=false", "-Dorg.ashmem.backend=memfd"),
                Program.class,
                watch));
    assertEquals(0, result.status(), result.output());
    return result
        .output()
        .lines()
        .filter(line -> line.matches("purged|intact|wrong.*"))
        .collect(Collectors.joining());
  }

  /** Fills a cache, unpins it, and then uses more memory than memory.high of its cgroup. */
  static final class Program {
    private Program() {}

    public static void main(String[] arguments) throws Exception {
      try (Cgroup cgroup = new Cgroup("ashmem-pressure");
          AshmemRegion cache = AshmemRegion.create("cache", CACHE);
          Mapping mapping = cache.map();
          AshmemRegion demand = AshmemRegion.create("demand", DEMAND);
          Mapping wanted = demand.map()) {
        ByteBuffer bytes = mapping.buffer();
        fill(bytes);
        cache.unpin();
        Files.writeString(
            cgroup.path().resolve("memory.high"), Long.toString(cgroup.usage() + (1 << 20)));
        AtomicInteger reports = new AtomicInteger();
        Path pressure = cgroup.path().resolve("memory.pressure");
        if (arguments[0].equals("watch")) {
          PressureWatch.start(List.of(), List.of(pressure));
        } else {
          // After the first report, a purge would come before the second one.
          countReports(pressure, reports);
        }
        ByteBuffer more = wanted.buffer();
        // From now on, each new page exceeds the limit, and the thread that touches it must wait.
        for (int at = 0; bytes.get(0) == 1 && reports.get() < 2; at += PAGE) {
          if (at < more.capacity()) {
            more.put(at, (byte) 1);
          } else {
            Thread.sleep(10);
          }
        }
        Files.writeString(cgroup.path().resolve("memory.high"), "max");
        boolean intact = bytes.get(0) == 1;
        PinResult result = cache.pin();
        System.out.println(
            result != (intact ? PinResult.NOT_PURGED : PinResult.WAS_PURGED)
                ? "wrong: " + result
                : intact ? "intact" : "purged");
      }
    }

    private static void countReports(Path file, AtomicInteger reports) {
      int fd = Shim.openPressure(file.toString().getBytes(UTF_8), TRIGGER);
      assertTrue(fd >= 0, () -> file + ": " + Errno.name(-fd));
      Thread thread =
          new Thread(
              () -> {
                while (Shim.waitForPressure(fd, -1) == 0) {
                  reports.incrementAndGet();
                }
              });
      thread.setDaemon(true);
      thread.start();
    }

    private static void fill(ByteBuffer bytes) {
      for (int at = 0; at < bytes.capacity(); at += PAGE) {
        bytes.put(at, (byte) 1);
      }
    }
  }
}
