// SPDX-License-Identifier: Apache-2.0
package org.ashmem.android;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;

import java.lang.reflect.Field;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class OsConstantsTest {
  /** The preprocessor replaces each name by its value, where the headers are this machine's. */
  @Test
  void valuesAreThoseOfTheCompilersHeaders(@TempDir Path directory) throws Exception {
    Map<String, Integer> expected = new TreeMap<>();
    StringBuilder source = new StringBuilder();
    source.append("#include <errno.h>\n#include <fcntl.h>\n#include <sys/mman.h>\n");
    for (Field field : OsConstants.class.getFields()) {
      source.append("\"" + field.getName() + "\" = " + field.getName() + "\n");
      expected.put(field.getName(), field.getInt(null));
    }
    Path file = Files.writeString(directory.resolve("constants.c"), source);
    Process gcc =
        new ProcessBuilder("gcc", "-E", "-P", "-D_GNU_SOURCE", file.toString())
            .redirectError(ProcessBuilder.Redirect.INHERIT)
            .start();
    String output = new String(gcc.getInputStream().readAllBytes(), UTF_8);
    assertEquals(0, gcc.waitFor());

    Map<String, Integer> found = new TreeMap<>();
    for (String line : output.lines().toList()) {
      if (line.startsWith("\"")) {
        String[] parts = line.split("\" = ", 2);
        found.put(parts[0].substring(1), Integer.decode(parts[1].strip()));
      }
    }
    assertEquals(expected, found);
  }

  @Test
  void errorNumbersHaveTheirNames() throws Exception {
    int named = 0;
    for (Field field : OsConstants.class.getFields()) {
      if (field.getName().startsWith("E") && !field.getName().equals("ENOTSUP")) {
        assertEquals(field.getName(), OsConstants.errnoName(field.getInt(null)));
        named++;
      }
    }
    assertEquals(79, named);
    assertEquals(OsConstants.EOPNOTSUPP, OsConstants.ENOTSUP);
    for (int none : new int[] {0, -1, -OsConstants.EINVAL, 41, 4095, Integer.MAX_VALUE}) {
      assertNull(OsConstants.errnoName(none));
    }
  }
}
