// SPDX-License-Identifier: Apache-2.0
package org.ashmem.cache.bench;

import java.util.Objects;
import java.util.Random;
import java.util.SplittableRandom;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;

/**
 * What a call costs where memory is not short: all values fit, and each get is a hit.
 *
 * <p>Each call takes one of all keys at random, so that the processor's caches hold only a part of
 * the values.
 */
public class Calls {
  /** A cache that holds a value for each key. */
  @State(Scope.Benchmark)
  public static class Filled {
    private static final int MOST_KEYS = 100_000;
    private static final int MOST_BYTES = 256 << 20;

    /** A name for {@link Peer#open}. */
    @Param("lazy")
    public String peer = "";

    /** The length of each value. */
    @Param("256")
    public int length;

    private final AtomicInteger threads = new AtomicInteger();
    private int keys;
    private @Nullable Peer open;

    /** Opens the cache, and fills it until its memory was used once. */
    @Setup(Level.Trial)
    public void open() {
      keys = Math.min(MOST_KEYS, MOST_BYTES / length);
      Peer cache = Peer.open(peer, 2L * keys * length);
      byte[] value = value(length);
      for (int round = 0; round < 3; round++) {
        for (int key = 0; key < keys; key++) {
          cache.put(key, value);
        }
      }
      // Caffeine's values are old now, and the collector need not copy them later.
      System.gc();
      open = cache;
    }

    /** Gives its memory back. */
    @TearDown(Level.Trial)
    public void close() {
      cache().close();
    }

    Peer cache() {
      return Objects.requireNonNull(open);
    }
  }

  /** What a thread calls with. Each thread has a sequence of its own, the same in each run. */
  @State(Scope.Thread)
  public static class Caller {
    private SplittableRandom random = new SplittableRandom();
    private byte[] value = {};
    private int keys;
    private @Nullable Peer cache;

    /**
     * Begins the sequence.
     *
     * @param filled the cache
     */
    @Setup(Level.Trial)
    public void begin(Filled filled) {
      random = new SplittableRandom(filled.threads.incrementAndGet());
      value = value(filled.length);
      keys = filled.keys;
      cache = filled.cache();
    }
  }

  /**
   * Gets a value.
   *
   * @param caller the thread's state
   * @return the value
   */
  @Benchmark
  public byte[] get(Caller caller) {
    byte[] value = Objects.requireNonNull(caller.cache).get(caller.random.nextInt(caller.keys));
    return Objects.requireNonNull(value, "a miss");
  }

  /**
   * Puts a value in place of another one.
   *
   * @param caller the thread's state
   */
  @Benchmark
  public void put(Caller caller) {
    Objects.requireNonNull(caller.cache).put(caller.random.nextInt(caller.keys), caller.value);
  }

  private static byte[] value(int length) {
    byte[] value = new byte[length];
    new Random(length).nextBytes(value);
    return value;
  }
}
