// SPDX-License-Identifier: Apache-2.0
package org.ashmem.bench;

import java.util.concurrent.TimeUnit;
import org.ashmem.AshmemRegion;
import org.ashmem.Backend;
import org.ashmem.Mapping;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.Warmup;

/** Creates, maps and closes a region on memfd. */
@State(Scope.Benchmark)
@Warmup(iterations = 5, time = 1000, timeUnit = TimeUnit.MILLISECONDS)
@Measurement(iterations = 10, time = 200, timeUnit = TimeUnit.MILLISECONDS)
public class Creations {
  private final long size = 16 * AshmemRegion.pageSize();

  private AshmemRegion region() {
    return AshmemRegion.builder().name("bench").size(size).backend(Backend.MEMFD).create();
  }

  @Benchmark
  public long create() {
    try (AshmemRegion region = region();
        Mapping mapping = region.map()) {
      return mapping.length();
    }
  }

  @Benchmark
  public long createAndWrite() {
    try (AshmemRegion region = region();
        Mapping mapping = region.map()) {
      mapping.buffer().put(0, (byte) 1);
      return mapping.length();
    }
  }
}
