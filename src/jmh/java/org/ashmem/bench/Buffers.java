// SPDX-License-Identifier: Apache-2.0
package org.ashmem.bench;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.concurrent.TimeUnit;
import org.ashmem.AshmemRegion;
import org.ashmem.Backend;
import org.ashmem.Mapping;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

/** Reads and writes the buffer of a mapping and a direct buffer that Java allocated. */
@State(Scope.Benchmark)
@Warmup(iterations = 5, time = 500, timeUnit = TimeUnit.MILLISECONDS)
@Measurement(iterations = 10, time = 100, timeUnit = TimeUnit.MILLISECONDS)
public class Buffers {
  /** Small enough for the first-level cache: the benchmark compares the access, not the memory. */
  static final int BYTES = 16 * 1024;

  private AshmemRegion region;
  private Mapping mapping;
  private ByteBuffer mapped;
  private ByteBuffer direct;
  private long value = 7;

  @Setup
  public void map() {
    region = AshmemRegion.builder().name("bench").size(BYTES).backend(Backend.MEMFD).create();
    mapping = region.map();
    mapped = mapping.buffer().order(ByteOrder.nativeOrder());
    direct = ByteBuffer.allocateDirect(BYTES).order(ByteOrder.nativeOrder());
  }

  @TearDown
  public void close() {
    mapping.close();
    region.close();
  }

  @Benchmark
  public long sumDirect() {
    return sum(direct);
  }

  @Benchmark
  public long sumMapped() {
    return sum(mapped);
  }

  @Benchmark
  public void fillDirect() {
    fill(direct, value);
  }

  @Benchmark
  public void fillMapped() {
    fill(mapped, value);
  }

  private static long sum(ByteBuffer buffer) {
    long sum = 0;
    for (int i = 0; i < BYTES; i += Long.BYTES) {
      sum += buffer.getLong(i);
    }
    return sum;
  }

  private static void fill(ByteBuffer buffer, long value) {
    for (int i = 0; i < BYTES; i += Long.BYTES) {
      buffer.putLong(i, value);
    }
  }
}
