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
 * Runs the benchmarks of some classes, each in a JVM of its own with the options of this JVM.
 *
 * <p>Prints one line per result, with three fields separated by tabs: its kind ({@code java},
 * {@code c}, {@code single} or {@code bytes}), the method of the benchmark, and the nanoseconds or
 * the allocated bytes per call.
 */
public final class Figures {
  /** The kind of a result by its label in the profilers. */
  private static final Map<String, String> SIDES =
      Map.of(Calls.LABEL, "c", Calls.SINGLE, "single", "gc.alloc.rate.norm", "bytes");

  private Figures() {}

  /**
   * Runs the benchmarks.
   *
   * @param classes the simple names of classes in this package
   * @throws RunnerException if a benchmark fails
   */
  public static void main(String[] classes) throws RunnerException {
    PrintStream figures = System.out;
    // JMH prints its own output to System.out.
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
    // The last profiler, so that it does not count the bytes that Calls allocates.
    return new Runner(options.addProfiler(GCProfiler.class).build()).run();
  }

  private static void print(PrintStream out, String side, String method, double figure) {
    out.println(side + "\t" + method + "\t" + figure);
  }
}
