// SPDX-License-Identifier: Apache-2.0
package org.ashmem.example;

import java.nio.ByteBuffer;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.ToLongFunction;
import org.ashmem.AshmemRegion;
import org.ashmem.Mapping;
import org.ashmem.Pin;

/**
 * A cache that needs no size limit. It contains the tiles of a picture, all of the same size. A
 * tile is rendered when it is first needed, and again after it was purged. Only tiles in use are
 * pinned.
 *
 * <p>Thread-safe. Only one thread at a time uses a tile: no other thread can see a tile that is not
 * rendered yet.
 */
public final class TileCache implements AutoCloseable {
  /** Renders a tile. */
  @FunctionalInterface
  public interface Renderer {
    /**
     * Writes a whole tile.
     *
     * @param tile the index of the tile, at least 0
     * @param pixels the buffer to write to; its content is undefined
     */
    void render(int tile, ByteBuffer pixels);
  }

  private static final class Tile {
    /** Whether the tile was rendered completely, and no pin has found it purged since. */
    boolean rendered;
  }

  private final AshmemRegion region;
  private final Mapping mapping;
  private final Renderer renderer;
  private final Tile[] tiles;
  private final int tileSize;

  /** The distance of tiles in bytes. Each tile has its own pages, so it is purged alone. */
  private final int stride;

  private final AtomicLong renderings = new AtomicLong();

  /**
   * Creates a cache without rendered tiles.
   *
   * @param count the number of tiles
   * @param tileSize the size of each tile in bytes; all tiles together have less than 2 GiB
   * @param renderer the renderer of the tiles
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
   * Passes a tile to a reader, after rendering the tile if needed.
   *
   * @param tile the index of the tile, at least 0
   * @param reader the reader; it must not use the buffer after it returns
   * @return the result of the reader
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
          // If this throws, the tile stays marked as not rendered, even if no page is purged.
          renderer.render(tile, pixels.duplicate());
          state.rendered = true;
          renderings.incrementAndGet();
        }
        return reader.applyAsLong(pixels.asReadOnlyBuffer());
      }
    }
  }

  /** Returns how many times tiles were rendered. */
  public long renderings() {
    return renderings.get();
  }

  @Override
  public void close() {
    mapping.close();
    region.close();
  }

  /**
   * Reads all tiles three times, with a purge before the third time.
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
