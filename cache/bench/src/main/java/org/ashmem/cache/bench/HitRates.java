// SPDX-License-Identifier: Apache-2.0
package org.ashmem.cache.bench;

import com.github.benmanes.caffeine.cache.Cache;
import com.github.benmanes.caffeine.cache.Caffeine;
import java.io.IOException;
import java.io.PrintStream;
import java.util.List;
import java.util.stream.LongStream;
import org.ashmem.cache.Codec;
import org.ashmem.cache.PurgeableCache;
import org.ashmem.cache.Store;

/**
 * Measures how many requests of a trace hit, in our cache and in Caffeine of as many bytes. Each
 * request that misses puts a value of 1 KiB. The sizes are the powers of two from a sixteenth to a
 * half of what all values of the trace take, and not below what our cache takes at least.
 *
 * <p>Prints one line per figure, with three fields separated by tabs: {@code requests} and {@code
 * values}, the trace and their number; {@code ours} and {@code caffeine}, the trace with the size
 * in MiB such as {@code web07-4}, and the part of the requests that hit.
 */
public final class HitRates {
  private static final int VALUE = 1 << 10;
  private static final int LEAST = 2 << 20;

  /** The parts of the requests that hit in a cache of so many bytes. */
  private record Rates(long bytes, double ours, double caffeine) {}

  private HitRates() {}

  /**
   * Measures hit rates.
   *
   * @param traces the names of traces, such as {@code orm-busy}
   * @throws IOException if a trace cannot be read
   */
  public static void main(String[] traces) throws IOException {
    for (String trace : traces) {
      measure(System.out, trace, Trace.of(trace).read());
    }
  }

  static void measure(PrintStream figures, String name, Trace.Requests requests) {
    figures.println("requests\t" + name + "\t" + requests.keys().length);
    figures.println("values\t" + name + "\t" + requests.distinct());
    long all = (long) requests.distinct() * VALUE;
    List<Rates> rates =
        LongStream.iterate(LEAST, bytes -> bytes <= all / 2, bytes -> 2 * bytes)
            .filter(bytes -> bytes >= all / 16)
            .boxed()
            .parallel()
            .map(bytes -> new Rates(bytes, ours(requests, bytes), caffeine(requests, bytes)))
            .toList();
    for (Rates each : rates) {
      String row = name + "-" + (each.bytes() >> 20);
      figures.println("ours\t" + row + "\t" + each.ours());
      figures.println("caffeine\t" + row + "\t" + each.caffeine());
    }
  }

  /** Nothing is given back, so that the policy alone decides. */
  private static double ours(Trace.Requests requests, long bytes) {
    byte[] value = new byte[VALUE];
    try (PurgeableCache<Integer, byte[]> cache =
        PurgeableCache.<Integer, byte[]>builder(Codec.bytes())
            .store(Store.LAZY)
            .maximumBytes(bytes)
            .minimumBytes(bytes)
            .build()) {
      for (int key : requests.keys()) {
        if (cache.getIfPresent(key) == null) {
          cache.put(key, value);
        }
      }
      return cache.statistics().hitRate();
    }
  }

  /** Caffeine counts the bytes of values alone, and works at once instead of a moment later. */
  private static double caffeine(Trace.Requests requests, long bytes) {
    Cache<Integer, byte[]> cache =
        Caffeine.newBuilder()
            .executor(Runnable::run)
            .maximumWeight(bytes)
            .weigher((Integer key, byte[] value) -> value.length)
            .recordStats()
            .build();
    byte[] value = new byte[VALUE];
    for (int key : requests.keys()) {
      if (cache.getIfPresent(key) == null) {
        cache.put(key, value);
      }
    }
    return cache.stats().hitRate();
  }
}
