// SPDX-License-Identifier: Apache-2.0
package org.ashmem;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Counters in a separate JVM, because other tests leave regions to the collector. */
class CountersTest {
  /** Prints all counters after each step. */
  static final class Program {
    private Program() {}

    public static void main(String[] args) {
      Path file = Path.of(args[0]);
      say("none");
      AshmemRegion one = new AshmemRegion(OpenFile.open(file), "one", 10_000);
      AshmemRegion two = new AshmemRegion(OpenFile.open(file), "two", 500);
      say("two regions");
      Mapping mapping = one.map(MapMode.READ_ONLY, 4, 96);
      Mapping other = two.map(MapMode.PRIVATE, 0, 500);
      say("two mappings");
      assertThrows(AshmemException.class, one::pin);
      assertThrows(IllegalArgumentException.class, () -> one.map(0, 10_001));
      say("refused");
      one.close();
      one.close();
      say("one region");
      mapping.close();
      mapping.close();
      say("one mapping");
      other.close();
      two.close();
      say("none");
      Counters.pinned(PinResult.NOT_PURGED);
      Counters.pinned(PinResult.WAS_PURGED);
      Counters.pinned(PinResult.NOT_PURGED);
      say("pinned");
    }

    private static void say(String step) {
      System.out.printf(
          "%s: %d %d %d %d %d %d%n",
          step,
          Counters.regions(),
          Counters.regionBytes(),
          Counters.mappedBytes(),
          Counters.pins(),
          Counters.purgesFound(),
          Counters.leaks());
    }
  }

  @Test
  void followRegionsAndMappings(@TempDir Path directory) throws Exception {
    Path file = Files.write(directory.resolve("file"), new byte[10_000]);
    ChildJvm.Result result =
        ChildJvm.run(ChildJvm.command(List.of(), Program.class, file.toString()));
    assertEquals(
        """
        none: 0 0 0 0 0 0
        two regions: 2 10500 0 0 0 0
        two mappings: 2 10500 596 0 0 0
        refused: 2 10500 596 0 0 0
        one region: 1 500 596 0 0 0
        one mapping: 1 500 500 0 0 0
        none: 0 0 0 0 0 0
        pinned: 0 0 0 3 1 0
        """,
        result.output());
  }
}
