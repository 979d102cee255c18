// SPDX-License-Identifier: Apache-2.0
package org.ashmem.cache;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
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

    private Program() {}

    public static void main(String[] arguments) {
      try (PurgeableCache<Integer, byte[]> cache =
          PurgeableCache.<Integer, byte[]>builder(Codec.bytes())
              .store(Store.valueOf(arguments[0]))
              .maximumBytes(512 * MIB)
              .build()) {
        int hits = 0;
        for (int i = 0; i < VALUES; i++) {
          cache.put(i, value(i));
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
      Process process = new ProcessBuilder(command(store)).redirectErrorStream(true).start();
      String output = new String(process.getInputStream().readAllBytes(), UTF_8);
      assertEquals(0, process.waitFor(), output);
      assertTrue(output.endsWith("gave way\n"), output);
      assertTrue(!output.contains("wrong"), output);
    } finally {
      // The kernel may need a moment after the last process has ended.
      while (!GROUP.toFile().delete()) {
        Thread.onSpinWait();
      }
    }
  }

  private static List<String> command(Store store) {
    List<String> command = new ArrayList<>();
    command.addAll(List.of("sh", "-c", "echo 0 >" + GROUP + "/cgroup.procs && exec \"$@\"", "sh"));
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.add("--enable-native-access=ALL-UNNAMED");
    // As in the library's tests: they save time on an emulated processor.
    command.addAll(
        List.of(
            "-XX:+UnlockDiagnosticVMOptions",
            "-XX:ArchiveRelocationMode=0",
            "-XX:TieredStopAtLevel=1",
            "-XX:+UseSerialGC",
            "-Xmx32m"));
    command.addAll(List.of("-cp", System.getProperty("java.class.path")));
    command.addAll(List.of(Program.class.getName(), store.name()));
    return command;
  }
}
