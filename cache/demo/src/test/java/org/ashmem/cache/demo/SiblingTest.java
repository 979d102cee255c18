// SPDX-License-Identifier: Apache-2.0
package org.ashmem.cache.demo;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

/** A process beside the server. */
class SiblingTest {
  private static final Path OOM_SCORE = Path.of("/proc/self/oom_score_adj");

  static final class Program {
    private Program() {}

    public static void main(String[] arguments) throws IOException, InterruptedException {
      Sibling.endWithTheParent();
      System.out.println(Files.readString(OOM_SCORE).strip());
      Thread.sleep(Long.MAX_VALUE);
    }
  }

  /** The kernel chooses it even if the server had another score when it started it. */
  @Test
  void hasTheOomScoreOfOthers() throws Exception {
    String before = Files.readString(OOM_SCORE);
    CompletableFuture<String> score = new CompletableFuture<>();
    // A process may always raise its score, and lower it again to what it was.
    Files.writeString(OOM_SCORE, "700");
    try (Sibling sibling = new Sibling(Program.class, 0, score::complete, status -> {})) {
      boolean unused = sibling.start();
      assertEquals("0", score.get(1, TimeUnit.MINUTES));
    } finally {
      Files.writeString(OOM_SCORE, before);
    }
  }
}
