// SPDX-License-Identifier: Apache-2.0
package org.ashmem;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.BufferedReader;
import java.io.Writer;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import org.ashmem.example.Pattern;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** A JVM that SIGKILL ends at any point of a region's life leaves no memory pinned for ever. */
@Tag("device")
class KilledIT {
  private static final int PAGE = (int) AshmemRegion.pageSize();

  /** Large enough to stand out from other changes of the memory in use. */
  private static final int SIZE = 16 << 20;

  /** The phase in which the JVM is killed. In all but the first, it has written every page. */
  enum Phase {
    OPENED,
    MAPPED,
    UNPINNED,
    PINNED_AGAIN,
    IN_A_SCOPE,
    PINNING_AND_UNPINNING
  }

  /** Enters a phase, prints its descriptor of the region, and stays in the phase. */
  static final class Child {
    private Child() {}

    public static void main(String[] args) throws Exception {
      Phase phase = Phase.valueOf(args[0]);
      AshmemRegion region = AshmemRegion.create(name(phase), SIZE);
      if (phase != Phase.OPENED) {
        Mapping mapping = region.map();
        for (int offset = 0; offset < SIZE; offset += PAGE) {
          mapping.buffer().putLong(offset, offset + 1);
        }
      }
      switch (phase) {
        case OPENED, MAPPED -> {}
        case UNPINNED -> region.unpin();
        case PINNED_AGAIN -> {
          region.unpin();
          region.pin();
        }
        case IN_A_SCOPE -> {
          region.unpin();
          try (Pin pin = region.pinned(0, SIZE / 2)) {
            stay(region);
          }
        }
        case PINNING_AND_UNPINNING -> {
          start(region, 0);
          start(region, SIZE / 2);
        }
      }
      stay(region);
    }

    private static void stay(AshmemRegion region) throws Exception {
      System.out.println(region.dup().detach());
      Thread.sleep(Long.MAX_VALUE);
    }

    /** Starts a thread that unpins and pins ranges of changing length for ever. */
    private static void start(AshmemRegion region, long offset) throws Exception {
      CountDownLatch rounds = new CountDownLatch(100);
      Thread thread =
          new Thread(
              () -> {
                for (long pages = 1; ; pages = pages % 64 + 1) {
                  region.unpin(offset, pages * PAGE);
                  region.pin(offset + PAGE, pages * PAGE);
                  rounds.countDown();
                }
              });
      thread.start();
      rounds.await();
    }
  }

  @ParameterizedTest
  @EnumSource(Phase.class)
  @Tag("um")
  void regionGoesWithItsOnlyProcess(Phase phase) throws Exception {
    long before = Regions.memory();
    Process child = start(phase);
    try (BufferedReader out = child.inputReader(UTF_8)) {
      assertTrue(out.readLine().matches("[0-9]+"));
      List<Regions.Line> there = Regions.named(name(phase));
      assertEquals(1, there.size());
      Regions.Line line = there.get(0);
      assertEquals(child.pid(), line.pid());
      assertEquals(SIZE, line.pinned() + line.unpinned() + line.purged());
      switch (phase) {
        case OPENED, MAPPED, PINNED_AGAIN -> assertEquals(SIZE, line.pinned());
        case UNPINNED -> assertEquals(SIZE, line.unpinned());
        case IN_A_SCOPE -> assertEquals(SIZE / 2, line.unpinned());
        case PINNING_AND_UNPINNING -> assertTrue(line.pinned() > 0);
      }
      if (phase != Phase.OPENED) {
        assertTrue(Regions.memory() - before > SIZE / 2, "the child took no memory");
      }

      ChildJvm.kill(child);

      Await.until(() -> Regions.memory() - before < SIZE / 4);
      assertEquals(List.of(), Regions.named(name(phase)));
    } finally {
      child.destroyForcibly();
    }
  }

  /**
   * The surviving process can pin and unpin the ranges of the killed one. Purges work on them as
   * before.
   */
  @Test
  void regionStaysWithWhoSharesIt() throws Exception {
    int part = 4 * PAGE;
    int words = part / Long.BYTES;
    try (AshmemRegion region = AshmemRegion.create("survivor", 3L * part);
        Mapping mapping = region.map()) {
      for (int i = 0; i < 3; i++) {
        Pattern.fill(mapping.buffer().slice(i * part, part).asLongBuffer(), (long) i * words);
      }
      int fd = region.dup().detach();
      Process child = ChildJvm.start(ProcessHandle.current().pid(), fd, SharingIT.Child.class);
      try (BufferedReader out = child.inputReader(UTF_8);
          Writer in = child.outputWriter(UTF_8)) {
        assertTrue(out.readLine().startsWith("survivor "));
        assertEquals(0, Shim.close(fd));
        // The child leaves the first part unpinned, the second pinned, and the third unchanged.
        assertEquals("unpinned", SharingIT.ask(in, out, "unpin 0 " + 2 * part));
        assertEquals("NOT_PURGED", SharingIT.ask(in, out, "pin " + part + " " + part));

        ChildJvm.kill(child);
      } finally {
        child.destroyForcibly();
      }

      assertEquals(1, Regions.named("survivor").size());
      assertEquals(PinStatus.UNPINNED, region.pinStatus(0, part));
      assertEquals(PinStatus.PINNED, region.pinStatus(part, 2L * part));
      assertEquals(part / PAGE, AshmemRegion.purgeAllCaches());
      assertEquals(PinResult.WAS_PURGED, region.pin(0, part));
      assertEquals(0, mapping.buffer().getLong(0));
      assertEquals(PinResult.NOT_PURGED, region.pin(part, 2L * part));
      for (int i = 1; i < 3; i++) {
        assertEquals(
            -1,
            Pattern.mismatch(
                mapping.buffer().slice(i * part, part).asLongBuffer(), (long) i * words));
      }

      region.unpin();
      assertEquals(3L * part / PAGE, AshmemRegion.purgeAllCaches());
      assertEquals(PinResult.WAS_PURGED, region.pin());
      assertEquals(PinResult.NOT_PURGED, region.pin());
    }
    assertEquals(List.of(), Regions.named("survivor"));
  }

  /** The creator of the region is killed while it pins and unpins. */
  @Test
  void regionOutlivesItsCreator() throws Exception {
    Phase phase = Phase.PINNING_AND_UNPINNING;
    Process creator = start(phase);
    try (BufferedReader descriptor = creator.inputReader(UTF_8)) {
      int fd = Integer.parseInt(descriptor.readLine());
      Process heir = ChildJvm.start(creator.pid(), fd, SharingIT.Child.class);
      try (BufferedReader out = heir.inputReader(UTF_8);
          Writer in = heir.outputWriter(UTF_8)) {
        assertTrue(out.readLine().startsWith(name(phase) + " " + SIZE));

        ChildJvm.kill(creator);

        assertEquals(1, Regions.named(name(phase)).size());
        // Nothing was purged, so every byte is intact.
        assertEquals("NOT_PURGED", SharingIT.ask(in, out, "pin 0 " + SIZE));
        assertEquals(Integer.toString(PAGE + 1), SharingIT.ask(in, out, "get " + PAGE));
        assertEquals("unpinned", SharingIT.ask(in, out, "unpin 0 " + SIZE));
        assertEquals(SIZE / PAGE, AshmemRegion.purgeAllCaches());
        assertEquals("WAS_PURGED", SharingIT.ask(in, out, "pin 0 " + SIZE));
        assertEquals("PINNED", SharingIT.ask(in, out, "status 0 " + SIZE));
        ChildJvm.kill(heir);
      } finally {
        heir.destroyForcibly();
      }
    } finally {
      creator.destroyForcibly();
    }
    assertEquals(List.of(), Regions.named(name(phase)));
  }

  private static Process start(Phase phase) throws Exception {
    return ChildJvm.start(ChildJvm.command(List.of(), Child.class, phase.name()));
  }

  private static String name(Phase phase) {
    return "killed while " + phase;
  }
}
