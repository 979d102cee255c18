// SPDX-License-Identifier: Apache-2.0
package org.ashmem;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import io.micrometer.core.instrument.Meter;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Tags;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;
import org.ashmem.micrometer.AshmemMetrics;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class AshmemMetricsTest {
  /** Prints the meters. It has its own JVM, because other tests leave regions to the collector. */
  static final class Program {
    private Program() {}

    public static void main(String[] args) {
      Path file = Path.of(args[0]);
      MeterRegistry registry = new SimpleMeterRegistry();
      new AshmemMetrics().bindTo(registry);
      // Only the registry keeps a reference to the binder.
      System.gc();
      say(registry);
      try (AshmemRegion one = new AshmemRegion(OpenFile.open(file), "one", 10_000);
          AshmemRegion two = new AshmemRegion(OpenFile.open(file), "two", 500);
          Mapping mapping = one.map(MapMode.READ_ONLY, 4, 96)) {
        Counters.pinned(PinResult.NOT_PURGED);
        Counters.pinned(PinResult.WAS_PURGED);
        Counters.pinned(PinResult.WAS_PURGED);
        Counters.leaked();
        System.gc();
        say(registry);
      }
      say(registry);
    }

    private static void say(MeterRegistry registry) {
      registry.getMeters().stream()
          .sorted(Comparator.comparing(each -> each.getId().getName()))
          .forEach(Program::say);
    }

    private static void say(Meter meter) {
      Meter.Id id = meter.getId();
      System.out.printf(
          "%s %s %.0f %s%n",
          id.getType(),
          id.getName(),
          meter.measure().iterator().next().getValue(),
          id.getBaseUnit());
    }
  }

  @Test
  void metersFollowTheCounters(@TempDir Path directory) throws Exception {
    Path file = Files.write(directory.resolve("file"), new byte[10_000]);
    ChildJvm.Result result =
        ChildJvm.run(ChildJvm.command(List.of(), Program.class, file.toString()));
    assertEquals(
        """
        COUNTER ashmem.leaks 0 leaks
        GAUGE ashmem.mapped 0 bytes
        COUNTER ashmem.pins 0 calls
        COUNTER ashmem.purges.found 0 calls
        GAUGE ashmem.regions 0 regions
        GAUGE ashmem.regions.size 0 bytes
        COUNTER ashmem.leaks 1 leaks
        GAUGE ashmem.mapped 96 bytes
        COUNTER ashmem.pins 3 calls
        COUNTER ashmem.purges.found 2 calls
        GAUGE ashmem.regions 2 regions
        GAUGE ashmem.regions.size 10500 bytes
        COUNTER ashmem.leaks 1 leaks
        GAUGE ashmem.mapped 0 bytes
        COUNTER ashmem.pins 3 calls
        COUNTER ashmem.purges.found 2 calls
        GAUGE ashmem.regions 0 regions
        GAUGE ashmem.regions.size 0 bytes
        """,
        result.output());
  }

  @Test
  void metersHaveTheTagsAndDescriptions() {
    MeterRegistry registry = new SimpleMeterRegistry();
    new AshmemMetrics(Tags.of("cache", "tiles")).bindTo(registry);
    assertEquals(6, registry.getMeters().size());
    for (Meter each : registry.getMeters()) {
      assertEquals("tiles", each.getId().getTag("cache"));
      assertFalse(each.getId().getDescription().isEmpty());
    }
  }
}
