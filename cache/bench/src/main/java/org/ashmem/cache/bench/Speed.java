// SPDX-License-Identifier: Apache-2.0
package org.ashmem.cache.bench;

import java.io.PrintStream;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.results.BenchmarkResult;
import org.openjdk.jmh.results.IterationResult;
import org.openjdk.jmh.results.RunResult;
import org.openjdk.jmh.runner.Runner;
import org.openjdk.jmh.runner.RunnerException;
import org.openjdk.jmh.runner.options.OptionsBuilder;
import org.openjdk.jmh.runner.options.TimeValue;

/**
 * Measures {@link Calls} of all caches, each in a JVM of its own. What is compared is measured one
 * after the other.
 *
 * <p>Prints one line per iteration, with three fields separated by tabs: the name of the cache; the
 * call, the length of the values and the number of threads, such as {@code get-256-1}; and the
 * nanoseconds per call of a thread.
 */
public final class Speed {
  /** A call, and by how many threads at once. */
  private static final List<String> CALLS = List.of("get", "put");

  private static final String[] PEERS = {
    "lazy", "memfd", "caffeine", "ohc", "ehcache", "infinispan"
  };

  private final PrintStream figures;
  private final int forks;
  private final TimeValue warmup;
  private final TimeValue iteration;
  private final int iterations;

  Speed(PrintStream figures, int forks, TimeValue warmup, TimeValue iteration, int iterations) {
    this.figures = figures;
    this.forks = forks;
    this.warmup = warmup;
    this.iteration = iteration;
    this.iterations = iterations;
  }

  /**
   * Measures the calls.
   *
   * @param lengths the lengths of values in bytes
   * @throws RunnerException if a call fails, for example because a get is a miss
   */
  public static void main(String[] lengths) throws RunnerException {
    PrintStream figures = System.out;
    // JMH prints its own output to System.out.
    System.setOut(System.err);
    Speed speed =
        new Speed(figures, 1, TimeValue.milliseconds(800), TimeValue.milliseconds(400), 3);
    for (String length : lengths) {
      speed.measure(Integer.parseInt(length), PEERS);
    }
  }

  void measure(int length, String... peers) throws RunnerException {
    for (String call : CALLS) {
      for (int threads = 1; threads <= 2; threads++) {
        measure(call, length, threads, peers);
      }
    }
  }

  private void measure(String call, int length, int threads, String... peers)
      throws RunnerException {
    OptionsBuilder options = new OptionsBuilder();
    options
        .include("\\." + Calls.class.getSimpleName() + "\\." + call + "$")
        .param("peer", peers)
        .param("length", Integer.toString(length))
        .threads(threads)
        .mode(Mode.AverageTime)
        .timeUnit(TimeUnit.NANOSECONDS)
        .forks(forks)
        // The values of Caffeine lie on the heap, those of Ehcache in direct buffers. The heap is
        // touched before, not while the first arrays are allocated.
        .jvmArgsAppend("-Xms2g", "-Xmx2g", "-XX:+AlwaysPreTouch", "-XX:MaxDirectMemorySize=2g")
        .warmupIterations(1)
        .warmupTime(warmup)
        .measurementIterations(iterations)
        .measurementTime(iteration)
        .shouldFailOnError(true);
    for (RunResult result : new Runner(options.build()).run()) {
      String name = call + "-" + length + "-" + threads;
      for (BenchmarkResult fork : result.getBenchmarkResults()) {
        for (IterationResult each : fork.getIterationResults()) {
          figures.println(
              result.getParams().getParam("peer")
                  + "\t"
                  + name
                  + "\t"
                  + each.getPrimaryResult().getScore());
        }
      }
    }
  }
}
