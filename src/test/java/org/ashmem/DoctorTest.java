// SPDX-License-Identifier: Apache-2.0
package org.ashmem;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What {@code java -jar} prints, and what it finds in machines that are folders of this test. */
@ExtendWith({OnMemfd.class, WatchedByDefault.class})
class DoctorTest {
  @TempDir Path root;

  private record Said(int status, String output) {}

  private static Said run(String... arguments) {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    int status = Main.run(arguments, new PrintStream(bytes, true, UTF_8));
    return new Said(status, bytes.toString(UTF_8));
  }

  private void write(String file, String content) throws Exception {
    Path path = root.resolve(file);
    Files.createDirectories(path.getParent());
    Files.writeString(path, content);
  }

  private Finding finding(String name) {
    return new Doctor(root)
        .examine().stream().filter(each -> each.name().equals(name)).findFirst().orElseThrow();
  }

  @Test
  void machineOfThisTestIsUsable() {
    Said said = run();
    assertEquals(Main.USABLE, said.status(), said.output());
    for (String name :
        List.of(
            "machine",
            "java",
            "jar",
            "commons-lang3",
            "native library",
            "device",
            "memfd",
            "backend",
            "lazy memory",
            "memory limit",
            "pressure",
            "demonstration")) {
      assertTrue(
          said.output().lines().anyMatch(line -> line.matches("(ok|lacks) +" + name + "  +.*")),
          name + "\n" + said.output());
    }
    assertTrue(said.output().contains("1048576 of 1048576 bytes are in memory"), said.output());
    assertTrue(said.output().contains("pinned it again: WAS_PURGED"), said.output());
    assertTrue(said.output().contains("0 of 1048576 bytes are in memory"), said.output());
    assertTrue(said.output().endsWith("Regions work here.\n"), said.output());
  }

  @Test
  void jsonHasTheSame() {
    Said said = run("--json");
    assertEquals(Main.USABLE, said.status());
    assertTrue(
        said.output().startsWith("{\n  \"usable\": true,\n  \"machine\": {\"state\": \"ok\""));
    assertTrue(
        said.output().contains("\"demonstration\": {\"state\": \"ok\", \"fact\": \"created"));
    assertTrue(said.output().endsWith("\"advice\": \"\"}\n}\n"), said.output());
  }

  @Test
  void textInJsonIsEscaped() {
    assertEquals("\"a \\\"b\\\" \\\\ \\n \\u0009\\u00e9\"", Report.quoted("a \"b\" \\ \n \té"));
  }

  @Test
  void helpTellsTheOptionsAndTheStatus() {
    Said said = run("--help");
    assertEquals(Main.USABLE, said.status());
    for (String text : List.of("usage: java -jar", "--json", "--purge", "Exit status: 0")) {
      assertTrue(said.output().contains(text), said.output());
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"--jsno", "device", ""})
  void wrongArgumentIsRefused(String argument) {
    Said said = run("--json", argument);
    assertEquals(Main.USAGE, said.status());
    assertTrue(said.output().startsWith("unknown: " + argument + "\n\nusage:"), said.output());
  }

  @Test
  void wrongPropertyIsNotUsable() {
    System.setProperty(Backend.PROPERTY, "floppy");
    try {
      Said said = run();
      assertEquals(Main.UNUSABLE, said.status(), said.output());
      assertTrue(said.output().contains("BROKEN backend"), said.output());
      assertTrue(said.output().contains("is 'floppy', not auto, device or memfd"), said.output());
      assertTrue(said.output().endsWith("No region can be created here.\n"), said.output());
    } finally {
      System.setProperty(Backend.PROPERTY, "memfd");
    }
  }

  @Test
  void emptyMachineLacksAlmostAll() {
    assertEquals(Finding.State.LACK, finding("memory limit").state());
    assertEquals("no cgroup with the memory controller is visible", finding("memory limit").fact());
    assertEquals("the kernel does not report it", finding("pressure").fact());
  }

  @ParameterizedTest(name = "{1} above {2}")
  @CsvSource({
    "max, max, max, none",
    "max, max, 4096, 4096 bytes",
    "8192, max, max, 8192 bytes",
    "max, 12288, 16384, 12288 bytes"
  })
  void smallestLimitOfVersion2Counts(String root, String middle, String own, String limit)
      throws Exception {
    write("proc/self/cgroup", "0::/middle/own\n");
    write("sys/fs/cgroup/cgroup.controllers", "memory\n");
    write("sys/fs/cgroup/memory.max", root + "\n");
    write("sys/fs/cgroup/middle/memory.max", middle + "\n");
    write("sys/fs/cgroup/middle/own/memory.max", own + "\n");
    write("sys/fs/cgroup/middle/own/memory.current", "100\n");
    String where = this.root.resolve("sys/fs/cgroup/middle/own").toString();
    assertEquals(
        Finding.ok("memory limit", limit + ", 100 bytes in use (cgroup v2 " + where + ")"),
        finding("memory limit"));
  }

  /** A hybrid machine has the memory controller in version 1. */
  @ParameterizedTest
  @CsvSource({"9223372036854771712, none", "314572800, 314572800 bytes"})
  void limitOfVersion1Counts(String bytes, String limit) throws Exception {
    write("proc/self/cgroup", "9:name=systemd:/\n4:cpu,memory:/own\n0::/\n");
    write("sys/fs/cgroup/cgroup.controllers", "cpu\n");
    write("sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n");
    write("sys/fs/cgroup/memory/own/memory.limit_in_bytes", bytes + "\n");
    String where = root.resolve("sys/fs/cgroup/memory/own").toString();
    assertEquals(
        Finding.ok("memory limit", limit + " (cgroup v1 " + where + ")"), finding("memory limit"));
  }

  /** In a container without a namespace of its own, the path is that of the host. */
  @Test
  void pathThatIsNotVisibleIsTheRoot() throws Exception {
    write("proc/self/cgroup", "4:memory:/docker/0123\n");
    write("sys/fs/cgroup/memory/memory.limit_in_bytes", "4096\n");
    assertEquals(Optional.of(4096L), MemoryGroup.find(root).orElseThrow().limit());
    write("proc/self/cgroup", "4:memory:/../outside\n");
    assertEquals(Optional.of(4096L), MemoryGroup.find(root).orElseThrow().limit());
  }

  @Test
  void purgesOnRequestOnlyAreALack() throws Exception {
    write("proc/pressure/memory", "some avg10=0.00\n");
    assertEquals(Finding.State.OK, finding("pressure").state());
    System.setProperty(PressureWatch.PROPERTY, "false");
    assertEquals(Finding.State.LACK, finding("pressure").state());
  }

  @Test
  void pressureOfTheGroupComesFirst() throws Exception {
    write("proc/self/cgroup", "0::/own\n");
    write("sys/fs/cgroup/cgroup.controllers", "memory\n");
    write("proc/pressure/memory", "some avg10=1.00\nfull avg10=0.00\n");
    assertTrue(finding("pressure").fact().endsWith("proc/pressure/memory reports some avg10=1.00"));
    write("sys/fs/cgroup/own/memory.pressure", "some avg10=2.00\nfull avg10=0.00\n");
    assertTrue(finding("pressure").fact().endsWith("memory.pressure reports some avg10=2.00"));
  }
}
