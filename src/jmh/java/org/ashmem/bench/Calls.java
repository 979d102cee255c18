// SPDX-License-Identifier: Apache-2.0
package org.ashmem.bench;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.Collection;
import java.util.List;
import java.util.stream.Stream;
import org.openjdk.jmh.infra.BenchmarkParams;
import org.openjdk.jmh.infra.IterationParams;
import org.openjdk.jmh.profile.InternalProfiler;
import org.openjdk.jmh.results.AggregationPolicy;
import org.openjdk.jmh.results.IterationResult;
import org.openjdk.jmh.results.Result;
import org.openjdk.jmh.results.ScalarResult;
import org.openjdk.jmh.runner.IterationType;

/**
 * Measures before each iteration how long the same system calls take in C, so that other load on
 * the machine affects both results. The property {@value #PROGRAM} is the path of the program
 * kernel/bench/calls.c. It prints the time in a process of two threads, because a JVM has several
 * threads, and the time in a process of a single thread.
 */
public final class Calls implements InternalProfiler {
  static final String PROGRAM = "org.ashmem.bench.calls";
  static final String LABEL = "c";
  static final String SINGLE = "single";

  /** The two times of the last measurement. They are 0 in warm-up iterations. */
  private List<Double> nanoseconds = List.of(0.0, 0.0);

  @Override
  public String getDescription() {
    return "the same system calls in C";
  }

  @Override
  public void beforeIteration(BenchmarkParams benchmark, IterationParams iteration) {
    if (iteration.getType() == IterationType.MEASUREMENT) {
      String name = benchmark.getBenchmark();
      nanoseconds = measure(name.substring(name.lastIndexOf('.') + 1));
    }
  }

  @Override
  @SuppressWarnings("rawtypes") // JMH declares the method with a raw type
  public Collection<? extends Result> afterIteration(
      BenchmarkParams benchmark, IterationParams iteration, IterationResult result) {
    return List.of(
        new ScalarResult(LABEL, nanoseconds.get(0), "ns/op", AggregationPolicy.AVG),
        new ScalarResult(SINGLE, nanoseconds.get(1), "ns/op", AggregationPolicy.AVG));
  }

  private static List<Double> measure(String name) {
    try {
      Process process =
          new ProcessBuilder(System.getProperty(PROGRAM), name)
              .redirectError(ProcessBuilder.Redirect.INHERIT)
              .start();
      String printed = new String(process.getInputStream().readAllBytes(), UTF_8).strip();
      if (process.waitFor() != 0) {
        throw new IllegalStateException(System.getProperty(PROGRAM) + " " + name + " failed");
      }
      return Stream.of(printed.split(" ")).map(Double::valueOf).toList();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException(e);
    }
  }
}
