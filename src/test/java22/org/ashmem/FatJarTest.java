// SPDX-License-Identifier: Apache-2.0
package org.ashmem;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.jar.JarFile;
import java.util.spi.ToolProvider;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The library's jar, and a jar with its content and a manifest without Multi-Release. */
class FatJarTest {
  /** Maps two regions, and writes to them. */
  static final class Program {
    private Program() {}

    public static void main(String[] args) {
      for (int i = 0; i < 2; i++) {
        try (AshmemRegion region = AshmemRegion.create("fat", 4096);
            Mapping mapping = region.map()) {
          mapping.buffer().put(0, (byte) 7);
          System.out.println("read " + mapping.buffer().get(0));
        }
      }
    }
  }

  @Test
  void jarIsValid() throws Exception {
    StringWriter said = new StringWriter();
    int status =
        ToolProvider.findFirst("jar")
            .orElseThrow()
            .run(
                new PrintWriter(said),
                new PrintWriter(said),
                "--validate",
                "--file",
                jar().toString());
    assertEquals("", said.toString());
    assertEquals(0, status);
  }

  @Test
  void fatJarWorksAndWarnsOnce(@TempDir Path directory) throws Exception {
    Path fat = repack(directory.resolve("fat.jar"));
    ChildJvm.Result result = run(fat);
    assertEquals(0, result.status(), result.output());
    assertEquals(2, count(result, "read 7"), result.output());
    assertEquals(1, count(result, "lacks the line 'Multi-Release: true'"), result.output());
    assertTrue(result.output().contains(fat.toString()), result.output());
  }

  @Test
  void libraryItselfDoesNotWarn() throws Exception {
    ChildJvm.Result result = run(jar());
    assertEquals(2, count(result, "read 7"), result.output());
    assertEquals(0, count(result, "Multi-Release"), result.output());
  }

  private static long count(ChildJvm.Result result, String text) {
    return result.output().lines().filter(line -> line.contains(text)).count();
  }

  private static ChildJvm.Result run(Path jar) throws Exception {
    List<String> command =
        new ArrayList<>(ChildJvm.command(List.of("-Dorg.ashmem.backend=memfd"), Program.class));
    command.replaceAll(each -> each.replace(jar().toString(), jar.toString()));
    return ChildJvm.run(command);
  }

  /** Returns the jar that this test runs on. */
  private static Path jar() {
    String path = AshmemRegion.class.getProtectionDomain().getCodeSource().getLocation().getPath();
    assertTrue(path.endsWith(".jar"), path);
    return Path.of(path);
  }

  private static Path repack(Path fat) throws Exception {
    try (JarFile jar = new JarFile(jar().toFile());
        ZipOutputStream out = new ZipOutputStream(Files.newOutputStream(fat))) {
      for (ZipEntry entry : jar.stream().toList()) {
        out.putNextEntry(new ZipEntry(entry.getName()));
        if (entry.getName().equals(JarFile.MANIFEST_NAME)) {
          out.write("Manifest-Version: 1.0\n".getBytes(UTF_8));
        } else {
          jar.getInputStream(entry).transferTo(out);
        }
      }
    }
    return fat;
  }
}
