// SPDX-License-Identifier: Apache-2.0
package org.ashmem.cache.bench.container;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.function.Predicate;

/** Prints the table of the caches in a container, and draws the plots. */
public final class Report {
  private static final double OF_THE_BEST = 0.95;

  private static final String ROW =
      "%-22s %-22s %6s %5s  %9s  %7s %7s  %8s %8s  %5s %6s  %6s  %s%n";

  private boolean missed;

  private Report() {}

  /**
   * Prints and draws. The exit status is 1 if something that is needed was missed.
   *
   * @param arguments the results of contenders.sh, and a folder for the plots
   * @throws IOException if a file cannot be read or written
   */
  public static void main(String[] arguments) throws IOException {
    List<Run> runs = Run.read(Path.of(arguments[0]));
    Report report = new Report();
    for (String machine : runs.stream().map(run -> run.machine).distinct().toList()) {
      List<Run> here = runs.stream().filter(run -> run.machine.equals(machine)).toList();
      report.table(machine, here);
      report.needed(here);
      Plot.draw(here, Path.of(arguments[1], "cache-" + machine));
    }
    System.exit(report.missed ? 1 : 0);
  }

  private void table(String machine, List<Run> runs) {
    System.out.printf(
        "%nIn a container of 512 MiB %s%n%n",
        machine.equals("host") ? "on this machine" : "in a guest of kernel " + machine);
    System.out.printf(
        ROW, "", "", "cache", "heap", "", "hit, us", "", "miss, us", "", "given", "wait", "GC", "");
    System.out.printf(
        ROW,
        "cache",
        "sized",
        "MiB",
        "MiB",
        "hit rate",
        "p50",
        "p99",
        "p50",
        "p99",
        "MiB/s",
        "s",
        "s",
        "who survived");
    for (Run run : runs) {
      System.out.printf(
          ROW,
          run.name,
          run.sizing.text,
          run.cacheMib,
          run.heapMib,
          Double.isNaN(run.hitRate()) ? "-" : number("%.3f", run.hitRate()),
          time("%.1f", run.hit50),
          time("%.0f", run.hit99),
          time("%.0f", run.miss50),
          time("%.0f", run.miss99),
          run.leastGiven < 0 ? "-" : run.leastGiven >> 20,
          run.leastGiven < 0 ? "-" : number("%.2f", run.longestWait),
          number("%.1f", run.collections / 1e3),
          run.survived() ? "all" : run.ending + " after " + run.seconds.size() + " s");
    }
    System.out.printf(
        "%nThe working set is 2 GiB of values of 64 KiB, by a Zipf law of 0.99. After %d s a neighbour%n"
            + "takes 200 MiB for 3 s, every 6 s. Another one reads a file. Sized for itself alone: 75 %% of the%n"
            + "container for the cache, or for the heap if the values lie there, of which two thirds are%n"
            + "values; for the neighbour too: 200 MiB less. Hit rate and times are those after %d s. Given is%n"
            + "the least that the neighbour had after a second, wait the longest time until it had all.%n%n",
        runs.get(0).warmUp, runs.get(0).warmUp);
  }

  private static String time(String format, double value) {
    return value == 0 ? "-" : number(format, value);
  }

  private static String number(String format, double value) {
    return String.format(Locale.ROOT, format, value);
  }

  private void needed(List<Run> runs) {
    List<Run> ours = runs.stream().filter(Run::givesWay).toList();
    for (Run run : ours) {
      Optional<Run> untuned = best(runs, other -> other.sizing == Run.Sizing.ALONE);
      Optional<Run> tuned = best(runs, other -> other.sizing == Run.Sizing.EXPERT);
      verdict(run.name + " survives", run.survived());
      verdict(
          run.name
              + " hits most of the survivors that were not sized for the neighbour ("
              + untuned.map(Report::named).orElse("there is no other")
              + ")",
          untuned.isEmpty() || run.hitRate() >= untuned.get().hitRate());
      verdict(
          run.name
              + number(" has %.2f of the hits of the best", OF_THE_BEST)
              + " that was sized for the neighbour ("
              + tuned
                  .map(best -> named(best) + number(": %.3f", run.hitRate() / best.hitRate()))
                  .orElse("none survived")
              + ")",
          tuned.isEmpty() || run.hitRate() >= OF_THE_BEST * tuned.get().hitRate());
    }
    List<String> wrong = new ArrayList<>();
    runs.stream().filter(run -> run.wrong > 0).forEach(run -> wrong.add(run.name));
    verdict("no hit has a wrong byte" + (wrong.isEmpty() ? "" : ": " + wrong), wrong.isEmpty());
  }

  private static Optional<Run> best(List<Run> runs, Predicate<Run> which) {
    return runs.stream()
        .filter(which)
        .filter(Run::survived)
        .max(Comparator.comparingDouble(Run::hitRate));
  }

  private static String named(Run run) {
    return run.name + number(", %.3f", run.hitRate());
  }

  private void verdict(String what, boolean met) {
    System.out.printf("%-118s %s%n", what, met ? "ok" : "MISSED");
    missed |= !met;
  }
}
