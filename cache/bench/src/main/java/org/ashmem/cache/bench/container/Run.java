// SPDX-License-Identifier: Apache-2.0
package org.ashmem.cache.bench.container;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;

/** What was measured of one cache in a container. */
final class Run {
  /** Whom a cache was sized for. Ours is not sized. */
  enum Sizing {
    NOBODY("not sized"),
    ALONE("for itself alone"),
    EXPERT("for the neighbour too");

    final String text;

    Sizing(String text) {
      this.text = text;
    }
  }

  final String machine;
  final String name;
  final Sizing sizing;
  final int heapMib;
  final int cacheMib;

  /** Seconds at the beginning that count for the plot alone. */
  final int warmUp;

  /** Hits and lookups by second. */
  final List<long[]> seconds = new ArrayList<>();

  /** The least that the neighbour got within a second, or -1 if it never took anything. */
  long leastGiven = -1;

  /** The longest time that the neighbour waited for its memory, in seconds. */
  double longestWait;

  long wrong;
  double hit50;
  double hit99;
  double miss50;
  double miss99;
  long collections;

  /** Who did not survive, or why the run ended early. Empty if it did not. */
  String ending = "it did not end";

  private Run(String[] fields) {
    this.machine = fields[0];
    this.name = fields[1];
    this.sizing = Sizing.valueOf(fields[2]);
    this.heapMib = Integer.parseInt(fields[4]);
    this.cacheMib = Integer.parseInt(fields[5]);
    this.warmUp = Integer.parseInt(fields[6]);
  }

  /** Reads the runs of a file that contenders.sh wrote, in its order. */
  static List<Run> read(Path file) throws IOException {
    Map<String, Run> runs = new LinkedHashMap<>();
    for (String line : Files.readAllLines(file)) {
      String[] fields = line.split("\t");
      String key = String.join("\t", Arrays.asList(fields).subList(0, 3));
      if (fields[3].equals("run")) {
        runs.put(key, new Run(fields));
      } else {
        Objects.requireNonNull(runs.get(key), line).add(fields);
      }
    }
    return List.copyOf(runs.values());
  }

  private void add(String[] fields) {
    switch (fields[3]) {
      case "second" -> {
        long hits = Long.parseLong(fields[5]);
        seconds.add(new long[] {hits, hits + Long.parseLong(fields[6])});
        wrong = Long.parseLong(fields[7]);
        hit50 = Double.parseDouble(fields[8]);
        hit99 = Double.parseDouble(fields[9]);
        miss50 = Double.parseDouble(fields[10]);
        miss99 = Double.parseDouble(fields[11]);
        collections = Long.parseLong(fields[12]);
      }
      case "took" -> {
        long given = Long.parseLong(fields[5]);
        leastGiven = leastGiven < 0 ? given : Math.min(leastGiven, given);
        longestWait = Math.max(longestWait, Double.parseDouble(fields[6]));
      }
      case "killed" -> ending = fields[4] + " was killed";
      case "ended" -> {
        if (!ending.endsWith("was killed")) {
          ending =
              switch (fields[4]) {
                case "0" -> "";
                case "3" -> "its heap was full";
                case "137" -> "it was killed";
                default -> "it ended with status " + fields[4];
              };
        }
      }
      default -> throw new IllegalArgumentException(String.join(" ", fields));
    }
  }

  boolean isOurs() {
    return sizing == Sizing.NOBODY;
  }

  /**
   * Is it ours, on memory that the kernel takes back? On memfd the library has to notice in time.
   */
  boolean givesWay() {
    return isOurs() && !name.endsWith("MEMFD");
  }

  boolean survived() {
    return ending.isEmpty();
  }

  /** Returns the part of the lookups after the warm-up that were hits, or NaN. */
  double hitRate() {
    return hitRate(warmUp, seconds.size());
  }

  /** Returns the part of the lookups in these seconds that were hits, or NaN if there was none. */
  double hitRate(int from, int to) {
    long hits = 0;
    long lookups = 0;
    for (int second = from; second < Math.min(to, seconds.size()); second++) {
      hits += seconds.get(second)[0];
      lookups += seconds.get(second)[1];
    }
    return (double) hits / lookups;
  }
}
