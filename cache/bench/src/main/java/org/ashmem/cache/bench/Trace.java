// SPDX-License-Identifier: Apache-2.0
package org.ashmem.cache.bench;

import static java.nio.charset.StandardCharsets.ISO_8859_1;

import java.io.BufferedInputStream;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.io.InputStream;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Locale;
import java.util.Map;
import java.util.zip.GZIPInputStream;
import org.tukaani.xz.XZInputStream;

/**
 * Requests that somebody's cache had, from the jar of Caffeine's simulator. They are read where
 * they are, and nothing of them is kept.
 *
 * <p>These are all traces of the jar that are requests to a cache and ask for more than the
 * smallest cache here holds, but for two that take very long.
 */
enum Trace {
  /** Objects of a shop's database, by day. */
  ORM_BUSY("cache2k/orm-busy.trace.xz", 4),
  /** The same by night. */
  ORM_NIGHT("cache2k/orm-night.trace.xz", 4),
  /** A page of products in July 2013. */
  WEB07("cache2k/web07.trace.xz", 4),
  /** The same in December. */
  WEB12("cache2k/web12.trace.xz", 4),
  /** Blocks of a virtual machine's disk. */
  W106("cloud_physics/w106.trace.xz", 4),
  /** Recommendations of a shop. */
  SCARAB("scarab/scarab-recs.trace.xz", 8),
  /** Results of builds, each by 32 digits and a line's end. */
  GRADLE("gradle/build-cache.xz", 33),
  /** A vault of a distributed ledger. */
  CORDA("corda/trace_vaultservice.gz", 8);

  private static final String FOLDER = "/com/github/benmanes/caffeine/cache/simulator/parser/";

  private final String file;
  private final int width;

  /**
   * @param file in the folder
   * @param width the bytes of each request
   */
  Trace(String file, int width) {
    this.file = file;
    this.width = width;
  }

  /** Returns the trace of a name such as {@code orm-busy}. */
  static Trace of(String name) {
    return valueOf(name.replace('-', '_').toUpperCase(Locale.ROOT));
  }

  /** The requested keys in their order. They are numbered in the order of their first requests. */
  record Requests(int[] keys, int distinct) {}

  Requests read() throws IOException {
    int[] keys = new int[1 << 16];
    int count = 0;
    Map<String, Integer> numbers = new HashMap<>();
    try (InputStream in = open()) {
      for (byte[] key = in.readNBytes(width); key.length == width; key = in.readNBytes(width)) {
        if (count == keys.length) {
          keys = Arrays.copyOf(keys, 2 * count);
        }
        Integer next = numbers.size();
        Integer number = numbers.putIfAbsent(new String(key, ISO_8859_1), next);
        keys[count++] = number == null ? next : number;
      }
    }
    return new Requests(Arrays.copyOf(keys, count), numbers.size());
  }

  private InputStream open() throws IOException {
    InputStream packed = Trace.class.getResourceAsStream(FOLDER + file);
    if (packed == null) {
      throw new FileNotFoundException(file + " is not in the class path");
    }
    return new BufferedInputStream(
        file.endsWith(".xz") ? new XZInputStream(packed) : new GZIPInputStream(packed));
  }
}
