// SPDX-License-Identifier: Apache-2.0
package org.ashmem;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** Unpinned memory on memfd gives way to a process that fills its cgroup. */
@Tag("device")
class GivesWayIT {
  private static final int MIB = 1 << 20;
  private static final int PAGE = (int) AshmemRegion.pageSize();

  /** Writes to each page of a part. */
  private static void fill(ByteBuffer bytes, int from, int to) {
    for (int at = from; at < to; at += PAGE) {
      bytes.put(at, (byte) 1);
    }
  }

  /** A cache of tiles, all unpinned but the one that is being drawn. */
  static final class Tiles {
    private static final int TILE = 16 * MIB;

    private Tiles() {}

    public static void main(String[] arguments) {
      List<AshmemRegion> tiles = new ArrayList<>();
      List<Mapping> mappings = new ArrayList<>();
      for (int i = 0; i < Integer.parseInt(arguments[0]); i++) {
        tiles.add(AshmemRegion.create("tile " + i, TILE));
        mappings.add(tiles.get(i).map());
        fill(mappings.get(i).buffer(), 0, TILE);
        tiles.get(i).unpin();
      }
      tell(tiles, mappings);
    }
  }

  /** A cache in one region that is complete, and then anonymous memory. */
  static final class Others {
    private static final int PARTS = 40;
    private static final int PART = 4 * MIB;

    private Others() {}

    public static void main(String[] arguments) throws Exception {
      List<AshmemRegion> parts = new ArrayList<>();
      List<Mapping> mappings = new ArrayList<>();
      for (int i = 0; i < PARTS; i++) {
        parts.add(AshmemRegion.create("part " + i, PART));
        mappings.add(parts.get(i).map());
        fill(mappings.get(i).buffer(), 0, PART);
        parts.get(i).unpin();
      }
      // A private mapping is anonymous memory.
      AshmemRegion other = AshmemRegion.create("other", Long.parseLong(arguments[0]));
      ByteBuffer bytes = other.map(MapMode.PRIVATE, 0, other.size()).buffer();
      // The cgroup of this process comes first.
      MemoryLimit limit = Cgroups.of(Path.of("/proc")).limits().get(0);
      for (int at = 0; at < bytes.capacity(); at += PART) {
        // Only the thread that watches makes room for this. How soon it does depends on the
        // machine.
        Await.until(() -> !limit.room().isShort(0));
        fill(bytes, at, Math.min(at + PART, bytes.capacity()));
      }
      tell(parts, mappings);
    }
  }

  /** Prints how many regions were purged, or that one has lost bytes that it should have. */
  private static void tell(List<AshmemRegion> regions, List<Mapping> mappings) {
    int purged = 0;
    for (int i = 0; i < regions.size(); i++) {
      ByteBuffer bytes = mappings.get(i).buffer();
      if (regions.get(i).pin() == PinResult.WAS_PURGED) {
        purged++;
      } else if (bytes.get(0) != 1 || bytes.get(bytes.capacity() - PAGE) != 1) {
        System.out.println("lost bytes");
      }
    }
    System.out.println(purged > 0 && purged < regions.size() ? "some purged" : "purged " + purged);
  }

  /** The thread that creates and unpins makes the room. */
  @Test
  void cacheOutlivesItsLimit() throws Exception {
    assertEquals(
        new ChildJvm.Result(0, "some purged\n"), run(160L * MIB, List.of(), Tiles.class, "20"));
  }

  /** The program unpins nothing meanwhile. */
  @Test
  void anonymousMemoryTakesTheRoomOfACache() throws Exception {
    assertEquals(
        new ChildJvm.Result(0, "some purged\n"),
        run(300L * MIB, List.of(), Others.class, Integer.toString(150 * MIB)));
  }

  @Test
  void nothingIsPurgedWithinTheLimit() throws Exception {
    assertEquals(
        new ChildJvm.Result(0, "purged 0\n"), run(300L * MIB, List.of(), Tiles.class, "6"));
  }

  @Test
  void cacheThatDoesNotGiveWayIsKilled() throws Exception {
    ChildJvm.Result result =
        run(160L * MIB, List.of("-D" + PressureWatch.PROPERTY + "=false"), Tiles.class, "20");
    assertEquals(128 + 9, result.status(), result.output());
    assertTrue(result.output().contains("is purged on request only"), result.output());
  }

  private static ChildJvm.Result run(
      long limit, List<String> options, Class<?> program, String... arguments) throws Exception {
    List<String> all = new ArrayList<>(options);
    all.add("-Dorg.ashmem.backend=memfd");
    try (LimitedGroup group = new LimitedGroup("ashmem-gives-way", limit)) {
      return group.run(ChildJvm.command(all, program, arguments));
    }
  }
}
