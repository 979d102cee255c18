// SPDX-License-Identifier: Apache-2.0
package org.ashmem.bench;

import static java.lang.foreign.ValueLayout.JAVA_LONG_UNALIGNED;

import java.lang.foreign.MemorySegment;
import java.util.concurrent.TimeUnit;
import org.ashmem.AshmemRegion;
import org.ashmem.Backend;
import org.ashmem.Mapping;
import org.ashmem.Segments;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

/**
 * Reads and writes the segment of a mapping. The longs are unaligned like those of a buffer: with
 * an alignment check, HotSpot does not vectorize the loop that writes.
 */
@State(Scope.Benchmark)
@Warmup(iterations = 5, time = 500, timeUnit = TimeUnit.MILLISECONDS)
@Measurement(iterations = 10, time = 100, timeUnit = TimeUnit.MILLISECONDS)
public class SegmentViews {
  private AshmemRegion region;
  private Mapping mapping;
  private MemorySegment segment;
  private long value = 7;

  /** Uses reflection, because the compiler sees the class for older Java in the class folder. */
  @Setup
  public void map() throws ReflectiveOperationException {
    region =
        AshmemRegion.builder().name("bench").size(Buffers.BYTES).backend(Backend.MEMFD).create();
    mapping = region.map();
    segment = (MemorySegment) Segments.class.getMethod("of", Mapping.class).invoke(null, mapping);
  }

  @TearDown
  public void close() {
    mapping.close();
    region.close();
  }

  @Benchmark
  public long sumSegment() {
    return sum(segment);
  }

  @Benchmark
  public void fillSegment() {
    fill(segment, value);
  }

  private static long sum(MemorySegment segment) {
    long sum = 0;
    for (int i = 0; i < Buffers.BYTES; i += Long.BYTES) {
      sum += segment.get(JAVA_LONG_UNALIGNED, i);
    }
    return sum;
  }

  private static void fill(MemorySegment segment, long value) {
    for (int i = 0; i < Buffers.BYTES; i += Long.BYTES) {
      segment.set(JAVA_LONG_UNALIGNED, i, value);
    }
  }
}
