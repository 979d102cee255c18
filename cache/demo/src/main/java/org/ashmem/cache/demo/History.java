// SPDX-License-Identifier: Apache-2.0
package org.ashmem.cache.demo;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Locale;
import java.util.function.Predicate;
import java.util.function.ToDoubleFunction;
import java.util.stream.Collectors;
import org.ashmem.cache.CacheStatistics;

/**
 * What was seen lately.
 *
 * <p>Thread-safe. The monitor of this object protects its fields.
 */
final class History {
  /** Of two minutes. */
  private static final int MOST_SAMPLES = 240;

  private static final int MOST_EVENTS = 8;

  /** The hit rate is that of so many samples. */
  private static final int SAMPLES_OF_A_RATE = 4;

  private final List<Sample> samples = new ArrayList<>();
  private final Deque<Event> events = new ArrayDeque<>();

  /**
   * What is seen at a moment. Memory is in bytes.
   *
   * @param time seconds since 1970
   * @param usage that of the container; 0 without one
   * @param resident the cache's values
   * @param givenBack what held values of the cache
   * @param server the server, with the values
   * @param neighbour the neighbour
   * @param peer the peer
   * @param hits the cache's hits since the start
   * @param misses its misses since the start
   */
  record Sample(
      double time,
      long usage,
      long resident,
      long givenBack,
      long server,
      long neighbour,
      long peer,
      long hits,
      long misses) {}

  /** A sample with what happened since earlier ones: the hit rate, and misses a second. */
  record Rates(double hitRate, double missesPerSecond) {}

  private record Event(double time, String kind, String text) {}

  static double now() {
    return System.currentTimeMillis() / 1000.0;
  }

  synchronized void add(Sample sample) {
    if (samples.size() == MOST_SAMPLES) {
      Sample unused = samples.remove(0);
    }
    samples.add(sample);
  }

  /** Adds what happened. The kind is for the page's style sheet; neither text needs escaping. */
  synchronized void tell(String kind, String text) {
    if (events.size() == MOST_EVENTS) {
      Event unused = events.removeLast();
    }
    events.addFirst(new Event(now(), kind, text));
  }

  /** Returns the newest sample. There must be one. */
  synchronized Sample last() {
    return samples.get(samples.size() - 1);
  }

  /** Returns the newest sample of a kind, or the oldest of all. There must be one. */
  synchronized Sample last(Predicate<Sample> kind) {
    int index = samples.size() - 1;
    while (index > 0 && !kind.test(samples.get(index))) {
      index--;
    }
    return samples.get(index);
  }

  /** Returns the rates at the newest sample. There must be one. */
  synchronized Rates rates() {
    return rates(samples.size() - 1);
  }

  private Rates rates(int index) {
    Sample sample = samples.get(index);
    Sample earlier = samples.get(Math.max(0, index - SAMPLES_OF_A_RATE));
    long misses = sample.misses() - earlier.misses();
    long hits = sample.hits() - earlier.hits();
    double seconds = Math.max(1e-3, sample.time() - earlier.time());
    return new Rates(
        new CacheStatistics(hits, misses, 0, 0, 0, 0, 0, 0, 0, 0).hitRate(), misses / seconds);
  }

  /** Returns the members of an object of JSON: a column for each figure, in MiB, and the events. */
  synchronized String json() {
    List<Rates> rates = new ArrayList<>();
    for (int i = 0; i < samples.size(); i++) {
      rates.add(rates(i));
    }
    return String.join(
            ",",
            column("time", samples, Sample::time, "%.1f"),
            column("usage", samples, s -> mebibytes(s.usage()), "%.1f"),
            column("resident", samples, s -> mebibytes(s.resident()), "%.1f"),
            column("givenBack", samples, s -> mebibytes(s.givenBack()), "%.1f"),
            column("server", samples, s -> mebibytes(s.server()), "%.1f"),
            column("neighbour", samples, s -> mebibytes(s.neighbour()), "%.1f"),
            column("peer", samples, s -> mebibytes(s.peer()), "%.1f"),
            column("hitRate", rates, r -> 100 * r.hitRate(), "%.1f"),
            column("misses", rates, Rates::missesPerSecond, "%.0f"))
        + events.stream()
            .map(
                event ->
                    String.format(
                        Locale.ROOT,
                        "{\"time\":%.1f,\"kind\":\"%s\",\"text\":\"%s\"}",
                        event.time(),
                        event.kind(),
                        event.text()))
            .collect(Collectors.joining(",", ",\"events\":[", "]"));
  }

  private static <T> String column(
      String name, List<T> rows, ToDoubleFunction<T> figure, String format) {
    return rows.stream()
        .map(row -> String.format(Locale.ROOT, format, figure.applyAsDouble(row)))
        .collect(Collectors.joining(",", "\"" + name + "\":[", "]"));
  }

  static double mebibytes(long bytes) {
    return bytes / (double) (1 << 20);
  }
}
