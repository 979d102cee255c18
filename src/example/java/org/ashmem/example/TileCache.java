// SPDX-License-Identifier: Apache-2.0
package org.ashmem.example;

import java.nio.ByteBuffer;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.ToLongFunction;
import org.ashmem.AshmemRegion;
import org.ashmem.Mapping;
import org.ashmem.Pin;

/**
 * A cache that needs no limit: tiles of a picture, of one size, that are rendered when they are
 * first needed, and again when they were purged. Only a tile in use is pinned.
 *
 * <p>Safe for use by many threads; each tile is used by one at a time, since pins are not counted.
 */
public final class TileCache implements AutoCloseable {
  /** Makes a tile. */
  @FunctionalInterface
  public interface Renderer {
    /**
     * Writes all of a tile.
     *
     * @param tile which one, from 0
     * @param pixels where to, with anything in it
     */
    void render(int tile, ByteBuffer pixels);
  }

  private static final class Tile {
    /** It was rendered to its end, and not found to be purged since. */
    boolean rendered;
  }

  private final AshmemRegion region;
  private final Mapping mapping;
  private final Renderer renderer;
  private final Tile[] tiles;
  private final int tileSize;

  /** Tiles begin at pages, so that none is purged with another. */
  private final int stride;

  private final AtomicLong renderings = new AtomicLong();

  /**
   * Makes a cache of which nothing is rendered yet.
   *
   * @param count how many tiles there are
   * @param tileSize the size of each, in bytes; all together at most 2 GiB
   * @param renderer what makes them
   */
  public TileCache(int count, int tileSize, Renderer renderer) {
    int page = (int) AshmemRegion.pageSize();
    this.tileSize = tileSize;
    this.stride = (tileSize + page - 1) / page * page;
    this.renderer = renderer;
    this.tiles = new Tile[count];
    for (int i = 0; i < count; i++) {
      tiles[i] = new Tile();
    }
    this.region = AshmemRegion.create("tiles", Math.multiplyExact(count, stride));
    try {
      this.mapping = region.map();
      region.unpin();
    } catch (Throwable e) {
      region.close();
      throw e;
    }
  }

  /**
   * Looks at a tile, which is rendered before that if need be.
   *
   * @param tile which one, from 0
   * @param reader what looks at it; the buffer is of no use after that
   * @return what the reader returned
   */
  public long look(int tile, ToLongFunction<ByteBuffer> reader) {
    Tile state = tiles[tile];
    int offset = tile * stride;
    synchronized (state) {
      try (Pin pin = region.pinned(offset, stride)) {
        ByteBuffer pixels = mapping.buffer().slice(offset, tileSize);
        if (pin.wasPurged()) {
          state.rendered = false;
        }
        if (!state.rendered) {
          // It may throw: then the next pin finds half a tile intact, which is not rendered.
          renderer.render(tile, pixels.duplicate());
          state.rendered = true;
          renderings.incrementAndGet();
        }
        return reader.applyAsLong(pixels.asReadOnlyBuffer());
      }
    }
  }

  /** Returns how often a tile was rendered. */
  public long renderings() {
    return renderings.get();
  }

  @Override
  public void close() {
    mapping.close();
    region.close();
  }

  /**
   * Looks at all tiles, three times, with a purge before the third.
   *
   * @param args none
   */
  public static void main(String[] args) {
    int count = 64;
    int words = 8192;
    try (TileCache cache =
        new TileCache(
            count,
            words * Long.BYTES,
            (tile, pixels) -> Pattern.fill(pixels.asLongBuffer(), (long) tile * words))) {
      for (String step : new String[] {"first", "again", "after a purge"}) {
        if (step.equals("after a purge")) {
          System.out.println("purged " + AshmemRegion.purgeAllCaches() + " pages");
        }
        long before = cache.renderings();
        long wrong = 0;
        for (int tile = 0; tile < count; tile++) {
          long first = (long) tile * words;
          wrong +=
              cache.look(
                  tile, pixels -> Pattern.mismatch(pixels.asLongBuffer(), first) < 0 ? 0 : 1);
        }
        System.out.println(
            step + ": " + (cache.renderings() - before) + " rendered, " + wrong + " wrong");
      }
    }
  }
}
