// SPDX-License-Identifier: Apache-2.0
package org.ashmem;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.ByteBuffer;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.stream.IntStream;
import org.ashmem.example.SharedCounter;
import org.ashmem.example.TileCache;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

/** The examples that need no device, run as programs, and their classes. */
@ExtendWith(OnMemfd.class)
class ExamplesTest {
  private static final int PAGE = (int) AshmemRegion.pageSize();

  private static String run(Class<?> main) throws Exception {
    ChildJvm.Result result =
        ChildJvm.run(ChildJvm.command(List.of("-Dorg.ashmem.backend=memfd"), main));
    assertEquals(0, result.status(), result.output());
    return result.output();
  }

  @Test
  void tilesThatWerePurgedAreRenderedAgain() throws Exception {
    assertEquals(
        "first: 64 rendered, 0 wrong\n"
            + "again: 0 rendered, 0 wrong\n"
            + "purged "
            + 64 * 65536 / PAGE
            + " pages\n"
            + "after a purge: 64 rendered, 0 wrong\n",
        run(TileCache.class));
  }

  @Test
  void processesCountTogether() throws Exception {
    String output = run(SharedCounter.class);
    assertTrue(output.contains("3 JVMs counted to 300000\n"), output);
  }

  @Test
  void halfATileIsNotShown() {
    AtomicBoolean failing = new AtomicBoolean(true);
    try (TileCache cache =
        new TileCache(
            2,
            100,
            (tile, pixels) -> {
              pixels.put(0, (byte) 1);
              if (failing.get()) {
                throw new IllegalStateException("half a tile");
              }
              pixels.put(99, (byte) 2);
            })) {
      assertThrows(IllegalStateException.class, () -> cache.look(1, pixels -> pixels.get(99)));
      failing.set(false);
      assertEquals(2, cache.look(1, pixels -> pixels.get(99)));
      assertEquals(1, cache.renderings());
    }
  }

  /** Readers check every tile that they see, while another thread purges all the time. */
  @Test
  void everyTileThatIsSeenIsWhole() throws Exception {
    int tiles = 8;
    int size = 2 * PAGE;
    AtomicBoolean ended = new AtomicBoolean();
    ExecutorService executor = Executors.newFixedThreadPool(3);
    try (TileCache cache =
        new TileCache(
            tiles,
            size,
            (tile, pixels) -> {
              while (pixels.hasRemaining()) {
                pixels.put((byte) (tile + 1));
              }
            })) {
      Future<Long> purged =
          executor.submit(
              () -> {
                long pages = 0;
                while (!ended.get()) {
                  pages += Purge.all();
                }
                return pages;
              });
      List<Future<Long>> readers =
          IntStream.range(0, 2)
              .mapToObj(reader -> executor.submit(() -> wrong(cache, tiles, ended)))
              .toList();
      for (Future<Long> reader : readers) {
        assertEquals(0, reader.get());
      }
      ended.set(true);
      assertTrue(purged.get() > 0, "nothing was purged");
      assertTrue(cache.renderings() > tiles, "no tile was rendered again");
    } finally {
      ended.set(true);
      executor.shutdownNow();
    }
  }

  /** Reads tiles until a purged one was rendered again, and returns how many bytes were wrong. */
  private static long wrong(TileCache cache, int tiles, AtomicBoolean ended) {
    long wrong = 0;
    for (int round = 0; round < 1000 || (cache.renderings() <= tiles && !ended.get()); round++) {
      int tile = round % tiles;
      wrong += cache.look(tile, pixels -> count(pixels, (byte) (tile + 1)));
    }
    return wrong;
  }

  private static long count(ByteBuffer pixels, byte expected) {
    long wrong = 0;
    while (pixels.hasRemaining()) {
      wrong += pixels.get() == expected ? 0 : 1;
    }
    return wrong;
  }
}
