// SPDX-License-Identifier: Apache-2.0
package org.ashmem;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/** This process's mappings, as /proc/self/maps lists them. */
public final class Maps {
  private Maps() {}

  /** The lines of mappings whose file's name contains the text. */
  public static List<String> lines(String text) throws IOException {
    try (var lines = Files.lines(Path.of("/proc/self/maps"))) {
      return lines.filter(line -> line.contains(text)).toList();
    }
  }

  /** Collects garbage until there is no such line, or for ten seconds the number stays the same. */
  public static List<String> linesAfterCollection(String text) throws Exception {
    List<String> left = lines(text);
    for (int i = 0; i < 100 && !left.isEmpty(); i++) {
      System.gc();
      Thread.sleep(100);
      List<String> now = lines(text);
      if (now.size() < left.size()) {
        i = 0;
      }
      left = now;
    }
    return left;
  }
}
