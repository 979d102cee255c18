// SPDX-License-Identifier: Apache-2.0
package org.ashmem.cache.bench.container;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class RunTest {
  @TempDir private Path folder;

  private List<Run> read(String... lines) throws IOException {
    Path file = folder.resolve("results");
    Files.write(file, List.of(lines));
    return Run.read(file);
  }

  @Test
  void secondsOfTheWarmUpDoNotCount() throws IOException {
    Run run =
        read(
                "m\tOurs\tNOBODY\trun\t64\t2048\t1",
                "m\tOurs\tNOBODY\tsecond\t1\t0\t90\t0\t0.0\t0.0\t0.0\t0.0\t5",
                "m\tOurs\tNOBODY\ttook\t2\t209715200\t0.250",
                "m\tOurs\tNOBODY\tsecond\t2\t60\t20\t0\t5.0\t90.0\t30.0\t99.0\t7",
                "m\tOurs\tNOBODY\ttook\t2\t1048576\t1.500",
                "m\tOurs\tNOBODY\tended\t0")
            .get(0);
    assertTrue(run.survived());
    assertTrue(run.givesWay());
    assertEquals(0.75, run.hitRate());
    assertEquals(1048576, run.leastGiven);
    assertEquals(1.5, run.longestWait);
    assertEquals(7, run.collections);
  }

  @Test
  void resultNamesTheKilledProcess() throws IOException {
    List<Run> runs =
        read(
            "m\tOther\tALONE\trun\t64\t384\t1",
            "m\tOther\tALONE\tended\t137",
            "m\tOther\tEXPERT\trun\t64\t184\t1",
            "m\tOther\tEXPERT\tkilled\tthe neighbour",
            "m\tOther\tEXPERT\tended\t0",
            "m\tThird\tALONE\trun\t64\t384\t1");
    assertEquals(
        List.of("it was killed", "the neighbour was killed", "it did not end"),
        runs.stream().map(run -> run.ending).toList());
    runs.forEach(run -> assertFalse(run.survived()));
  }
}
