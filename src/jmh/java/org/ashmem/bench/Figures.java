// SPDX-License-Identifier: Apache-2.0
package org.ashmem.bench;

import java.io.PrintStream;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.profile.GCProfiler;
import org.openjdk.jmh.results.BenchmarkResult;
import org.openjdk.jmh.results.IterationResult;
import org.openjdk.jmh.results.RunResult;
import org.openjdk.jmh.runner.Runner;
import org.openjdk.jmh.runner.RunnerException;
import org.openjdk.jmh.runner.options.ChainedOptionsBuilder;
import org.openjdk.jmh.runner.options.OptionsBuilder;

/**
 * Measures the benchmarks of the classes named, each in a JVM of its own with this one's options.
 * Prints a line per figure, of its side ({@code java}, {@code c}, {@code single} or {@code bytes}),
 * the benchmark's method, and the nanoseconds that a call took or the bytes that it allocated,
 * parted by tabs.
 */
public final class Figures {
  /** By what the profilers call it. */
  private static final Map<String, String> SIDES =
      Map.of(Calls.LABEL, "c", Calls.SINGLE, "single", "gc.alloc.rate.norm", "bytes");

  private Figures() {}

  /**
   * Measures.
   *
   * @param classes the simple names of classes in this package
   * @throws RunnerException if a benchmark fails
   */
  public static void main(String[] classes) throws RunnerException {
    PrintStream figures = System.out;
    // JMH prints there.
    System.setOut(System.err);
    for (String each : classes) {
      for (RunResult result : measure(each)) {
        String method = result.getPrimaryResult().getLabel();
        for (BenchmarkResult fork : result.getBenchmarkResults()) {
          for (IterationResult iteration : fork.getIterationResults()) {
            print(figures, "java", method, iteration.getPrimaryResult().getScore());
            iteration
                .getSecondaryResults()
                .forEach(
                    (label, other) -> {
                      if (SIDES.containsKey(label)) {
                        print(figures, SIDES.get(label), method, other.getScore());
                      }
                    });
          }
        }
      }
    }
  }

  private static Iterable<RunResult> measure(String name) throws RunnerException {
    ChainedOptionsBuilder options =
        new OptionsBuilder()
            .include("\\." + name + "\\.")
            .mode(Mode.AverageTime)
            .timeUnit(TimeUnit.NANOSECONDS)
            .forks(1)
            .shouldFailOnError(true);
    if (System.getProperty(Calls.PROGRAM) != null) {
      options.addProfiler(Calls.class);
    }
    // Behind it, so that it counts none of that one's bytes.
    return new Runner(options.addProfiler(GCProfiler.class).build()).run();
  }

  private static void print(PrintStream out, String side, String method, double figure) {
    out.println(side + "\t" + method + "\t" + figure);
  }
}
