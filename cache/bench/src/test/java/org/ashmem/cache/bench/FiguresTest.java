// SPDX-License-Identifier: Apache-2.0
package org.ashmem.cache.bench;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.openjdk.jmh.runner.options.TimeValue;

/** The figures have the form that the tables are made from. */
class FiguresTest {
  private final ByteArrayOutputStream bytes = new ByteArrayOutputStream();
  private final PrintStream figures = new PrintStream(bytes, true, UTF_8);

  @Test
  void speedHasALineForEachIteration() throws Exception {
    TimeValue moment = TimeValue.milliseconds(10);
    new Speed(figures, 0, moment, moment, 2).measure(65536, "memfd", "ohc");
    List<String> lines = bytes.toString(UTF_8).lines().toList();
    List<String> names = new ArrayList<>();
    for (String call : List.of("get-65536-1", "get-65536-2", "put-65536-1", "put-65536-2")) {
      for (String peer : List.of("memfd", "ohc")) {
        names.addAll(List.of(peer + "\t" + call, peer + "\t" + call));
      }
    }
    assertEquals(names, lines.stream().map(FiguresTest::name).toList());
    lines.forEach(line -> assertTrue(figure(line) > 0, line));
  }

  @Test
  void hitRatesHaveALineForEachSize() {
    int[] keys = IntStream.range(0, 40_000).map(i -> i % 10_000).toArray();
    HitRates.measure(figures, "loop", new Trace.Requests(keys, 10_000));
    List<String> lines = bytes.toString(UTF_8).lines().toList();
    assertEquals("requests\tloop\t40000", lines.get(0));
    assertEquals("values\tloop\t10000", lines.get(1));
    assertEquals(
        List.of("ours\tloop-2", "caffeine\tloop-2", "ours\tloop-4", "caffeine\tloop-4"),
        lines.stream().skip(2).map(FiguresTest::name).toList());
    for (String line : lines.subList(2, 6)) {
      assertTrue(figure(line) >= 0 && figure(line) <= 0.75, line);
    }
  }

  /** How many requests there are, and for how many values, was counted by another program. */
  @Test
  void tracesAreRead() throws Exception {
    Trace.Requests web07 = Trace.of("web07").read();
    assertEquals(76_118, web07.keys().length);
    assertEquals(20_484, web07.distinct());
    Trace.Requests corda = Trace.of("corda").read();
    assertEquals(135_702, corda.keys().length);
    assertEquals(90_468, corda.distinct());
    assertThrows(IllegalArgumentException.class, () -> Trace.of("web13"));
  }

  private static String name(String line) {
    return line.substring(0, line.lastIndexOf('\t'));
  }

  private static double figure(String line) {
    return Double.parseDouble(line.substring(line.lastIndexOf('\t') + 1));
  }
}
