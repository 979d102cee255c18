// SPDX-License-Identifier: Apache-2.0
package org.ashmem;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.reflect.Proxy;
import java.util.List;
import org.apache.commons.lang3.SerializationUtils;
import org.junit.jupiter.api.Test;

/** Many ranges, some of which the kernel refuses: a driver that stands for such a kernel. */
class PinManyTest {
  private static final long PAGE = AshmemRegion.pageSize();
  private static final int SIZE = 4;

  private static final PinRange FIRST = new PinRange(0, PAGE);
  private static final PinRange SECOND = new PinRange(PAGE, PAGE);
  private static final PinRange THIRD = new PinRange(2 * PAGE, 2 * PAGE);

  /** Returns a region whose driver answers each range with the next of these results. */
  private static AshmemRegion region(int... results) {
    Driver driver =
        (Driver)
            Proxy.newProxyInstance(
                PinManyTest.class.getClassLoader(),
                new Class<?>[] {Driver.class},
                (proxy, method, arguments) -> {
                  if (method.getName().endsWith("Many")) {
                    long[] ranges = (long[]) arguments[1];
                    assertEquals(3 * results.length, ranges.length);
                    for (int i = 0; i < results.length; i++) {
                      ranges[3 * i + 2] = results[i];
                    }
                    return 0;
                  }
                  if (method.getName().equals("backend")) {
                    return Backend.MEMFD;
                  }
                  assertEquals("close", method.getName());
                  return null;
                });
    return new AshmemRegion(new Descriptor(Shim.memfd(new byte[0])), driver, "many", SIZE * PAGE);
  }

  @Test
  void refusedRangeDoesNotHideAPurgeOfAnother() {
    long pins = Counters.pins();
    long purges = Counters.purgesFound();
    try (AshmemRegion region = region(1, -Errno.ENOMEM, 0)) {
      AshmemException.PartlyPinned e =
          assertThrows(
              AshmemException.PartlyPinned.class, () -> region.pinAll(FIRST, SECOND, THIRD));

      PinResults results = e.results();
      assertEquals(List.of(FIRST), results.purged());
      assertEquals(List.of(SECOND), results.refused());
      assertEquals(PinResult.WAS_PURGED, results.result(0));
      assertEquals(PinResult.NOT_PURGED, results.result(2));
      assertThrows(IllegalStateException.class, () -> results.result(1));
      assertEquals(
          "ASHMEM_PIN_VECTOR on 'many': ENOMEM (12), 1 of 3 ranges were not pinned; results() tells"
              + " which, and what was purged of the others",
          e.getMessage());
      assertEquals("3 ranges, 1 purged, 1 refused", results.toString());
      assertEquals(pins + 2, Counters.pins());
      assertEquals(purges + 1, Counters.purgesFound());
    }
  }

  @Test
  void exceptionKeepsTheResultsOnItsWay() {
    AshmemException.PartlyPinned e;
    try (AshmemRegion region = region(1, -Errno.ENOMEM)) {
      e = assertThrows(AshmemException.PartlyPinned.class, () -> region.pinAll(FIRST, SECOND));
    }
    AshmemException.PartlyPinned copy = SerializationUtils.clone(e);
    assertEquals(List.of(FIRST), copy.results().purged());
    assertEquals(List.of(SECOND), copy.results().refused());
  }

  @Test
  void refusedUnpinIsToldOf() {
    try (AshmemRegion region = region(0, -Errno.ENOMEM)) {
      AshmemException.OutOfMemory e =
          assertThrows(AshmemException.OutOfMemory.class, () -> region.unpinAll(FIRST, SECOND));
      assertEquals("ASHMEM_PIN_VECTOR", e.call());
    }
  }

  @Test
  void resultsAreThoseOfTheRanges() {
    try (AshmemRegion region = region(0, 1, 0)) {
      PinRange[] ranges = {FIRST, SECOND, THIRD};
      PinResults results = region.pinAll(ranges);
      ranges[1] = FIRST;
      assertTrue(results.wasPurged());
      assertEquals(List.of(SECOND), results.purged());
      assertEquals(List.of(), results.refused());
      assertThrows(IndexOutOfBoundsException.class, () -> results.result(3));
      assertThrows(IndexOutOfBoundsException.class, () -> results.result(-1));
      assertThrows(UnsupportedOperationException.class, () -> results.purged().clear());
    }
    try (AshmemRegion region = region(0, 0)) {
      assertFalse(region.pinAll(FIRST, THIRD).wasPurged());
    }
  }
}
