// SPDX-License-Identifier: Apache-2.0
package org.ashmem;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.sun.management.ThreadMXBean;
import java.lang.management.ManagementFactory;
import java.util.List;
import jdk.jfr.consumer.RecordedEvent;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** Events and counters of pins and purges on a real region. */
class EventsIT {
  private static final long PAGE = AshmemRegion.pageSize();
  private static final int CALLS = 100_000;

  @Test
  void pinsAndPurgesAreRecordedAndCounted() throws Exception {
    long pins = Counters.pins();
    long purgesFound = Counters.purgesFound();
    List<RecordedEvent> events =
        Recorded.all(
            "recorded",
            () -> {
              try (AshmemRegion region = AshmemRegion.create("recorded", 4 * PAGE)) {
                try (Mapping mapping = region.map()) {
                  mapping.buffer().putLong(0, 1);
                }
                region.unpin(PAGE, PAGE);
                assertEquals(PinResult.NOT_PURGED, region.pin(PAGE, PAGE));
                region.unpin();
                AshmemRegion.purgeAllCaches();
                try (Pin pin = region.pinned(0, 2 * PAGE)) {
                  assertTrue(pin.wasPurged());
                }
              }
            });

    long size = 4 * PAGE;
    assertEquals(
        List.of(
            "org.ashmem.Map mode=READ_WRITE offset=0 length=" + size,
            "org.ashmem.Close kind=MAPPING offset=0 length=" + size,
            "org.ashmem.Unpin offset=" + PAGE + " length=" + PAGE,
            "org.ashmem.Pin offset=" + PAGE + " length=" + PAGE + " purged=false",
            "org.ashmem.Unpin offset=0 length=" + size,
            "org.ashmem.Pin offset=0 length=" + 2 * PAGE + " purged=true",
            "org.ashmem.PurgeFound offset=0 length=" + 2 * PAGE,
            "org.ashmem.Unpin offset=0 length=" + 2 * PAGE,
            "org.ashmem.Close kind=REGION offset=0 length=" + size),
        events.stream().map(Recorded::line).toList());
    assertEquals(2, Counters.pins() - pins);
    assertEquals(1, Counters.purgesFound() - purgesFound);
  }

  @Test
  @Tag("device")
  void nothingIsAllocatedWhenNobodyRecords() {
    ThreadMXBean thread = (ThreadMXBean) ManagementFactory.getThreadMXBean();
    try (AshmemRegion region = AshmemRegion.create("quiet", PAGE)) {
      // The first rounds are a warm-up for linking and compiling.
      pinAndUnpin(region, 10_000);
      long before = thread.getCurrentThreadAllocatedBytes();
      pinAndUnpin(region, CALLS);
      long allocated = thread.getCurrentThreadAllocatedBytes() - before;
      assertTrue(allocated < CALLS / 100, CALLS + " calls allocated " + allocated + " bytes");
    }
  }

  private static void pinAndUnpin(AshmemRegion region, int calls) {
    for (int i = 0; i < calls; i++) {
      region.unpin();
      assertEquals(PinResult.NOT_PURGED, region.pin());
    }
  }
}
