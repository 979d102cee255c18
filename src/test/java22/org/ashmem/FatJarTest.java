// SPDX-License-Identifier: Apache-2.0
package org.ashmem;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.PrintWriter;
import java.io.StringWriter;
import java.lang.foreign.Arena;
import java.lang.foreign.ValueLayout;
import java.lang.reflect.Method;
import java.nio.ByteBuffer;
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

/** The library's jar, a jar with its content and another manifest, and its classes elsewhere. */
class FatJarTest {
  /** Takes segments of a mapping and of a region, and a buffer of a closed mapping. */
  static final class Program {
    private Program() {}

    public static void main(String[] args) {
      try (AshmemRegion region = AshmemRegion.create("fat", 4096);
          Arena arena = Arena.ofConfined()) {
        Mapping mapping = region.map(1, 8);
        ByteBuffer buffer = mapping.buffer();
        Segments.of(mapping).set(ValueLayout.JAVA_BYTE, 7, (byte) 8);
        System.out.println("in the mapping " + buffer.get(7));
        System.out.println(
            "in the region "
                + Segments.map(region, MapMode.READ_ONLY, 8, 4088, arena)
                    .get(ValueLayout.JAVA_BYTE, 0));
        mapping.close();
        try {
          System.out.println("after the close " + buffer.get(7));
        } catch (IllegalStateException e) {
          System.out.println("closed");
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
  void jarAndFatJarHaveTheClassesForJava22(@TempDir Path directory) throws Exception {
    for (Path jar : List.of(jar(), repack(directory.resolve("fat.jar")))) {
      ChildJvm.Result result = run(jar);
      assertEquals(
          List.of("in the mapping 8", "in the region 8", "closed"),
          result.output().lines().toList(),
          result.output());
      assertEquals(0, result.status());
    }
  }

  @Test
  void otherPackageHasTheClassesForJava22() throws Exception {
    Class<?> memory = new Relocated("moved").load("moved", "Memory");
    Method maxLength = memory.getDeclaredMethod("maxLength");
    maxLength.setAccessible(true);
    assertEquals(Long.MAX_VALUE, maxLength.invoke(null));
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
