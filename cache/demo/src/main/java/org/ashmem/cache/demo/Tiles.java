// SPDX-License-Identifier: Apache-2.0
package org.ashmem.cache.demo;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The tiles of a picture of the Mandelbrot set. A key is {@code zoom/x/y}: zoom level z has 2^z by
 * 2^z tiles. A tile is a bitmap, so that it takes no time to compress.
 */
final class Tiles {
  /** The width and height of a tile in pixels. */
  static final int SIDE = 256;

  /** What remains of a double's digits shows no more detail. */
  static final int MOST_ZOOM = 40;

  private static final int HEADER = 54;
  private static final int PIXEL = 3;

  /** The length of each tile in bytes. */
  static final int BYTES = HEADER + SIDE * SIDE * PIXEL;

  /** The square that zoom level 0 shows. */
  private static final double LEFT = -2.05;

  private static final double TOP = -1.35;
  private static final double WIDTH = 2.7;

  private static final int SHADES = 255;
  private static final byte[] COLOURS = colours();

  private Tiles() {}

  /**
   * Returns the keys of all tiles of the first zoom levels, those of level 0 first.
   *
   * @param levels the number of levels
   */
  static List<String> keys(int levels) {
    List<String> keys = new ArrayList<>();
    for (int zoom = 0; zoom < levels; zoom++) {
      for (int x = 0; x < 1 << zoom; x++) {
        for (int y = 0; y < 1 << zoom; y++) {
          keys.add(zoom + "/" + x + "/" + y);
        }
      }
    }
    return keys;
  }

  /** Returns the numbers of a key, or null if there is no such tile. */
  static long @Nullable [] parse(String key) {
    if (!key.matches("\\d{1,2}/\\d{1,13}/\\d{1,13}")) {
      return null;
    }
    String[] parts = key.split("/", -1);
    long[] numbers = new long[parts.length];
    for (int i = 0; i < parts.length; i++) {
      numbers[i] = Long.parseLong(parts[i]);
    }
    long side = 1L << numbers[0];
    return numbers[0] <= MOST_ZOOM && numbers[1] < side && numbers[2] < side ? numbers : null;
  }

  /**
   * Renders a tile.
   *
   * @param key the key of a tile that exists
   * @return the tile as a file of the format BMP
   */
  static byte[] render(String key) {
    long[] place = parse(key);
    if (place == null) {
      throw new IllegalArgumentException("there is no tile " + key);
    }
    byte[] file = new byte[BYTES];
    writeHeader(ByteBuffer.wrap(file).order(ByteOrder.LITTLE_ENDIAN));
    double step = WIDTH / (1L << place[0]) / SIDE;
    double left = LEFT + place[1] * SIDE * step;
    double top = TOP + place[2] * SIDE * step;
    int most = 64 + 24 * (int) place[0];
    int at = HEADER;
    for (int row = 0; row < SIDE; row++) {
      double imaginary = top + (row + 0.5) * step;
      for (int column = 0; column < SIDE; column++) {
        int colour = colour(left + (column + 0.5) * step, imaginary, most);
        System.arraycopy(COLOURS, colour * PIXEL, file, at, PIXEL);
        at += PIXEL;
      }
    }
    return file;
  }

  /** Writes the header of a bitmap of 24 bits a pixel, whose first row is the top one. */
  private static void writeHeader(ByteBuffer header) {
    header.put((byte) 'B').put((byte) 'M').putInt(BYTES).putInt(0).putInt(HEADER);
    header.putInt(40).putInt(SIDE).putInt(-SIDE).putShort((short) 1).putShort((short) (8 * PIXEL));
  }

  /** Returns the colour of a point: 0 inside the set, else after how many steps it escapes. */
  private static int colour(double real, double imaginary, int most) {
    double square = imaginary * imaginary;
    double right = real - 0.25;
    double q = right * right + square;
    if (q * (q + right) <= 0.25 * square || (real + 1) * (real + 1) + square <= 0.0625) {
      return 0; // in the large cardioid or the circle beside it
    }
    double x = 0;
    double y = 0;
    double xx = 0;
    double yy = 0;
    for (int i = 1; i <= most; i++) {
      y = 2 * x * y + imaginary;
      x = xx - yy + real;
      xx = x * x;
      yy = y * y;
      if (xx + yy > 4) {
        return Math.min(i, SHADES);
      }
    }
    return 0;
  }

  /** Returns the colours as blue, green, red: a dark inside, then from paper over blue to gold. */
  private static byte[] colours() {
    int[] stops = {0x0E2233, 0xF3F7FA, 0xDCEAF2, 0x8FBFD6, 0x2F7FA8, 0x123F66, 0xC98A1B, 0xFFE9B8};
    byte[] colours = new byte[(1 + SHADES) * PIXEL];
    for (int i = 0; i <= SHADES; i++) {
      // The first steps differ most.
      double position = i == 0 ? 0 : 1 + Math.log(i) / Math.log(SHADES + 1) * (stops.length - 2);
      int stop = (int) position;
      for (int part = 0; part < PIXEL; part++) {
        int from = stops[stop] >> (8 * part) & 0xFF;
        int to = stops[stop + 1] >> (8 * part) & 0xFF;
        colours[i * PIXEL + part] = (byte) Math.round(from + (to - from) * (position - stop));
      }
    }
    return colours;
  }
}
