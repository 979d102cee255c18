// SPDX-License-Identifier: Apache-2.0
package org.ashmem.bench;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.MethodType;
import java.util.concurrent.TimeUnit;
import org.ashmem.AshmemRegion;
import org.ashmem.Backend;
import org.ashmem.MapMode;
import org.ashmem.Segments;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.Warmup;

/** Creates a region on memfd, maps it into a confined arena, writes a byte, and closes both. */
@State(Scope.Benchmark)
@Warmup(iterations = 5, time = 1000, timeUnit = TimeUnit.MILLISECONDS)
@Measurement(iterations = 10, time = 200, timeUnit = TimeUnit.MILLISECONDS)
public class ArenaCreations {
  /** Found at run time, because the compiler sees the class for older Java in the class folder. */
  private static final MethodHandle MAP;

  static {
    try {
      MAP =
          MethodHandles.lookup()
              .findStatic(
                  Segments.class,
                  "map",
                  MethodType.methodType(
                      MemorySegment.class,
                      AshmemRegion.class,
                      MapMode.class,
                      long.class,
                      long.class,
                      Arena.class));
    } catch (ReflectiveOperationException e) {
      throw new ExceptionInInitializerError(e);
    }
  }

  private final long size = 16 * AshmemRegion.pageSize();

  @Benchmark
  public long createInArena() throws Throwable {
    try (AshmemRegion region =
            AshmemRegion.builder().name("bench").size(size).backend(Backend.MEMFD).create();
        Arena arena = Arena.ofConfined()) {
      MemorySegment segment =
          (MemorySegment) MAP.invokeExact(region, MapMode.READ_WRITE, 0L, size, arena);
      segment.set(JAVA_BYTE, 0, (byte) 1);
      return segment.byteSize();
    }
  }
}
