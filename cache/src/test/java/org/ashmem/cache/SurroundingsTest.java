// SPDX-License-Identifier: Apache-2.0
package org.ashmem.cache;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** What the process of a cache may do besides: lock its memory, and fork. */
class SurroundingsTest {
  /** Locks what is about to be unpinned, as mlockall does, and lets the kernel answer. */
  private static final String LOCK =
      """
      #define _GNU_SOURCE
      #include <sys/mman.h>
      #include <sys/syscall.h>
      #include <unistd.h>
      int madvise(void *address, size_t length, int advice)
      {
        if (advice == MADV_FREE && mlock(address, length))
          return -1;
        return syscall(SYS_madvise, address, length, advice);
      }
      """;

  /** Uses a cache on the store that is found, and says what happens if it asks for lazy memory. */
  static final class Locked {
    private Locked() {}

    public static void main(String[] arguments) {
      var builder = PurgeableCache.<Integer, byte[]>builder(Codec.bytes()).maximumBytes(2 << 20);
      try (PurgeableCache<Integer, byte[]> cache = builder.build()) {
        for (int i = 0; i < 100; i++) {
          cache.put(i, new byte[40_000]);
        }
        cache.discard();
        int there = 0;
        for (int i = 0; i < 100; i++) {
          there += cache.getIfPresent(i) == null ? 0 : 1;
        }
        System.out.println(cache.store() + (there > 0 && there < 40 ? " gives way" : " " + there));
      }
      try (PurgeableCache<Integer, byte[]> cache = builder.store(Store.LAZY).build()) {
        System.out.println(cache.store());
      } catch (UnsupportedOperationException e) {
        System.out.println(e.getMessage());
      }
    }
  }

  @Test
  void lockedProcessGetsAnotherStoreOrIsToldWhyNot(@TempDir Path directory) throws Exception {
    List<String> command =
        new ArrayList<>(List.of("env", "LD_PRELOAD=" + ChildJvm.compile(directory, LOCK)));
    command.addAll(ChildJvm.command(List.of(), Locked.class));
    ChildJvm.Result result = ChildJvm.run(command);
    assertEquals(0, result.status(), result.output());
    assertTrue(
        result.output().matches("(DEVICE|MEMFD) gives way\nno cache on LAZY here: .*locks its.*\n"),
        result.output());
  }

  /** Forks while reads race. The children live for a moment. */
  static final class Forking {
    private static final int READS = 50_000;

    private Forking() {}

    public static void main(String[] arguments) throws Exception {
      AtomicBoolean ended = new AtomicBoolean();
      Thread forks =
          new Thread(
              () -> {
                int children = 0;
                try {
                  for (; !ended.get() || children == 0; children++) {
                    Process process = new ProcessBuilder("/bin/true").start();
                    if (process.waitFor() != 0) {
                      throw new IOException("a child failed");
                    }
                  }
                  System.out.println("forked");
                } catch (IOException | InterruptedException e) {
                  System.out.println(e);
                }
              });
      forks.start();
      try {
        RacingReads.race(Store.valueOf(arguments[0]), READS);
      } finally {
        ended.set(true);
      }
      forks.join();
    }
  }

  @ParameterizedTest
  @EnumSource(names = {"LAZY", "MEMFD"})
  void forksHarmNoValue(Store store) throws Exception {
    assertEquals(
        new ChildJvm.Result(0, "forked\n"),
        ChildJvm.run(
            ChildJvm.command(
                List.of("-Djdk.lang.Process.launchMechanism=FORK"), Forking.class, store.name())));
  }
}
