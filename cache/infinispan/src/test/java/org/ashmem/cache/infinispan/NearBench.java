// SPDX-License-Identifier: Apache-2.0
package org.ashmem.cache.infinispan;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.apache.commons.math3.distribution.ZipfDistribution;
import org.apache.commons.math3.random.Well19937c;
import org.ashmem.cache.Codec;
import org.infinispan.client.hotrod.RemoteCache;
import org.infinispan.client.hotrod.RemoteCacheManager;
import org.infinispan.client.hotrod.jmx.RemoteCacheClientStatisticsMXBean;
import org.infinispan.client.hotrod.near.DefaultNearCacheFactory;
import org.infinispan.client.hotrod.near.NearCacheFactory;

/**
 * Measures a client that reads values of two servers, as fast as it can, beside a neighbour that
 * takes memory and frees it. For {@code ./run bench infinispan}.
 */
final class NearBench {
  private static final int VALUES = 32768;
  private static final int LENGTH = 16 << 10;
  private static final double ZIPF = 0.99;
  private static final int THREADS = 2;

  /** The neighbour's memory in MiB, and for how many seconds it has it, and has it not. */
  private static final List<String> NEIGHBOUR = List.of("200", "3", "3");

  private NearBench() {}

  /**
   * Serves or reads.
   *
   * @param arguments {@code serve}, to run servers until the input ends and print their ports. Or
   *     {@code none}, {@code heap} with the entries, or {@code purgeable} with the bytes of the
   *     near cache, the ports, the seconds to run, those of them before the neighbour begins, and
   *     the program that is the neighbour. This prints the reads in a second, those that asked a
   *     server, the bytes of values that these brought, and how many values were wrong
   * @throws Exception if a process or a server fails
   */
  public static void main(String[] arguments) throws Exception {
    if (arguments[0].equals("serve")) {
      serve();
    } else {
      read(arguments);
    }
    // Threads that lag still read.
    Runtime.getRuntime().halt(0);
  }

  private static byte[] value(int key) {
    byte[] value = new byte[LENGTH];
    Arrays.fill(value, (byte) key);
    ByteBuffer.wrap(value).putInt(key);
    return value;
  }

  private static void serve() throws IOException, InterruptedException {
    Cluster cluster = Cluster.shared();
    try (RemoteCacheManager client = cluster.client(null, cache -> {})) {
      RemoteCache<Integer, byte[]> cache = client.getCache(Cluster.CACHE);
      Map<Integer, byte[]> some = new HashMap<>();
      for (int key = 0; key < VALUES; key++) {
        some.put(key, value(key));
        if (some.size() == 128) {
          cache.putAll(some);
          some.clear();
        }
      }
    }
    System.out.println(cluster.port(0) + "," + cluster.port(1));
    byte[] unused = System.in.readAllBytes();
    // Who measures counts the time of those that were waited for.
    cluster.kill(0);
    cluster.kill(1);
  }

  private static void read(String[] arguments) throws Exception {
    long size = Long.parseLong(arguments[1]);
    int[] ports = Stream.of(arguments[2].split(",")).mapToInt(Integer::parseInt).toArray();
    int seconds = Integer.parseInt(arguments[3]);
    int first = Integer.parseInt(arguments[4]);
    NearCacheFactory near =
        switch (arguments[0]) {
          case "none" -> null;
          case "heap" -> DefaultNearCacheFactory.INSTANCE;
          default ->
              new PurgeableNearCacheFactory(Codec.bytes(), cache -> cache.maximumBytes(size));
        };
    int entries = arguments[0].equals("heap") ? Math.toIntExact(size) : -1;
    try (RemoteCacheManager client =
        Cluster.client(ports, near, cache -> cache.nearCacheMaxEntries(entries))) {
      RemoteCache<Integer, byte[]> cache = client.getCache(Cluster.CACHE);
      List<Reader> readers =
          IntStream.range(0, THREADS).mapToObj(number -> new Reader(cache, number)).toList();
      Process neighbour =
          new ProcessBuilder(
                  arguments[5],
                  "take",
                  NEIGHBOUR.get(0),
                  arguments[4],
                  NEIGHBOUR.get(1),
                  NEIGHBOUR.get(2))
              .redirectOutput(ProcessBuilder.Redirect.DISCARD)
              .redirectError(ProcessBuilder.Redirect.INHERIT)
              .start();
      readers.forEach(Thread::start);
      TimeUnit.SECONDS.sleep(first);
      RemoteCacheClientStatisticsMXBean statistics = cache.clientStatistics();
      long began = System.nanoTime();
      long reads = readers.stream().mapToLong(reader -> reader.reads).sum();
      long asked = statistics.getRemoteHits();
      boolean killed = neighbour.waitFor(seconds - first, TimeUnit.SECONDS);
      double passed = (System.nanoTime() - began) / 1e9;
      reads = readers.stream().mapToLong(reader -> reader.reads).sum() - reads;
      asked = statistics.getRemoteHits() - asked;
      neighbour.destroyForcibly();
      if (killed) {
        System.exit(4);
      }
      System.out.printf(
          Locale.ROOT,
          "%.0f\t%.0f\t%.0f\t%d%n",
          reads / passed,
          asked / passed,
          asked / passed * LENGTH,
          readers.stream().mapToLong(reader -> reader.wrong).sum());
      System.out.flush();
      Runtime.getRuntime().halt(0);
    }
  }

  /** A thread that reads. It is the only writer of its counts. */
  private static final class Reader extends Thread {
    private final RemoteCache<Integer, byte[]> cache;
    private final ZipfDistribution keys;
    volatile long reads;
    volatile long wrong;

    Reader(RemoteCache<Integer, byte[]> cache, int number) {
      super("reader " + number);
      setDaemon(true);
      this.cache = cache;
      this.keys = new ZipfDistribution(new Well19937c(number), VALUES, ZIPF);
    }

    @Override
    @SuppressWarnings("NonAtomicVolatileUpdate") // there is one writer
    public void run() {
      for (; ; ) {
        int key = keys.sample() - 1;
        byte[] value = cache.get(key);
        if (value.length != LENGTH
            || ByteBuffer.wrap(value).getInt() != key
            || value[LENGTH / 2] != (byte) key
            || value[LENGTH - 1] != (byte) key) {
          wrong++;
        }
        reads++;
      }
    }
  }
}
