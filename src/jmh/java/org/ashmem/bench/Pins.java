// SPDX-License-Identifier: Apache-2.0
package org.ashmem.bench;

import org.ashmem.AshmemRegion;
import org.ashmem.Backend;
import org.ashmem.PinResult;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

/**
 * Pins and unpins a page on the device. Iterations are long, because the bytes that JMH allocates
 * in each iteration count as bytes of the calls.
 */
@State(Scope.Benchmark)
@Warmup(iterations = 5, time = 1)
@Measurement(iterations = 5, time = 5)
public class Pins {
  private final long page = AshmemRegion.pageSize();
  private AshmemRegion region;

  @Setup
  public void create() {
    region = AshmemRegion.builder().name("bench").size(16 * page).backend(Backend.DEVICE).create();
    region.unpin(0, page);
  }

  @TearDown
  public void close() {
    region.close();
  }

  @Benchmark
  public PinResult pin() {
    PinResult result = region.pin(0, page);
    region.unpin(0, page);
    return result;
  }
}
