// SPDX-License-Identifier: Apache-2.0
package org.ashmem.cache;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.apache.commons.lang3.StringUtils;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** A cache that is larger than the container of its process. Nobody is killed. */
class GivesWayIT {
  private static final long MIB = 1 << 20;
  private static final Path VERSION_1 = Path.of("/sys/fs/cgroup/memory");
  private static final boolean FIRST = Files.exists(VERSION_1.resolve("memory.limit_in_bytes"));
  private static final Path GROUP =
      (FIRST ? VERSION_1 : Path.of("/sys/fs/cgroup")).resolve("ashmem-cache");

  /** Puts values, reads those that it put lately, and looks at each byte that is returned. */
  static final class Program {
    private static final int VALUES = 4096;

    /** So many values are read after each put. */
    private static final int OFTEN = 8;

    private Program() {}

    public static void main(String[] arguments) {
      try (PurgeableCache<Integer, byte[]> cache =
          PurgeableCache.<Integer, byte[]>builder(Codec.bytes())
              .store(Store.valueOf(arguments[0]))
              .maximumBytes(512 * MIB)
              .build()) {
        int hits = 0;
        int lost = 0;
        for (int i = 0; i < VALUES; i++) {
          cache.put(i, value(i));
          for (int often = 0; often < Math.min(i, OFTEN); often++) {
            lost += cache.getIfPresent(often) == null ? 1 : 0;
          }
          int earlier = Math.max(0, i - i % 100);
          byte[] found = cache.getIfPresent(earlier);
          if (found != null) {
            if (!Arrays.equals(value(earlier), found)) {
              System.out.println("value " + earlier + " is wrong");
            }
            hits++;
          }
        }
        CacheStatistics statistics = cache.statistics();
        System.out.println(hits + " hits, " + statistics);
        System.out.println("lost of what is read often: " + lost);
        int found = 0;
        for (int i = 0; i < VALUES; i++) {
          found += cache.getIfPresent(i) == null ? 0 : 1;
        }
        System.out.println(hits > 0 && found > 0 && found < VALUES ? "gave way" : found + " found");
      }
    }

    private static byte[] value(int key) {
      byte[] value = new byte[64 << 10];
      Arrays.fill(value, (byte) new Random(key).nextInt());
      return value;
    }
  }

  @ParameterizedTest
  @EnumSource(names = {"DEVICE", "LAZY"})
  void cacheOutlivesTheLimitOfItsContainer(Store store) throws Exception {
    Files.createDirectories(GROUP);
    try {
      Files.writeString(
          GROUP.resolve(FIRST ? "memory.limit_in_bytes" : "memory.max"), Long.toString(128 * MIB));
      List<String> command =
          new ArrayList<>(
              List.of("sh", "-c", "echo 0 >" + GROUP + "/cgroup.procs && exec \"$@\"", "sh"));
      command.addAll(ChildJvm.command(List.of(), Program.class, store.name()));
      ChildJvm.Result result = ChildJvm.run(command);
      assertEquals(0, result.status(), result.output());
      assertTrue(result.output().endsWith("gave way\n"), result.output());
      assertTrue(!result.output().contains("wrong"), result.output());
      // The kernel's order is its own on LAZY. On the device, 20,000 are lost without renewal. The
      // machine may be short of memory, too, on one node: then a few values go that are not the
      // oldest of the container, and each counts until the end.
      if (store == Store.DEVICE) {
        String lost = StringUtils.substringBetween(result.output(), "often: ", "\n");
        assertTrue(Integer.parseInt(lost) < 12_000, result.output());
      }
    } finally {
      // The kernel may need a moment after the last process has ended.
      while (!GROUP.toFile().delete()) {
        Thread.onSpinWait();
      }
    }
  }
}
