// SPDX-License-Identifier: Apache-2.0
package org.ashmem;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** Regions and mappings that the program does not close. */
@Tag("device")
class ForgottenIT {
  private static final Path DEVICE = Path.of(AshmemRegion.DEVICE);
  private static final int PAGE = (int) AshmemRegion.pageSize();
  private static final int REGIONS = 10_000;
  private static final String NAME = "forgotten";

  /** The references that a program holds. A mapping does not keep its region reachable. */
  private record Held(AshmemRegion region, Mapping mapping) {}

  /** Raises the limit of descriptors: the guest's init allows its children 4096. */
  @BeforeAll
  static void allowDescriptors() throws Exception {
    String pid = Long.toString(ProcessHandle.current().pid());
    ChildJvm.Result result =
        ChildJvm.run(List.of("prlimit", "--pid", pid, "--nofile=" + 2 * REGIONS));
    assertEquals(0, result.status(), result.output());
  }

  @Test
  void leaveNothing() throws Exception {
    long descriptors = OpenFile.count(DEVICE);
    long memory = Regions.memory();
    List<Held> held = new ArrayList<>();
    for (int i = 0; i < REGIONS; i++) {
      AshmemRegion region = AshmemRegion.create(NAME, PAGE);
      Mapping mapping = region.map();
      mapping.buffer().putLong(0, i);
      region.unpin();
      held.add(new Held(region, mapping));
    }

    // All regions and mappings stay while they are reachable.
    System.gc();
    assertEquals(descriptors + REGIONS, OpenFile.count(DEVICE));
    assertEquals(REGIONS, Maps.lines("/dev/ashmem/" + NAME).size());
    assertEquals(REGIONS, Regions.named(NAME).size());
    long taken = Regions.memory() - memory;
    assertTrue(taken > (long) REGIONS * PAGE / 2, taken + " bytes");
    assertTrue(held.stream().allMatch(each -> each.region.isOpen() && each.mapping.isOpen()));

    held.clear();
    Maps.awaitNone("/dev/ashmem/" + NAME);
    // The collection that found the mappings also found the regions. Only the cleaner must still
    // close them.
    Await.until(() -> OpenFile.count(DEVICE) <= descriptors);
    assertEquals(descriptors, OpenFile.count(DEVICE));
    assertEquals(0, Regions.named(NAME).size());
    long left = Regions.memory() - memory;
    assertTrue(left < (long) REGIONS * PAGE / 4, left + " bytes");
  }
}
