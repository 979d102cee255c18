// SPDX-License-Identifier: Apache-2.0
package org.ashmem.cache.bench.container;

import java.io.IOException;
import java.lang.management.GarbageCollectorMXBean;
import java.lang.management.ManagementFactory;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.IntStream;
import org.HdrHistogram.Histogram;
import org.HdrHistogram.SingleWriterRecorder;
import org.apache.commons.math3.distribution.ZipfDistribution;
import org.apache.commons.math3.random.Well19937c;
import org.ashmem.cache.bench.Peer;

/**
 * Asks one cache for values, beside its neighbours in the container. Each miss loads the value and
 * puts it. The keys come at a fixed rate, the same keys for each cache.
 *
 * <p>Prints lines of fields that are separated by tabs. Each second one of {@code second}, its
 * number, its hits and misses, the hits so far that had a wrong byte, the 50th and the 99th
 * percentile of hits and those of misses in microseconds, and the milliseconds of garbage
 * collections so far. The percentiles are of all seconds since the neighbour began. A line of
 * {@code took} says, whenever the neighbour took its memory: the second, the bytes that it got
 * within a second, and the seconds until it had all. A line of {@code killed} names a neighbour
 * that was killed, and is the last one.
 */
public final class Load {
  private static final int VALUES = 32768;
  private static final double ZIPF = 0.99;
  private static final int THREADS = 2;

  private final Peer cache;
  private final long began = System.nanoTime();
  private final long warmUp;
  private final long end;
  private final long pause;

  /** The threads that ask. Each is the only writer of its own counts. */
  private final List<Asker> askers;

  private Load(Peer cache, int seconds, int warmUp, int rate) {
    this.cache = cache;
    this.warmUp = warmUp;
    this.end = began + TimeUnit.SECONDS.toNanos(seconds);
    this.pause = TimeUnit.SECONDS.toNanos(THREADS) / rate;
    this.askers = IntStream.range(0, THREADS).mapToObj(Asker::new).toList();
  }

  /**
   * Runs the load.
   *
   * @param arguments the peer's name, the bytes of its cache, the seconds to run, those of them
   *     before the neighbour begins, the requests in a second, the program that is the neighbours,
   *     the file that one of them reads, and the mebibytes that it reads in a second
   * @throws IOException if a neighbour does not start
   * @throws InterruptedException never
   */
  public static void main(String[] arguments) throws IOException, InterruptedException {
    Thread.setDefaultUncaughtExceptionHandler(Load::fail);
    int seconds = Integer.parseInt(arguments[2]);
    int warmUp = Integer.parseInt(arguments[3]);
    Peer cache = Peer.open(arguments[0], Long.parseLong(arguments[1]));
    try (Neighbours neighbours = new Neighbours(arguments[5], warmUp, arguments[6], arguments[7])) {
      Load load = new Load(cache, seconds, warmUp, Integer.parseInt(arguments[4]));
      load.askers.forEach(Thread::start);
      for (int second = 1; second <= seconds; second++) {
        if (neighbours.wasKilledBefore(load.began + TimeUnit.SECONDS.toNanos(second), second)) {
          break;
        }
        load.print(second);
      }
    }
    // The cache is not closed: threads that lag still ask it.
    Runtime.getRuntime().halt(0);
  }

  /** Ends the run if a thread cannot go on. */
  private static void fail(Thread thread, Throwable exception) {
    exception.printStackTrace();
    Runtime.getRuntime().halt(1);
  }

  private final class Asker extends Thread {
    final SingleWriterRecorder hits = new SingleWriterRecorder(3);
    final SingleWriterRecorder misses = new SingleWriterRecorder(3);
    final ZipfDistribution keys;
    volatile long wrong;

    Asker(int number) {
      super("asker " + number);
      setDaemon(true);
      keys = new ZipfDistribution(new Well19937c(number), VALUES, ZIPF);
    }

    @Override
    public void run() {
      long due = began;
      while (due < end) {
        long left = due - System.nanoTime();
        if (left > 0) {
          LockSupport.parkNanos(left);
        }
        ask(keys.sample());
        due += pause;
      }
    }

    @SuppressWarnings("NonAtomicVolatileUpdate") // there is one writer
    private void ask(long key) {
      long from = System.nanoTime();
      byte[] value = cache.get(key);
      if (value != null) {
        hits.recordValue(System.nanoTime() - from);
        if (!Value.is(key, value)) {
          wrong++;
        }
      } else {
        cache.put(key, Value.of(key));
        misses.recordValue(System.nanoTime() - from);
      }
    }
  }

  private final Histogram allHits = new Histogram(3);
  private final Histogram allMisses = new Histogram(3);

  private void print(int second) {
    long hits = 0;
    long misses = 0;
    long wrong = 0;
    for (Asker asker : askers) {
      Histogram asked = asker.hits.getIntervalHistogram();
      Histogram loaded = asker.misses.getIntervalHistogram();
      hits += asked.getTotalCount();
      misses += loaded.getTotalCount();
      wrong += asker.wrong;
      if (second > warmUp) {
        allHits.add(asked);
        allMisses.add(loaded);
      }
    }
    System.out.printf(
        Locale.ROOT,
        "second\t%d\t%d\t%d\t%d\t%.1f\t%.1f\t%.1f\t%.1f\t%d%n",
        second,
        hits,
        misses,
        wrong,
        microseconds(allHits, 50),
        microseconds(allHits, 99),
        microseconds(allMisses, 50),
        microseconds(allMisses, 99),
        collections());
  }

  private static double microseconds(Histogram times, double percentile) {
    return times.getValueAtPercentile(percentile) / 1e3;
  }

  private static long collections() {
    return ManagementFactory.getGarbageCollectorMXBeans().stream()
        .mapToLong(GarbageCollectorMXBean::getCollectionTime)
        .sum();
  }
}
