// SPDX-License-Identifier: Apache-2.0
package org.ashmem;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/** The mappings of this process in /proc/self/maps. */
public final class Maps {
  private Maps() {}

  /** Returns the lines that contain the text, for example a file name. */
  public static List<String> lines(String text) throws IOException {
    try (var lines = Files.lines(Path.of("/proc/self/maps"))) {
      return lines.filter(line -> line.contains(text)).toList();
    }
  }

  /** Collects garbage until there is no such line. */
  public static void awaitNone(String text) throws Exception {
    Await.collection(() -> lines(text).isEmpty());
  }
}
